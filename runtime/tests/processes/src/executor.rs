//! What drives a program's futures: one of tokio's runtimes, or nothing but the thread; and who runs what.

use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use tokio::runtime::{self, Handle};
use tokio::sync::oneshot;

use crate::plan::{Carrier, Runtime};

pub enum Executor {
    Tokio(runtime::Runtime),
    Bare,
}

impl Executor {
    pub fn new(runtime: Runtime) -> Self {
        match runtime {
            Runtime::CurrentThread => runtime::Builder::new_current_thread().enable_all().build(),
            Runtime::MultiThread => {
                runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
            }
            Runtime::None => return Self::Bare,
        }
        .map(Self::Tokio)
        .expect("the system gives a runtime")
    }

    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        match self {
            Self::Tokio(runtime) => runtime.block_on(future),
            Self::Bare => block_on(future),
        }
    }
}

/// Runs `work` on the main thread, on a thread or in a task. What it gave, or `true` where nobody looked or it panicked elsewhere.
pub fn carry<F>(carrier: Carrier, executor: &Executor, work: impl FnOnce() -> F + Send + 'static) -> bool
where
    F: Future<Output = bool> + Send + 'static,
{
    match carrier {
        Carrier::Main => executor.block_on(work()),
        Carrier::Thread { joined } => {
            let handle = match executor {
                Executor::Tokio(runtime) => Some(runtime.handle().clone()),
                Executor::Bare => None,
            };
            let (tell, told) = channel::<()>();
            let thread = thread::spawn(move || {
                // Goes last, also in a panic.
                let _tell = tell;
                block_on_handle(handle.as_ref(), work())
            });
            if joined {
                return thread.join().unwrap_or(true);
            }
            drop(thread);
            told.recv().is_err()
        }
        Carrier::Task { joined } => executor.block_on(async {
            let (tell, told) = oneshot::channel::<()>();
            let task = tokio::spawn(async move {
                let _tell = tell;
                work().await
            });
            if joined {
                return task.await.unwrap_or(true);
            }
            drop(task);
            told.await.is_err()
        }),
    }
}

/// Runs `future` on this thread: on the runtime of `handle`, or on none.
fn block_on_handle<F: Future>(handle: Option<&Handle>, future: F) -> F::Output {
    match handle {
        Some(handle) => handle.block_on(future),
        None => block_on(future),
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        thread::park();
    }
}

/// Pending once: as if something had been waited for.
pub async fn yield_now() {
    let mut asked = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut asked, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
