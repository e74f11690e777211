//! reqwest 0.13: trace context on one request.

use http::HeaderMap;
use reqwest::RequestBuilder;

use crate::call::inject_for;

/// Puts the current trace into a request of reqwest 0.13.
pub trait RequestBuilderExt {
    /// This request with `traceparent` (and `tracestate`, if there is one) of the current span, and with `baggage` if the
    /// request's host may have it. Without a current trace the request stays as it is.
    ///
    /// ```no_run
    /// use llmetry::RequestBuilderExt;
    /// # async fn example() -> Result<(), reqwest::Error> {
    /// let models = reqwest::Client::new()
    ///     .get("http://127.0.0.1:8000/v1/models")
    ///     .with_trace_context()
    ///     .send()
    ///     .await?;
    /// # Ok(()) }
    /// ```
    #[must_use]
    fn with_trace_context(self) -> Self;
}

impl RequestBuilderExt for RequestBuilder {
    fn with_trace_context(self) -> Self {
        let mut headers = HeaderMap::new();
        // The builder does not show its URL; a copy does. A body that cannot be copied (a stream) leaves the host unknown, and
        // an unknown host gets no baggage.
        let host = || {
            let request = self.try_clone()?.build().ok()?;
            request.url().host_str().map(str::to_owned)
        };
        inject_for(&mut headers, host);
        self.headers(headers)
    }
}
