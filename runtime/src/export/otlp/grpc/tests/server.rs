//! A receiver: the service that opentelemetry-proto generates, behind HTTP/2 on a real socket.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tokio::sync::oneshot;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::{Request, Response, Status, async_trait};

/// An answer to one request.
pub(super) enum Says {
    Answer(ExportTraceServiceResponse),
    Status(Status),
    /// A status of HTTP, as from something that stands in between.
    Http(u16),
    /// Nothing, for ever.
    Nothing,
}

impl Says {
    pub(super) fn ok() -> Self {
        Self::Answer(ExportTraceServiceResponse { partial_success: None })
    }
}

/// Gives the answers one after the other, and then hangs. It dies when it is dropped, with all connections.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) requests: Receiver<Request<ExportTraceServiceRequest>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn new(says: impl IntoIterator<Item = Says>) -> Self {
        Self::at("127.0.0.1:0".parse().unwrap(), says)
    }

    pub(super) fn at(address: SocketAddr, says: impl IntoIterator<Item = Says>) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = channel();
        let service = Script { says: Arc::new(Mutex::new(says.into_iter().collect())), sender };
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, service) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, requests, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

async fn serve(listener: TcpListener, service: Script) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let service = TowerToHyperService::new(service.clone());
        tokio::spawn(async move {
            let builder = Builder::new(TokioExecutor::new()).http2_only();
            // Clients that go away are no trouble of the receiver's.
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

#[derive(Clone)]
struct Script {
    says: Arc<Mutex<VecDeque<Says>>>,
    sender: Sender<Request<ExportTraceServiceRequest>>,
}

impl<B> Service<http::Request<B>> for Script
where
    TraceServiceServer<Self>: Service<http::Request<B>, Response = http::Response<Body>>,
    <TraceServiceServer<Self> as Service<http::Request<B>>>::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = <TraceServiceServer<Self> as Service<http::Request<B>>>::Error;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let status = match self.says.lock().unwrap().front() {
            Some(Says::Http(status)) => *status,
            _ => return Box::pin(TraceServiceServer::new(self.clone()).call(request)),
        };
        self.says.lock().unwrap().pop_front();
        // Proxies explain an error with a page.
        let body = if status == 200 { Body::empty() } else { Body::new("<p>Please wait.".to_owned()) };
        Box::pin(async move { Ok(http::Response::builder().status(status).body(body).unwrap()) })
    }
}

#[async_trait]
impl TraceService for Script {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let says = self.says.lock().unwrap().pop_front();
        let _ = self.sender.send(request);
        match says {
            Some(Says::Answer(response)) => Ok(Response::new(response)),
            Some(Says::Status(status)) => Err(status),
            _ => std::future::pending().await,
        }
    }
}
