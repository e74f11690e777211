//! reqwest's client as a tower service: [`LlmLayer`](super::tower::LlmLayer) over its requests.

use std::task::{Context, Poll};

use reqwest::{Request, Response};
use tower_service::Service;

use super::reqwest::{observed, start};
use super::tower::{LlmFuture, LlmService};

impl<S> Service<Request> for LlmService<S>
where
    S: Service<Request, Response = Response>,
    S::Error: 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = LlmFuture<S::Future, Response, Response>;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let call = start(&mut request);
        LlmFuture::new(call, observed, || self.inner.call(request))
    }
}
