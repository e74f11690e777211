//! Outgoing calls, seen from HTTP: which headers go with them.
//!
//! In: the current context and an `http::HeaderMap`. Out: W3C trace context in it; baggage only for hosts that may have it. Does not:
//! send anything, or know a client crate outside of `client/`.

#[cfg(feature = "llm")]
mod body;
#[cfg(feature = "llm")]
mod by_hand;
#[cfg(feature = "llm")]
pub(crate) mod foreign;
mod inject;
#[cfg(feature = "llm")]
mod observed;
#[cfg(feature = "llm")]
mod stream_usage;

#[cfg(any(feature = "reqwest", feature = "tower"))]
mod client;

pub use self::inject::{extract, inject, inject_for};

#[cfg(feature = "llm")]
pub use self::body::ObservedBody;
#[cfg(feature = "llm")]
pub use self::by_hand::{LlmCall, LlmRequest, llm};
#[cfg(feature = "reqwest")]
pub use self::client::reqwest::RequestBuilderExt;
#[cfg(feature = "reqwest-client")]
pub use self::client::reqwest::client::{Client, RequestBuilder};
#[cfg(feature = "reqwest-middleware")]
pub use self::client::reqwest_middleware::LlmMiddleware;
#[cfg(feature = "tower")]
pub use self::client::tower::{LlmFuture, LlmLayer, LlmService, ShownBody};

/// What every adapter does with an exchange, for the benchmark of streams, which has no client around it: the call begins, `answer`'s
/// head has come, and its body is observed from here on.
#[cfg(feature = "llm")]
#[doc(hidden)]
pub fn __observed<B: http_body::Body>(
    request: &mut http::Request<&[u8]>,
    answer: http::Response<B>,
) -> http::Response<impl http_body::Body<Data = B::Data, Error = B::Error> + use<B>> {
    let host = request.uri().host().unwrap_or_default().to_owned();
    let mut call = observed::Call::start(observed::Outgoing {
        method: request.method().as_str(),
        host: &host,
        port: request.uri().port_u16(),
        path: request.uri().path(),
        body: Some(*request.body()),
    });
    call.inject(request.headers_mut(), &host);
    call.head(answer.status(), answer.headers());
    answer.map(|body| ObservedBody::new(body, call))
}
