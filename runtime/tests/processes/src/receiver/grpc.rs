//! The receiver over gRPC: the service of opentelemetry-proto on tonic, with a runtime of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tokio::runtime::{Builder, Runtime};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use super::{Kept, spans};

#[derive(Debug)]
pub struct Grpc {
    pub address: SocketAddr,
    /// What the server runs on; without it there is none.
    _runtime: Runtime,
}

impl Grpc {
    pub fn start(kept: Arc<Kept>) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let _inside = runtime.enter();
        let incoming = TcpIncoming::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("loopback has a port");
        let address = incoming.local_addr().expect("it is bound");
        let service = TraceServiceServer::new(Keeps(kept)).max_decoding_message_size(64 * 1024 * 1024);
        runtime.spawn(Server::builder().serve_with_incoming(service, incoming));
        Self { address, _runtime: runtime }
    }
}

struct Keeps(Arc<Kept>);

#[tonic::async_trait]
impl TraceService for Keeps {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.keep(spans(request.into_inner()));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}
