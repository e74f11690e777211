//! What a status of gRPC says about the batch.
//!
//! In: a status, the receiver's or tonic's own. Out: a verdict. Does not: wait, or reconnect.

use std::error::Error as StdError;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::super::super::Verdict;
use super::super::{MAX_PAUSE, NO_TLS, Receiver, causes, is_nonsense, with_causes};

/// What stands at the end of a text when the other side seems to be something else.
const WRONG_PORT: &str = "; is this the port for OTLP over gRPC? It is usually 4317";

/// The words in which receivers say that a message is too large: those of grpc-go, the older and the newer, of tonic, of grpc-java and
/// of C. There is no code for it.
const TOO_LARGE: [&str; 4] = [
    "larger than max",
    "message length too large",
    "message exceeds maximum size",
    "mapped from HTTP status code 413",
];

/// The verdict of an attempt that has failed.
pub(super) fn of_status(receiver: &Receiver, status: &Status) -> Verdict {
    // Where tonic has made the status it says of what; a receiver's stands alone.
    if let Some(cause) = status.source() {
        return of_connection(receiver, status.message(), cause);
    }
    let code = status.code();
    let more = match code {
        Code::Unauthenticated | Code::PermissionDenied => "; are the headers right?",
        Code::Unimplemented => WRONG_PORT,
        _ => "",
    };
    let error = receiver
        .failure(format_args!("the receiver answered {code:?}: {}{more}", receiver.quoted(status.message())));
    let after = status.get_details_retry_info().and_then(|info| info.retry_delay);
    let after = after.map(|after| after.min(MAX_PAUSE));
    let is_too_large = || TOO_LARGE.iter().any(|words| status.message().contains(words));
    match code {
        // tonic's receivers call a message that is too large out of range.
        Code::ResourceExhausted | Code::OutOfRange | Code::Unknown if after.is_none() && is_too_large() => {
            Verdict::TooLarge { error }
        }
        // Without a time it does not mean that more resources will come.
        Code::ResourceExhausted if after.is_none() => Verdict::Refused { error },
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => Verdict::Later { after, error },
        _ => Verdict::Refused { error },
    }
}

/// The verdict where the connection failed, before or during the request.
fn of_connection(receiver: &Receiver, message: &str, cause: &(dyn StdError + 'static)) -> Verdict {
    let text = match with_causes(cause) {
        text if text.contains(message) => text,
        text => format!("{message}: {text}"),
    };
    if causes(cause).any(|cause| cause.downcast_ref().is_some_and(is_nonsense)) {
        return Verdict::Refused { error: receiver.failure(format_args!("{text}{NO_TLS}")) };
    }
    if causes(cause).any(|cause| cause.downcast_ref().is_some_and(is_no_http2)) {
        return Verdict::Refused { error: receiver.failure(format_args!("{text}{WRONG_PORT}")) };
    }
    Verdict::Later { after: None, error: receiver.failure(text) }
}

/// Whether it was our side that found the other's words to be none of HTTP/2. A receiver that complains, or goes away, may be another one
/// next time.
fn is_no_http2(error: &h2::Error) -> bool {
    error.is_library()
        && matches!(error.reason(), Some(h2::Reason::PROTOCOL_ERROR | h2::Reason::FRAME_SIZE_ERROR))
}
