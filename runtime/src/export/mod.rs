//! Out of the house: batches of `SpanData` become lines on stdout, OTLP requests, or stay in memory.
//!
//! In: batches, one at a time per exporter, on the pipeline's thread. Out: bytes, or an error that says why not. Does not: queue, use
//! globals, read the environment, need a runtime of the user's, or panic.

mod memory;

#[cfg(any(feature = "otlp-http", feature = "otlp-grpc"))]
mod otlp;
#[cfg(feature = "stdout")]
mod stdout;
#[cfg(feature = "stdout")]
mod tree;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use crate::error::Result;

pub use self::memory::MemoryExporter;

/// How spans are written to stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StdoutFormat {
    /// What `LLMETRY_STDOUT` says (`tree` or `json`), else a tree on a terminal and JSON lines everywhere else.
    #[default]
    Auto,
    /// For people: each trace as a tree, when it is complete.
    Tree,
    /// For programs: one JSON object a span, one span a line.
    Json,
}

/// Which exporter, with all it has to know.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ExporterSetting {
    Tree { colour: bool },
    Json,
    OtlpHttp(OtlpSetting),
    OtlpGrpc(OtlpSetting),
}

impl ExporterSetting {
    pub(crate) fn is_stdout(&self) -> bool {
        matches!(self, Self::Tree { .. } | Self::Json)
    }
}

/// An OTLP receiver and how to talk to it.
#[derive(Clone, PartialEq)]
pub(crate) struct OtlpSetting {
    /// Scheme, host and path: nothing is appended any more.
    pub(crate) endpoint: String,
    /// Names in lower case. Values are secrets.
    pub(crate) headers: Vec<(String, String)>,
    /// The longest that one attempt may take.
    pub(crate) timeout: Duration,
}

/// Without header values, and without what stands before the endpoint's host or in its query: credentials may.
impl fmt::Debug for OtlpSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("OtlpSetting")
            .field("endpoint", &without_credentials(&self.endpoint))
            .field("headers", &names)
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// A URL as it may be shown: user information and query are left out.
pub(crate) fn without_credentials(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let (scheme, rest) =
        url[..end].split_once("://").map_or(("", &url[..end]), |(scheme, rest)| (scheme, rest));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let separator = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{separator}{host}{path}")
}

/// What became of one attempt to deliver a batch.
#[derive(Debug)]
#[cfg_attr(
    not(any(feature = "otlp-http", feature = "otlp-grpc")),
    allow(dead_code, reason = "exporters of the SDK's kind do not tell as much")
)]
pub(crate) enum Verdict {
    /// The receiver has confirmed it: all of its spans but `rejected`, for the reason in `message`. It is never offered again.
    Delivered { rejected: u64, message: String },
    /// Not now. The same batch may be offered again, not before `after` if the receiver has named a time.
    Later { after: Option<Duration>, error: String },
    /// The receiver takes no batch of this size; smaller ones it may.
    TooLarge { error: String },
    /// The receiver will never take it.
    Refused { error: String },
}

impl Verdict {
    /// The whole batch is there.
    pub(crate) fn delivered() -> Self {
        Self::Delivered { rejected: 0, message: String::new() }
    }
}

/// An exporter as the pipeline drives it: one attempt at a time, always from the same thread. Whether and when a batch is offered again
/// is the pipeline's business.
pub(crate) trait DynExporter: Send {
    /// For error texts and statistics.
    fn name(&self) -> &str;
    /// One attempt, on the calling thread, for no longer than `timeout`.
    fn export(&mut self, batch: Vec<SpanData>, timeout: Duration) -> Verdict;
    fn shutdown(&mut self, timeout: Duration) -> OTelSdkResult;
    /// Whose spans the next batches are.
    fn set_resource(&mut self, resource: &Resource);
}

/// `exporter` in a box; the trait [`SpanExporter`] itself does not fit into one.
pub(crate) fn boxed<E: SpanExporter + 'static>(name: &'static str, exporter: E) -> Box<dyn DynExporter> {
    Box::new(Foreign { name, exporter })
}

/// An exporter of the SDK's kind. An error is final: by the SDK's contract such an exporter repeats by itself what may be repeated, and
/// does not say how much of the batch the receiver has.
struct Foreign<E> {
    name: &'static str,
    exporter: E,
}

impl<E: SpanExporter> DynExporter for Foreign<E> {
    fn name(&self) -> &str {
        self.name
    }

    fn export(&mut self, batch: Vec<SpanData>, timeout: Duration) -> Verdict {
        match block_on(self.exporter.export(batch), timeout) {
            Some(Ok(())) => Verdict::delivered(),
            Some(Err(error)) => Verdict::Refused { error: error.to_string() },
            None => Verdict::Refused { error: format!("no answer within {timeout:?}") },
        }
    }

    fn shutdown(&mut self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// Runs `future` on this thread; `None` when it is not ready within `timeout`.
fn block_on(future: impl Future<Output = OTelSdkResult>, timeout: Duration) -> Option<OTelSdkResult> {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut task = TaskContext::from_waker(&waker);
    let mut future = pin!(future);
    let deadline = Instant::now() + timeout;
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut task) {
            return Some(result);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        std::thread::park_timeout(left);
    }
}

/// The exporters that `settings` ask for. In a process that was `forked` they use no lock that a thread of its parent may have held.
///
/// # Errors
///
/// When one of them cannot be built.
pub(crate) fn build(settings: &[ExporterSetting], forked: bool) -> Result<Vec<Box<dyn DynExporter>>> {
    settings.iter().map(|setting| build_one(setting, forked)).collect()
}

/// Std's stdout, whose lock keeps lines whole; behind the lock's back where nobody may ever unlock it.
#[cfg(feature = "stdout")]
fn stdout(forked: bool) -> Box<dyn std::io::Write + Send> {
    let stdout = std::io::stdout();
    #[cfg(unix)]
    if forked && let Ok(descriptor) = std::os::fd::AsFd::as_fd(&stdout).try_clone_to_owned() {
        return Box::new(std::fs::File::from(descriptor));
    }
    let _ = forked;
    Box::new(stdout)
}

/// `setup::config` lets no setting through whose feature is off; what is left for one that is off here is to say so.
#[cfg_attr(not(feature = "stdout"), expect(unused_variables, reason = "no other exporter needs it"))]
fn build_one(setting: &ExporterSetting, forked: bool) -> Result<Box<dyn DynExporter>> {
    match setting {
        #[cfg(feature = "stdout")]
        ExporterSetting::Tree { colour } => {
            Ok(boxed("stdout", tree::TreeExporter::new(stdout(forked), *colour)))
        }
        #[cfg(feature = "stdout")]
        ExporterSetting::Json => Ok(boxed("stdout", stdout::JsonExporter::new(stdout(forked)))),
        #[cfg(feature = "otlp-http")]
        ExporterSetting::OtlpHttp(setting) => Ok(Box::new(otlp::http::exporter(setting)?)),
        #[cfg(feature = "otlp-grpc")]
        ExporterSetting::OtlpGrpc(setting) => Ok(Box::new(otlp::grpc::exporter(setting)?)),
        #[allow(unreachable_patterns, reason = "reachable unless all exporters are switched on")]
        other => Err(crate::error::Error::exporter("exporter", format!("{other:?} is not compiled in"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_show_no_secrets() {
        let setting = OtlpSetting {
            endpoint: "https://me:sesame@host:4318/v1/traces?key=sesame".to_owned(),
            headers: vec![("authorization".to_owned(), "sesame".to_owned())],
            timeout: Duration::from_secs(10),
        };
        assert_eq!(
            format!("{:?}", ExporterSetting::OtlpHttp(setting)),
            r#"OtlpHttp(OtlpSetting { endpoint: "https://host:4318/v1/traces", headers: ["authorization"], timeout: 10s })"#
        );
        assert_eq!(without_credentials("collector:4317"), "collector:4317");
        assert_eq!(without_credentials("user:sesame@collector:4317?x"), "collector:4317");
    }
}
