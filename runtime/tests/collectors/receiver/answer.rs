//! What a receiver may do with one request, in words that hold for HTTP and gRPC alike.
//!
//! In: nothing. Out: an [`Answer`], which `serve` turns into bytes. Does not: know sockets.

use std::time::Duration;

use tonic::Code;

/// What becomes of a request that was read.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// How many of its spans are not stored; `usize::MAX`: none is stored.
    pub(crate) left_out: usize,
    /// How long it takes.
    pub(crate) delay: Duration,
    /// What is said then.
    pub(crate) reply: Reply,
    /// Whether the connection is closed, in order, once it is said.
    pub(crate) leaves: bool,
}

/// What is said.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// The whole request is confirmed, but for so many rejected spans.
    Confirm { rejected: i64, message: &'static str },
    /// An error in the terms of the protocol.
    Error { status: u16, code: Code, message: &'static str, after: Option<After> },
    /// A status of HTTP, also where gRPC is spoken: a proxy in front of the receiver.
    Proxy(u16),
    /// 200 and a page for people.
    Page,
    /// 200, and bytes that mean nothing, sent as what was expected.
    Noise,
    /// The connection is reset.
    Cut,
    /// The connection is reset in the middle of the answer.
    CutHalfway,
    /// Nothing is said before [`let_go`](super::Receiver::let_go); then it is confirmed.
    Hang,
}

/// When the receiver wants to be asked again.
#[derive(Clone, Copy, Debug)]
pub(crate) enum After {
    Seconds(u64),
    /// As it stands in `Retry-After`; gRPC has no words for it, and says nothing there.
    Text(&'static str),
}

/// Errors after which the same request may be sent again.
pub(crate) const UNAVAILABLE: Reply =
    Reply::Error { status: 503, code: Code::Unavailable, message: "come back later", after: None };
/// The batch has too many spans; as grpc-go says it.
pub(crate) const TOO_LARGE: Reply = Reply::Error {
    status: 413,
    code: Code::ResourceExhausted,
    message: "grpc: received message larger than max (2000 vs. 1000)",
    after: None,
};
/// The receiver has a fault of its own.
pub(crate) const INTERNAL: Reply =
    Reply::Error { status: 500, code: Code::Internal, message: "out of order", after: None };

/// Too many requests.
pub(crate) const fn busy(after: After) -> Reply {
    Reply::Error { status: 429, code: Code::ResourceExhausted, message: "slow down", after: Some(after) }
}

/// A refusal for good.
pub(crate) const fn no(status: u16, code: Code) -> Reply {
    Reply::Error { status, code, message: "no", after: None }
}

impl Answer {
    /// Stores and confirms.
    pub(crate) const fn take() -> Self {
        Self {
            left_out: 0,
            delay: Duration::ZERO,
            reply: Reply::Confirm { rejected: 0, message: "" },
            leaves: false,
        }
    }

    /// Stores and confirms, slowly.
    pub(crate) const fn slow(delay: Duration) -> Self {
        Self { delay, ..Self::take() }
    }

    /// Stores and confirms, and closes the connection.
    pub(crate) const fn take_and_leave() -> Self {
        Self { leaves: true, ..Self::take() }
    }

    /// Leaves out so many spans, and says so.
    pub(crate) fn partial(rejected: usize, message: &'static str) -> Self {
        let reply = Reply::Confirm { rejected: rejected.try_into().unwrap(), message };
        Self { left_out: rejected, reply, ..Self::take() }
    }

    /// Stores nothing and says this.
    pub(crate) const fn say(reply: Reply) -> Self {
        Self { left_out: usize::MAX, delay: Duration::ZERO, reply, leaves: false }
    }

    /// Stores and says this.
    pub(crate) const fn store_and(reply: Reply) -> Self {
        Self { left_out: 0, delay: Duration::ZERO, reply, leaves: false }
    }
}
