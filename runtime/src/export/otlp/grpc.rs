//! OTLP over gRPC, with a tokio runtime of our own.
//!
//! tonic needs a runtime for every breath. Each exporter has a small one that turns only while an export waits for it, on the pipeline's
//! thread: nothing runs on the user's runtime, and nothing stalls when that is busy, single-threaded or gone.

use std::fmt;
use std::time::Duration;

use opentelemetry_otlp::{Protocol, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use tokio::runtime::Runtime;
use tonic::metadata::{AsciiMetadataKey, MetadataMap, MetadataValue};

use super::super::{OtlpSetting, without_credentials};
use super::export_error;
use crate::error::{Error, Result};

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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| refused(error.to_string()))?;
    // tonic panics when it is built outside a runtime. The guard is gone before the runtime is.
    let inner = {
        let _inside = runtime.enter();
        opentelemetry_otlp::SpanExporter::builder()
            .with_tonic()
            .with_endpoint(&setting.endpoint)
            .with_protocol(Protocol::Grpc)
            .with_timeout(setting.timeout)
            .with_metadata(metadata)
            .build()
    };
    let runtime = Some(runtime);
    match inner {
        Ok(inner) => {
            let endpoint = without_credentials(&setting.endpoint);
            Ok(GrpcExporter { inner, runtime, endpoint, timeout: setting.timeout })
        }
        Err(error) => {
            stop(runtime);
            Err(refused(error.to_string()))
        }
    }
}

/// See the module.
pub(crate) struct GrpcExporter {
    inner: opentelemetry_otlp::SpanExporter,
    /// There until drop.
    runtime: Option<Runtime>,
    endpoint: String,
    timeout: Duration,
}

impl fmt::Debug for GrpcExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcExporter").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

impl SpanExporter for GrpcExporter {
    /// Blocks: it runs on the pipeline's thread, which has nothing else to do.
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let Some(runtime) = &self.runtime else { return Err(OTelSdkError::AlreadyShutdown) };
        // opentelemetry-otlp's limit does not end a request that is under way; this one does.
        let export = async { tokio::time::timeout(self.timeout, self.inner.export(batch)).await };
        match runtime.block_on(export) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(OTelSdkError::InternalFailure(text))) => Err(export_error(&self.endpoint, text)),
            Ok(Err(other)) => Err(other),
            Err(_) => Err(export_error(&self.endpoint, format!("no answer within {:?}", self.timeout))),
        }
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl Drop for GrpcExporter {
    fn drop(&mut self) {
        stop(self.runtime.take());
    }
}

/// A runtime that is simply dropped panics inside another one, and an exporter that was never used may be dropped anywhere.
fn stop(runtime: Option<Runtime>) {
    if let Some(runtime) = runtime {
        runtime.shutdown_background();
    }
}

#[cfg(test)]
mod tests;
