//! A client of reqwest 0.13 that observes its calls: the same names and the same arguments, so that a program changes one line.
//!
//! In: what reqwest's client and its builder take. Out: the same, sent by `send_traced`. Does not: do anything itself.

use std::fmt;
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Version};
use reqwest::multipart::Form;
use reqwest::{Body, IntoUrl, Request, Response, Result};
use serde_core::Serialize;

use super::{RequestBuilderExt, kind_of, observe};

/// A client of reqwest 0.13 whose calls have spans, as those of [`send_traced`](crate::RequestBuilderExt::send_traced).
///
/// Where `reqwest::Client` is made, write `llmetry::reqwest::Client`:
///
/// ```no_run
/// # async fn example(question: serde_json::Value) -> Result<(), reqwest::Error> {
/// let client = llmetry::reqwest::Client::new();
/// let answer = client
///     .post("http://127.0.0.1:8000/v1/chat/completions")
///     .json(&question)
///     .send()
///     .await?;
/// # Ok(()) }
/// ```
///
/// One with settings of its own is turned into it: `reqwest::Client::builder().build()?.into()`. Cheap to clone, as that of reqwest; the
/// connections are shared with the client that it was made of.
#[derive(Clone, Debug, Default)]
pub struct Client {
    client: reqwest::Client,
}

/// A request that is being built; [`send`](Self::send) gives its call a span. Each method is that of `reqwest::RequestBuilder`.
#[derive(Debug)]
#[must_use = "nothing is sent before `send()`"]
pub struct RequestBuilder {
    builder: reqwest::RequestBuilder,
}

impl Client {
    /// A client with reqwest's defaults.
    ///
    /// # Panics
    ///
    /// As `reqwest::Client::new`, when TLS or the system's resolver cannot be set up.
    pub fn new() -> Self {
        Self::from(reqwest::Client::new())
    }

    /// A `GET` request.
    pub fn get<U: IntoUrl>(&self, url: U) -> RequestBuilder {
        self.client.get(url).into()
    }

    /// A `POST` request.
    pub fn post<U: IntoUrl>(&self, url: U) -> RequestBuilder {
        self.client.post(url).into()
    }

    /// A `PUT` request.
    pub fn put<U: IntoUrl>(&self, url: U) -> RequestBuilder {
        self.client.put(url).into()
    }

    /// A `PATCH` request.
    pub fn patch<U: IntoUrl>(&self, url: U) -> RequestBuilder {
        self.client.patch(url).into()
    }

    /// A `DELETE` request.
    pub fn delete<U: IntoUrl>(&self, url: U) -> RequestBuilder {
        self.client.delete(url).into()
    }

    /// A `HEAD` request.
    pub fn head<U: IntoUrl>(&self, url: U) -> RequestBuilder {
        self.client.head(url).into()
    }

    /// A request of any method.
    pub fn request<U: IntoUrl>(&self, method: Method, url: U) -> RequestBuilder {
        self.client.request(method, url).into()
    }

    /// Sends a request that was built before.
    ///
    /// # Errors
    ///
    /// Those of `reqwest::Client::execute`.
    pub fn execute(&self, request: Request) -> impl Future<Output = Result<Response>> + Send + use<> {
        let client = self.client.clone();
        observe(request, move |request| client.execute(request), kind_of)
    }
}

impl From<reqwest::Client> for Client {
    fn from(client: reqwest::Client) -> Self {
        Self { client }
    }
}

impl From<Client> for reqwest::Client {
    fn from(client: Client) -> Self {
        client.client
    }
}

impl AsRef<reqwest::Client> for Client {
    fn as_ref(&self) -> &reqwest::Client {
        &self.client
    }
}

impl RequestBuilder {
    fn with(self, change: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder) -> Self {
        change(self.builder).into()
    }

    /// Adds a header.
    pub fn header<K, V>(self, key: K, value: V) -> Self
    where
        HeaderName: TryFrom<K>,
        <HeaderName as TryFrom<K>>::Error: Into<http::Error>,
        HeaderValue: TryFrom<V>,
        <HeaderValue as TryFrom<V>>::Error: Into<http::Error>,
    {
        self.with(|builder| builder.header(key, value))
    }

    /// Sets headers, replacing those of the same names.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.with(|builder| builder.headers(headers))
    }

    /// Basic authentication.
    pub fn basic_auth<U: fmt::Display, P: fmt::Display>(self, username: U, password: Option<P>) -> Self {
        self.with(|builder| builder.basic_auth(username, password))
    }

    /// A bearer token.
    pub fn bearer_auth<T: fmt::Display>(self, token: T) -> Self {
        self.with(|builder| builder.bearer_auth(token))
    }

    /// The body.
    pub fn body<T: Into<Body>>(self, body: T) -> Self {
        self.with(|builder| builder.body(body))
    }

    /// A body of JSON.
    pub fn json<T: Serialize + ?Sized>(self, json: &T) -> Self {
        self.with(|builder| builder.json(json))
    }

    /// A body as forms send it.
    pub fn form<T: Serialize + ?Sized>(self, form: &T) -> Self {
        self.with(|builder| builder.form(form))
    }

    /// A body of `multipart/form-data`.
    pub fn multipart(self, form: Form) -> Self {
        self.with(|builder| builder.multipart(form))
    }

    /// Adds to the URL's query.
    pub fn query<T: Serialize + ?Sized>(self, query: &T) -> Self {
        self.with(|builder| builder.query(query))
    }

    /// The longest that the whole call may take.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.with(|builder| builder.timeout(timeout))
    }

    /// The version of HTTP.
    pub fn version(self, version: Version) -> Self {
        self.with(|builder| builder.version(version))
    }

    /// The request, to be sent by [`Client::execute`].
    ///
    /// # Errors
    ///
    /// Those of `reqwest::RequestBuilder::build`.
    pub fn build(self) -> Result<Request> {
        self.builder.build()
    }

    /// The client and the request.
    pub fn build_split(self) -> (Client, Result<Request>) {
        let (client, request) = self.builder.build_split();
        (client.into(), request)
    }

    /// A copy, unless the body is a stream.
    pub fn try_clone(&self) -> Option<Self> {
        self.builder.try_clone().map(Self::from)
    }

    /// Sends the request; the call has a span, which ends with the answer's body.
    ///
    /// # Errors
    ///
    /// Those of `reqwest::RequestBuilder::send`.
    pub fn send(self) -> impl Future<Output = Result<Response>> + Send {
        self.builder.send_traced()
    }
}

impl From<reqwest::RequestBuilder> for RequestBuilder {
    fn from(builder: reqwest::RequestBuilder) -> Self {
        Self { builder }
    }
}

impl From<RequestBuilder> for reqwest::RequestBuilder {
    fn from(builder: RequestBuilder) -> Self {
        builder.builder
    }
}
