//! A real OTLP receiver on loopback that does what a script says: takes, refuses, hangs, resets, answers nonsense.
//!
//! In: an address, a protocol, and a script with an [`Answer`] for each request. Out: what has been stored and confirmed, span by span.
//! HTTP/protobuf is served by hyper, gRPC by hyper and tonic's service. It runs on a thread of its own, or, by [`Receiver::serve_here`],
//! on the runtime of the program under test. Does not: know llmetry.

pub(crate) mod answer;
mod serve;
mod store;
mod wire;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) use self::answer::{Answer, Reply};
pub(crate) use self::store::Store;

/// How OTLP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    Grpc,
}

impl Protocol {
    /// As `OTEL_EXPORTER_OTLP_PROTOCOL` spells it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "http/protobuf",
            Self::Grpc => "grpc",
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Http => Self::Grpc,
            Self::Grpc => Self::Http,
        }
    }
}

/// What a connection meets before any request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// The protocol.
    Plain,
    /// The protocol behind TLS, with a certificate that nobody has signed.
    SelfSigned,
    /// A greeting of another protocol, and nothing more.
    Greeting,
    /// Nothing at all; the connection stays.
    Silence,
}

/// A request as the script sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    /// From 0, over the receiver's life.
    pub(crate) number: usize,
    /// In the request.
    pub(crate) spans: usize,
}

type Script = Box<dyn Fn(Asked) -> Answer + Send + Sync>;

/// What all connections share.
struct Shared {
    protocol: Protocol,
    door: Door,
    script: Script,
    /// The most bytes of a request, as receivers limit them.
    max_bytes: usize,
    /// So many requests are reset as soon as their head is there.
    cut_early: AtomicUsize,
    /// Requests that arrived, whatever became of them.
    requests: AtomicUsize,
    /// Of those, the ones that were read to the end.
    read: AtomicUsize,
    store: Mutex<Store>,
    /// Whether those that hang may go on.
    released: watch::Sender<bool>,
    /// A certificate was refused by the other side.
    refused: AtomicBool,
}

/// See the module. It is gone with all its connections when it is dropped.
pub(crate) struct Receiver {
    shared: Arc<Shared>,
    address: SocketAddr,
    runtime: Runtime,
    listening: Mutex<Option<JoinHandle<()>>>,
}

impl Receiver {
    /// A receiver that is down.
    pub(crate) fn down(
        address: SocketAddr,
        protocol: Protocol,
        script: impl Fn(Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::behind(Door::Plain, address, protocol, usize::MAX, script)
    }

    /// A receiver that is up.
    pub(crate) fn up(
        address: SocketAddr,
        protocol: Protocol,
        script: impl Fn(Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let receiver = Self::down(address, protocol, script);
        receiver.open();
        receiver
    }

    /// A receiver that is down, behind `door`, and reads no requests above `max_bytes`.
    pub(crate) fn behind(
        door: Door,
        address: SocketAddr,
        protocol: Protocol,
        max_bytes: usize,
        script: impl Fn(Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            protocol,
            door,
            script: Box::new(script),
            max_bytes,
            cut_early: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            read: AtomicUsize::new(0),
            store: Mutex::default(),
            released: watch::channel(false).0,
            refused: AtomicBool::new(false),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("receiver")
            .enable_all()
            .build()
            .unwrap();
        Self { shared, address, runtime, listening: Mutex::new(None) }
    }

    /// Listens, again if it has before.
    pub(crate) fn open(&self) {
        let listener = self.runtime.block_on(serve::bind(self.address));
        let task = self.runtime.spawn(serve::accept(listener, Arc::clone(&self.shared)));
        assert!(self.listening.lock().unwrap().replace(task).is_none(), "it is open");
    }

    /// Dies: nobody listens any more, and every connection is reset.
    pub(crate) fn close(&self) {
        let task = self.listening.lock().unwrap().take().expect("it is open");
        task.abort();
        // The listener and the connections are gone when the task is.
        _ = self.runtime.block_on(task);
        self.shared.store.lock().unwrap().died();
    }

    /// Serves on the runtime of whoever calls, instead of its own.
    pub(crate) async fn serve_here(&self) {
        let listener = serve::bind(self.address).await;
        tokio::spawn(serve::accept(listener, Arc::clone(&self.shared)));
    }

    /// Lets those requests go on that hang, now and later.
    pub(crate) fn let_go(&self) {
        self.shared.released.send_replace(true);
    }

    /// Resets the next `count` requests before their bodies are read.
    pub(crate) fn cut_early(&self, count: usize) {
        self.shared.cut_early.store(count, Ordering::SeqCst);
    }

    /// How many requests have arrived.
    pub(crate) fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Whether a connection failed because the other side did not like the certificate.
    pub(crate) fn certificate_refused(&self) -> bool {
        self.shared.refused.load(Ordering::SeqCst)
    }

    /// What has arrived by now.
    pub(crate) fn store(&self) -> Store {
        self.shared.store.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(task) = self.listening.lock().unwrap().take() {
            task.abort();
        }
    }
}
