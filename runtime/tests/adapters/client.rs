//! The client that a program changes one line for: everything but that line stays.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, Version};
use llmetry::task;
use llmetry::testing::record;
use reqwest::Request;
use serde_json::json;

use crate::exchange::{ANSWER, CHAT, Question, text};
use crate::server::{Script, Server};

const URL: &str = "http://127.0.0.1:9/v1/files?a=1";

/// All that a request is.
fn shown(request: &Request) -> String {
    let body = request.body().map(|body| body.as_bytes().map(String::from_utf8_lossy));
    format!("{request:?} {:?} {:?} {body:?}", request.timeout(), request.version())
}

/// The same calls on both clients.
macro_rules! built {
    ($client:expr) => {{
        let client = $client;
        let mut headers = HeaderMap::new();
        headers.insert("x-tenant", HeaderValue::from_static("a"));
        let parts = reqwest::multipart::Form::new().text("purpose", "batch");
        let multipart = client.post(URL).multipart(parts).build().unwrap();
        let kind = multipart.headers()["content-type"].to_str().unwrap().split(';').next().unwrap().to_owned();
        let requests = [
            client.get(URL).header("x-one", 1).header("x-one", "2").headers(headers).build(),
            client.post(URL).json(&json!({"model": "small"})).bearer_auth("key").build(),
            client.put(URL).form(&[("a", "b c")]).basic_auth("me", Some("secret")).build(),
            client.patch(URL).query(&[("b", "ä")]).body("text").build(),
            client.delete(URL).timeout(Duration::from_secs(7)).version(Version::HTTP_10).build(),
            client.head(URL).try_clone().unwrap().build(),
            client.request(Method::OPTIONS, URL).build_split().1,
            client.get("no url").build(),
            client.get(URL).header("no\nname", "x").build(),
        ];
        let shown = requests.map(|request| match request {
            Ok(request) => shown(&request),
            Err(error) => error.to_string(),
        });
        (kind, shown)
    }};
}

#[test]
fn requests_are_those_of_the_bare_client() {
    assert_eq!(built!(llmetry::reqwest::Client::new()), built!(reqwest::Client::new()));
}

#[task]
async fn asks(client: llmetry::reqwest::Client, url: String) -> String {
    let question: serde_json::Value = serde_json::from_str(Question::default().body).unwrap();
    client.post(url).json(&question).send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn what_it_sends_has_a_span() {
    let server = Server::playing([Script::json("200 OK", ANSWER)]).await;
    let (answer, trace) = record(asks(llmetry::reqwest::Client::default(), server.url(CHAT))).await;
    assert_eq!(answer, ANSWER);
    assert_eq!(trace.to_string(), "asks\n  chat small\n");
    assert_eq!(text(trace.span("chat small"), "gen_ai.usage.total_tokens").as_deref(), Some("12"));
}

#[tokio::test]
async fn it_is_made_of_a_client_and_turned_into_one() {
    let headers = HeaderMap::from_iter([("x-tenant".parse().unwrap(), HeaderValue::from_static("a"))]);
    let bare = reqwest::Client::builder().default_headers(headers).build().unwrap();
    let ours = llmetry::reqwest::Client::from(bare);
    let server = Server::playing([(); 4].map(|()| Script::json("200 OK", ANSWER))).await;
    asks(ours.clone(), server.url(CHAT)).await;
    ours.as_ref().get(server.url("/")).send().await.unwrap();
    let request = llmetry::reqwest::RequestBuilder::from(ours.as_ref().get(server.url("/")));
    reqwest::RequestBuilder::from(request).send().await.unwrap();
    reqwest::Client::from(ours).get(server.url("/")).send().await.unwrap();
    for request in server.received() {
        assert_eq!(request.header("x-tenant"), Some("a"), "{}", request.line);
    }
    assert_eq!(server.received().len(), 4);
}

#[tokio::test]
async fn what_it_sends_may_outlive_it() {
    let server = Server::playing([(); 2].map(|()| Script::json("200 OK", ANSWER))).await;
    let client = llmetry::reqwest::Client::new();
    let request = client.post(server.url(CHAT)).body(Question::default().body);
    let (sent, executed) = (request.try_clone().unwrap().send(), client.execute(request.build().unwrap()));
    drop(client);
    assert!(tokio::spawn(sent).await.unwrap().unwrap().status().is_success());
    assert!(tokio::spawn(executed).await.unwrap().unwrap().status().is_success());
}

#[tokio::test]
async fn a_request_that_cannot_be_built_fails_as_it_would() {
    let (error, trace) = record(async { llmetry::reqwest::Client::new().get("no url").send().await }).await;
    assert!(error.unwrap_err().is_builder());
    assert!(trace.spans().is_empty(), "nothing was sent");
}
