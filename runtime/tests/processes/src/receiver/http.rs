//! A server for HTTP/1.1 that answers as it is told: the receiver's own, and that of the soak's faults.
//!
//! In: a function from a request's body to a [`Reply`]. Out: an address. It can be stopped, with all its connections, and started again
//! at the same address.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

/// What a request is answered with.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    /// Whole lines, each with its end.
    pub headers: String,
    pub body: Vec<u8>,
    /// How long it takes.
    pub after: Duration,
    /// No answer; the connection is closed.
    pub reset: bool,
}

impl Reply {
    pub fn status(status: u16) -> Self {
        Self { status, headers: String::new(), body: Vec::new(), after: Duration::ZERO, reset: false }
    }

    /// A response that says nothing is as long as nothing.
    pub fn ok() -> Self {
        Self { headers: "content-type: application/x-protobuf\r\n".to_owned(), ..Self::status(200) }
    }
}

#[derive(Debug)]
pub struct Http {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    stopped: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
}

impl Http {
    /// Serves at `address`; port 0 is any.
    pub fn start(
        address: SocketAddr,
        answer: impl Fn(&[u8]) -> Reply + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let shared = Arc::<Shared>::default();
        let (accepting, answer) = (Arc::clone(&shared), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.stopped.load(Ordering::Acquire) {
                    return;
                }
                if let Ok(clone) = stream.try_clone() {
                    accepting.connections.lock().unwrap_or_else(PoisonError::into_inner).push(clone);
                }
                let answer = Arc::clone(&answer);
                // A connection that breaks is the other side's matter.
                thread::spawn(move || {
                    let _ = serve(stream, &*answer);
                });
            }
        });
        Ok(Self { address, shared })
    }
}

/// Listener and connections are closed.
impl Drop for Http {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        // Wakes the listener, which then goes.
        let _ = TcpStream::connect(self.address);
        let connections = self.shared.connections.lock().unwrap_or_else(PoisonError::into_inner);
        for connection in connections.iter() {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

fn serve(mut stream: TcpStream, answer: &dyn Fn(&[u8]) -> Reply) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut read = Vec::new();
    loop {
        let Some((body, end)) = request(&mut stream, &mut read)? else { return Ok(()) };
        let reply = answer(&read[body..end]);
        thread::sleep(reply.after);
        if reply.reset {
            return stream.shutdown(Shutdown::Both);
        }
        let Reply { status, headers, body, .. } = reply;
        let head = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n", body.len());
        stream.write_all(&[head.as_bytes(), &body].concat())?;
        read.drain(..end);
    }
}

/// Where the body of the next request stands in `read`. `None`: there is none.
fn request(stream: &mut TcpStream, read: &mut Vec<u8>) -> io::Result<Option<(usize, usize)>> {
    let mut chunk = [0; 16 * 1024];
    loop {
        if let Some(body) = read.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4) {
            let head = String::from_utf8_lossy(&read[..body]).to_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
            let end = body + length.unwrap_or(0);
            // Looking for the head's end again with every piece of the body would cost its square.
            while read.len() < end {
                let more = stream.read(&mut chunk)?;
                if more == 0 {
                    return Ok(None);
                }
                read.extend_from_slice(&chunk[..more]);
            }
            return Ok(Some((body, end)));
        }
        let more = stream.read(&mut chunk)?;
        if more == 0 {
            return Ok(None);
        }
        read.extend_from_slice(&chunk[..more]);
    }
}

/// A body, if it is one of OTLP.
pub fn decoded(body: &[u8]) -> Option<ExportTraceServiceRequest> {
    ExportTraceServiceRequest::decode(body).ok()
}
