//! OTLP over gRPC, with a client and a tokio runtime of our own.
//!
//! tonic needs a runtime for every breath. Each exporter has a small one that turns only while an export waits for it, on a thread of
//! the pipeline's: nothing runs on the user's runtime, and nothing stalls when that is busy, single-threaded or gone.

mod answer;
mod channel;

use std::fmt;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::SpanData;
use tokio::runtime::Runtime;
use tonic::metadata::{AsciiMetadataKey, MetadataMap, MetadataValue};
use tonic::transport::Endpoint;
use tonic::{Extensions, Request};

use self::channel::Plain;
use super::super::{DynExporter, OtlpSetting, Verdict};
use super::{Receiver, with_causes};
use crate::error::{Error, Result};

const USER_AGENT: &str = concat!("llmetry-rust/", env!("CARGO_PKG_VERSION"));

/// After a pause of this length a connection is looked at before it is used.
const PAUSE: Duration = Duration::from_secs(1);

/// Time enough to find what has already arrived.
const LOOK: Duration = Duration::from_millis(1);

/// An exporter to the receiver of `setting`.
///
/// # Errors
///
/// When the endpoint or a header is not what gRPC allows, or the system refuses a runtime.
pub(crate) fn exporter(setting: &OtlpSetting) -> Result<GrpcExporter> {
    let refused = |cause: String| Error::exporter("otlp", cause);
    let mut metadata = MetadataMap::new();
    for (name, value) in &setting.headers {
        let invalid = || refused(format!("header `{name}` is not valid"));
        let mut value: MetadataValue<_> = value.parse().map_err(|_| invalid())?;
        value.set_sensitive(true);
        metadata.insert(AsciiMetadataKey::from_bytes(name.as_bytes()).map_err(|_| invalid())?, value);
    }
    let endpoint = endpoint(setting).map_err(|error| refused(with_causes(&error)))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| refused(error.to_string()))?;
    Ok(GrpcExporter {
        connection: None,
        endpoint,
        metadata,
        resource: ResourceAttributesWithSchema::default(),
        runtime: Some(runtime),
        receiver: Receiver::new(setting),
        timeout: setting.timeout,
    })
}

fn endpoint(setting: &OtlpSetting) -> std::result::Result<Endpoint, tonic::transport::Error> {
    let endpoint = Endpoint::from_shared(setting.endpoint.clone())?.user_agent(USER_AGENT)?;
    #[cfg(feature = "otlp-grpc-tls")]
    if endpoint.uri().scheme_str() == Some("https") {
        return endpoint.tls_config(tonic::transport::ClientTlsConfig::new().with_enabled_roots());
    }
    Ok(endpoint)
}

/// See the module.
pub(crate) struct GrpcExporter {
    /// The last one, until something is wrong with it.
    connection: Option<Connection>,
    endpoint: Endpoint,
    metadata: MetadataMap,
    resource: ResourceAttributesWithSchema,
    /// There until drop.
    runtime: Option<Runtime>,
    receiver: Receiver,
    /// Of one attempt.
    timeout: Duration,
}

struct Connection {
    client: TraceServiceClient<Plain>,
    last_use: Instant,
}

impl fmt::Debug for GrpcExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcExporter").field("receiver", &self.receiver).finish_non_exhaustive()
    }
}

impl DynExporter for GrpcExporter {
    fn name(&self) -> &'static str {
        "otlp"
    }

    fn export(&mut self, batch: Vec<SpanData>, timeout: Duration) -> Verdict {
        let Some(runtime) = &self.runtime else {
            return Verdict::Refused { error: self.receiver.failure("the exporter has been shut down") };
        };
        let spans = batch.len();
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let request = Request::from_parts(
            self.metadata.clone(),
            Extensions::default(),
            ExportTraceServiceRequest { resource_spans },
        );
        let timeout = self.timeout.min(timeout);
        let old = self.connection.take();
        let attempt = async {
            let mut client = match old {
                Some(Connection { client, last_use }) => {
                    if last_use.elapsed() > PAUSE {
                        // While the runtime stood still the receiver may have said goodbye.
                        tokio::time::sleep(LOOK).await;
                    }
                    client
                }
                // Has to happen inside of a runtime. It connects with the first request.
                None => TraceServiceClient::new(Plain(self.endpoint.connect_lazy())),
            };
            let answer = client.export(request).await;
            (client, answer)
        };
        // A connection that has not answered, or has failed, is given up: the next attempt makes another one, and does not wait for
        // what died without a word.
        match runtime.block_on(async { tokio::time::timeout(timeout, attempt).await }) {
            Ok((client, Ok(response))) => {
                self.connection = Some(Connection { client, last_use: Instant::now() });
                self.receiver.delivered(response.into_inner().partial_success, spans)
            }
            Ok((client, Err(status))) => {
                if std::error::Error::source(&status).is_none() {
                    self.connection = Some(Connection { client, last_use: Instant::now() });
                }
                answer::of_status(&self.receiver, &status)
            }
            Err(_) => {
                let error = self.receiver.failure(format_args!("no answer within {timeout:?}"));
                Verdict::Later { after: None, error }
            }
        }
    }

    /// There is nothing to wait for: an attempt has ended when `export` returns.
    fn shutdown(&mut self, _: Duration) -> OTelSdkResult {
        self.connection = None;
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}

impl Drop for GrpcExporter {
    /// A runtime that is simply dropped panics inside another one, and an exporter that was never used may be dropped anywhere.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests;
