//! async-openai 0.43: [`LlmLayer`](super::tower::LlmLayer) in its request service, whose requests are recipes for requests.
//!
//! The first attempt's request is made here, since it says what the call is, and handed to whom asks for it first; so for each attempt
//! one request is made, as without us. Those of later attempts get the call's headers as they are made.

use std::any::Any;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use bytes::Bytes;
use reqwest::{Request, Response};
use tower_service::Service;

use super::reqwest::{host, observed, start};
use super::tower::{LlmFuture, LlmService};
use crate::sync::lock;

impl<S> Service<HttpRequestFactory> for LlmService<S>
where
    S: Service<HttpRequestFactory, Response = Response> + Clone + Send + 'static,
    S::Error: 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = S::Error;
    // A request is made by an `async fn`, which has no name.
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, factory: HttpRequestFactory) -> Self::Future {
        // The one that is ready goes; its clone has to become ready again.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        Box::pin(async move {
            let mut first = match factory.build().await {
                Ok(request) => request,
                // No request, no call. Who asks gets what we got.
                Err(error) => return inner.call(once(Err(error), factory)).await,
            };
            let length = body(&first).map(<[u8]>::len);
            let call = start(&mut first);
            // Where the program has asked for another body, it is another for all attempts.
            let changed = body(&first).filter(|body| Some(body.len()) != length).map(Bytes::copy_from_slice);
            let inject = Arc::new(call.injector());
            let later = HttpRequestFactory::new(move || {
                let (factory, inject, changed) = (factory.clone(), Arc::clone(&inject), changed.clone());
                async move {
                    let mut request = factory.build().await?;
                    let host = host(&request);
                    inject(request.headers_mut(), &host);
                    if let Some(changed) = changed {
                        *request.body_mut() = Some(changed.into());
                    }
                    Ok(request)
                }
            });
            LlmFuture::new(call, observed, || inner.call(once(Ok(first), later))).await
        })
    }
}

fn body(request: &Request) -> Option<&[u8]> {
    request.body()?.as_bytes()
}

/// reqwest's error in one of async-openai.
pub(super) fn transport_error(error: &dyn Any) -> Option<&reqwest::Error> {
    match error.downcast_ref()? {
        OpenAIError::Reqwest(error) => Some(error),
        _ => None,
    }
}

/// Gives `first`, and then what `later` makes.
fn once(first: Result<Request, OpenAIError>, later: HttpRequestFactory) -> HttpRequestFactory {
    let first = Arc::new(Mutex::new(Some(first)));
    HttpRequestFactory::new(move || {
        let first = lock(&first).take();
        let later = later.clone();
        async move {
            match first {
                Some(first) => first,
                None => later.build().await,
            }
        }
    })
}
