//! From sockets to answers: hyper reads requests, tonic's service those of gRPC, and the script says what becomes of them.

use std::convert::Infallible;
use std::future::pending;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry::SpanId;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt};
use tower::Service;

use super::answer::{After, Answer, Reply};
use super::store;
use super::wire::{Cut, Wire};
use super::{Asked, Door, Protocol, Shared};

type Body = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// As many bytes as an answer that is cut half-way promises, and its beginning: for gRPC, a message of that size.
const PROMISED: usize = 5 + 1000;
const BEGINNING: &[u8] = &[0x00, 0x00, 0x00, 0x03, 0xe8, 0x0a];
/// Bytes that are no message of protobuf: the field's length runs out of them.
const NOISE: &[u8] = &[0x0a, 0xff, 0x13, 0x37, 0x99, 0x80, 0x00, 0xc4];

/// Waits for the address when somebody else has it for a moment more.
pub(super) async fn bind(address: SocketAddr) -> TcpListener {
    for _ in 0..100 {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            listener => return listener.unwrap(),
        }
    }
    panic!("{address} is taken");
}

/// Serves until it is dropped, and its connections with it.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    let tls = (shared.door == Door::SelfSigned).then(|| acceptor(shared.protocol));
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        connections.spawn(connection(stream, tls.clone(), Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

/// TLS with a certificate made for this test.
fn acceptor(protocol: Protocol) -> TlsAcceptor {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    if protocol == Protocol::Grpc {
        config.alpn_protocols = vec![b"h2".to_vec()];
    }
    TlsAcceptor::from(Arc::new(config))
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let deaths = shared.store.lock().unwrap().deaths;
    let cut = Arc::new(Cut::new(deaths));
    let mut wire = Wire::new(stream, Arc::clone(&cut));
    match (shared.door, tls) {
        (Door::Greeting, _) => {
            _ = wire.write_all(b"220 mail.example ESMTP ready\r\n").await;
            // What the other side says is read, so that it is no reset that it sees.
            _ = tokio::time::timeout(Duration::from_millis(50), wire.read_to_end(&mut Vec::new())).await;
        }
        (Door::Silence, _) => {
            _ = wire.read_to_end(&mut Vec::new()).await;
        }
        (_, Some(tls)) => match tls.accept(wire).await {
            Ok(stream) => speak(stream, cut, shared).await,
            Err(_) => shared.refused.store(true, Ordering::SeqCst),
        },
        (_, None) => speak(wire, cut, shared).await,
    }
}

/// Speaks the protocol until the connection ends or is cut.
async fn speak<S>(stream: S, cut: Arc<Cut>, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let protocol = shared.protocol;
    let service = service_fn({
        let cut = Arc::clone(&cut);
        move |request| {
            let (shared, cut) = (Arc::clone(&shared), Arc::clone(&cut));
            async move { Ok::<_, Infallible>(respond(request, shared, cut).await) }
        }
    });
    let stream = TokioIo::new(stream);
    let speaking = async {
        // How the connection ended is the client's business.
        match protocol {
            Protocol::Http => _ = http1::Builder::new().serve_connection(stream, service).await,
            Protocol::Grpc => {
                _ = http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await;
            }
        }
    };
    tokio::select! {
        () = speaking => {}
        () = cut.happens() => {}
    }
}

/// One request.
async fn respond(request: Request<Incoming>, shared: Arc<Shared>, cut: Arc<Cut>) -> Response<Body> {
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let early = |left: usize| left.checked_sub(1);
    if shared.cut_early.fetch_update(Ordering::SeqCst, Ordering::SeqCst, early).is_ok() {
        cut.reset();
        return pending().await;
    }
    if cut.is_leaving() {
        return pending().await;
    }
    match shared.protocol {
        Protocol::Http => over_http(request, &shared, &cut).await,
        Protocol::Grpc => {
            let limit = shared.max_bytes;
            let inner = Inner { shared, cut: Arc::clone(&cut) };
            let mut service = TraceServiceServer::new(inner).max_decoding_message_size(limit);
            let Ok(answer) = service.call(request).await;
            if let Some(raw) = answer.extensions().get::<Raw>() {
                return raw_answer(&raw.0, "application/grpc", &cut);
            }
            answer.map(|body| body.map_err(Into::into).boxed_unsync())
        }
    }
}

async fn over_http(request: Request<Incoming>, shared: &Shared, cut: &Arc<Cut>) -> Response<Body> {
    let (head, body) = request.into_parts();
    assert_eq!((head.method.as_str(), head.uri.path()), ("POST", "/v1/traces"));
    assert_eq!(head.headers["content-type"], "application/x-protobuf");
    // A client that goes away half-way gets no answer.
    let Ok(body) = body.collect().await else { return pending().await };
    let body = body.to_bytes();
    if body.len() > shared.max_bytes {
        return status(413);
    }
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    let reply = act(&request, shared, cut).await;
    match reply {
        Reply::Confirm { rejected, message } => {
            let partial_success = (rejected != 0 || !message.is_empty()).then(|| partial(rejected, message));
            let body = ExportTraceServiceResponse { partial_success }.encode_to_vec();
            answer(200, "application/x-protobuf", body.into())
        }
        Reply::Error { status: code, after, .. } => {
            let mut answer = status(code);
            let after = after.map(|after| match after {
                After::Seconds(seconds) => seconds.to_string(),
                After::Text(text) => text.to_owned(),
            });
            if let Some(after) = after {
                answer.headers_mut().insert("retry-after", after.parse().unwrap());
            }
            answer
        }
        other => raw_answer(&other, "application/x-protobuf", cut),
    }
}

fn partial(rejected: i64, message: &str) -> ExportTracePartialSuccess {
    ExportTracePartialSuccess { rejected_spans: rejected, error_message: message.to_owned() }
}

/// Stores what the script wants to have stored, and gives back what is to be said. Does not come back to a client that is cut off.
async fn act(request: &ExportTraceServiceRequest, shared: &Shared, cut: &Arc<Cut>) -> Reply {
    let spans = store::spans(request);
    let number = shared.read.fetch_add(1, Ordering::SeqCst);
    shared.store.lock().unwrap().arrived(&spans);
    let Answer { left_out, delay, mut reply, leaves } = (shared.script)(Asked { number, spans: spans.len() });
    tokio::time::sleep(delay).await;
    let mut kept: &[SpanId] = &spans[left_out.min(spans.len())..];
    if let Reply::Hang = reply {
        shared.released.subscribe().wait_for(|released| *released).await.unwrap();
        (kept, reply) = (&spans, Reply::Confirm { rejected: 0, message: "" });
    }
    let confirms = matches!(reply, Reply::Confirm { .. });
    shared.store.lock().unwrap().answered(kept, if confirms { &spans } else { &[] }, cut.deaths);
    if leaves {
        cut.leave();
        let cut = Arc::clone(cut);
        tokio::spawn(async move {
            // The answer goes first.
            tokio::time::sleep(Duration::from_millis(20)).await;
            cut.close();
        });
    }
    if let Reply::Cut = reply {
        cut.reset();
        return pending().await;
    }
    reply
}

/// What is said below the protocol.
fn raw_answer(reply: &Reply, content_type: &'static str, cut: &Arc<Cut>) -> Response<Body> {
    match reply {
        Reply::Proxy(code) => answer(*code, "text/plain", Bytes::from_static(b"the proxy says no")),
        Reply::Page => answer(200, "text/html", Bytes::from_static(b"<!doctype html><p>Please log in.")),
        Reply::Noise => answer(200, content_type, Bytes::from_static(NOISE)),
        Reply::CutHalfway => {
            let cut = Arc::clone(cut);
            let half = futures_util::stream::once(async { Ok(Frame::data(Bytes::from_static(BEGINNING))) });
            let rest = futures_util::stream::once(async move {
                // The first half goes out before.
                tokio::time::sleep(Duration::from_millis(20)).await;
                cut.reset();
                pending().await
            });
            let body = StreamBody::new(futures_util::StreamExt::chain(half, rest)).boxed_unsync();
            let answer = Response::builder().header("content-type", content_type);
            answer.header("content-length", PROMISED).body(body).unwrap()
        }
        Reply::Confirm { .. } | Reply::Error { .. } | Reply::Cut | Reply::Hang => {
            unreachable!("answered in the terms of the protocol")
        }
    }
}

fn status(code: u16) -> Response<Body> {
    answer(code, "text/plain", Bytes::new())
}

fn answer(code: u16, content_type: &'static str, body: Bytes) -> Response<Body> {
    let body = Full::new(body).map_err(|never| match never {}).boxed_unsync();
    let answer = Response::builder().status(StatusCode::from_u16(code).unwrap());
    answer.header("content-type", content_type).body(body).unwrap()
}

/// The reply that replaces the one of tonic's service.
#[derive(Clone)]
struct Raw(Reply);

/// The service of opentelemetry-proto.
struct Inner {
    shared: Arc<Shared>,
    cut: Arc<Cut>,
}

#[tonic::async_trait]
impl TraceService for Inner {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, Status> {
        match act(request.get_ref(), &self.shared, &self.cut).await {
            Reply::Confirm { rejected, message } => {
                let partial_success =
                    (rejected != 0 || !message.is_empty()).then(|| partial(rejected, message));
                Ok(tonic::Response::new(ExportTraceServiceResponse { partial_success }))
            }
            Reply::Error { code, message, after, .. } => Err(match after {
                Some(After::Seconds(seconds)) => {
                    let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(seconds)));
                    Status::with_error_details(code, message, details)
                }
                Some(After::Text(_)) | None => Status::new(code, message),
            }),
            other => {
                let mut answer = tonic::Response::new(ExportTraceServiceResponse::default());
                answer.extensions_mut().insert(Raw(other));
                Ok(answer)
            }
        }
    }
}
