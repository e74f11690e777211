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
