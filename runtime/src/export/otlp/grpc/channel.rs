//! A channel that keeps pages for people from tonic.
//!
//! In: requests. Out: answers; one whose status of HTTP is no success, as a proxy gives it when it does not find the receiver, has no body
//! any more. tonic would take that for gRPC's frames and complain of them, where the status says what to do. Does not: judge.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::transport::{Channel, Error};

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Plain(pub(super) Channel);

impl Service<http::Request<Body>> for Plain {
    type Response = http::Response<Body>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, task: &mut TaskContext<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(task)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let answer = self.0.call(request);
        Box::pin(async move {
            let answer = answer.await?;
            Ok(if answer.status().is_success() { answer } else { answer.map(|_| Body::empty()) })
        })
    }
}
