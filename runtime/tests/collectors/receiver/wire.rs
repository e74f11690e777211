//! A connection that can be cut: closed in order, or reset, by whoever holds its [`Cut`].

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// Ends a connection.
#[derive(Debug, Default)]
pub(super) struct Cut {
    resets: AtomicBool,
    leaves: AtomicBool,
    now: Notify,
    /// How often the receiver had died when the connection was made.
    pub(super) deaths: usize,
}

impl Cut {
    pub(super) fn new(deaths: usize) -> Self {
        Self { deaths, ..Self::default() }
    }

    /// The other side sees a reset.
    pub(super) fn reset(&self) {
        self.resets.store(true, Ordering::SeqCst);
        self.close();
    }

    /// The other side sees an end.
    pub(super) fn close(&self) {
        self.now.notify_one();
    }

    /// No further request is read: an answer to it might not get through before the end.
    pub(super) fn leave(&self) {
        self.leaves.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaves.load(Ordering::SeqCst)
    }

    /// Until somebody has cut it.
    pub(super) async fn happens(&self) {
        self.now.notified().await;
    }
}

/// A stream that is reset when it is dropped, if its `Cut` says so.
pub(super) struct Wire {
    stream: TcpStream,
    cut: Arc<Cut>,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, cut: Arc<Cut>) -> Self {
        Self { stream, cut }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.cut.resets.load(Ordering::SeqCst) {
            // The system sends a reset for a socket that is not to linger.
            _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(task, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(task, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(task)
    }
}
