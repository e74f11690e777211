//! reqwest-middleware 0.5, and with it rig: a middleware that observes what passes.
//!
//! In: a stack's request, and what is below. Out: the same answers, with a client span for each request that comes by.

use std::borrow::Cow;

use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Error, Middleware, Next, Result};

use super::reqwest::{kind_of, observe};

/// A middleware of reqwest-middleware 0.5 that gives each call a span of its own, as
/// [`send_traced`](crate::RequestBuilderExt::send_traced) does.
///
/// Its place in the stack says what a call is. *Innermost*, that is added last, behind a middleware that retries, each attempt is a call:
/// it has its own span, with its own status, and carries that span's context. *Outermost*, added first, all attempts together are one
/// call, whose span has the last answer's facts; each attempt carries the context of that one span. In both places the outer one counts.
///
/// ```no_run
/// use llmetry::LlmMiddleware;
///
/// let client = reqwest_middleware::ClientBuilder::new(reqwest::Client::new())
///     // retries, if there are any, here
///     .with(LlmMiddleware::new())
///     .build();
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct LlmMiddleware;

impl LlmMiddleware {
    /// The middleware; its settings are those of [`Builder`](crate::Builder).
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait::async_trait]
impl Middleware for LlmMiddleware {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        observe(request, |request| next.run(request, extensions), kind).await
    }
}

/// Middlewares wrap the errors of those below.
fn kind(error: &Error) -> Cow<'static, str> {
    let sent = match error {
        Error::Reqwest(error) => Some(error),
        Error::Middleware(error) => error.chain().find_map(|cause| {
            cause.downcast_ref::<reqwest::Error>().or_else(|| match cause.downcast_ref::<Error>() {
                Some(Error::Reqwest(error)) => Some(error),
                _ => None,
            })
        }),
    };
    sent.map_or(Cow::Borrowed("middleware"), kind_of)
}
