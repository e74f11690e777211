//! rig 0.44 over reqwest, each request an observed call: rig takes any `HttpClientExt`.
//!
//! Thin on purpose: requests go out as rig wrote them, and answers come back as they are.

#![allow(clippy::result_large_err, reason = "rig's errors are as large as they are")]

use bytes::Bytes;
use futures_util::StreamExt;
use llmetry::RequestBuilderExt;
use rig::http_client::{
    Error, HttpClientExt, LazyBody, MultipartForm, Request, Response, Result, StreamingResponse,
};

/// reqwest's client for rig's providers: `OpenAIConfig::new(key).connect(ObservedHttp::default())`.
#[derive(Clone, Debug, Default)]
pub struct ObservedHttp(reqwest::Client);

impl From<reqwest::Client> for ObservedHttp {
    fn from(client: reqwest::Client) -> Self {
        Self(client)
    }
}

impl ObservedHttp {
    fn send<T: Into<Bytes>>(
        &self,
        request: Request<T>,
    ) -> impl Future<Output = Result<reqwest::Response>> + Send + use<T> {
        let (parts, body) = request.into_parts();
        let builder = self.0.request(parts.method, parts.uri.to_string());
        let builder = builder.headers(parts.headers).body(body.into());
        async move {
            let answer = builder.send_traced().await.map_err(Error::instance)?;
            if answer.status().is_success() {
                return Ok(answer);
            }
            let (status, headers) = (answer.status(), answer.headers().clone());
            let body = answer.text().await.map_err(Error::instance)?;
            Err(Error::non_success_with_details(status, headers, body))
        }
    }
}

/// The answer's head, for what rig makes of its body.
fn head(answer: &reqwest::Response) -> http::response::Builder {
    let mut head = Response::builder().status(answer.status());
    if let Some(headers) = head.headers_mut() {
        headers.clone_from(answer.headers());
    }
    head
}

impl HttpClientExt for ObservedHttp {
    fn send<T, U>(
        &self,
        request: Request<T>,
    ) -> impl Future<Output = Result<Response<LazyBody<U>>>> + Send + 'static
    where
        T: Into<Bytes> + Send,
        U: From<Bytes> + Send + 'static,
    {
        let sent = self.send(request.map(Into::into));
        async move {
            let answer = sent.await?;
            let head = head(&answer);
            let body: LazyBody<U> =
                Box::pin(async move { Ok(U::from(answer.bytes().await.map_err(Error::instance)?)) });
            head.body(body).map_err(Error::Protocol)
        }
    }

    async fn send_streaming<T>(&self, request: Request<T>) -> Result<StreamingResponse>
    where
        T: Into<Bytes> + Send,
    {
        let answer = self.send(request.map(Into::into)).await?;
        let head = head(&answer);
        let pieces = answer.bytes_stream().map(|piece| piece.map_err(Error::instance));
        head.body(Box::pin(pieces) as _).map_err(Error::Protocol)
    }

    /// Files are for transcriptions, which these examples do not ask for.
    fn send_multipart<U>(
        &self,
        _: Request<MultipartForm>,
    ) -> impl Future<Output = Result<Response<LazyBody<U>>>> + Send + 'static
    where
        U: From<Bytes> + Send + 'static,
    {
        std::future::ready(Err(Error::Instance("this example sends no files".into())))
    }
}
