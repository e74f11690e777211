//! The front door: [`init()`] for most programs, [`Builder`] for those that say more.
//!
//! In: calls. Out: a running installation and its [`Guard`]. Setters only store, the first mistake is kept and given at the end, and
//! nothing is read or started before [`Builder::init`].

use std::fmt;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use opentelemetry::{Key, KeyValue, Value};
use opentelemetry_sdk::trace::SpanExporter;

use super::config::{self, Config, Settings};
use super::env;
use super::exit::Signal;
use super::guard::{self, Guard};
use crate::content::Redactor;
use crate::error::{Error, Result, Shown};
use crate::export::{self, DynExporter, StdoutFormat};
use crate::pipeline::attempt::{ExportAttempt, OnExport};
use crate::pipeline::overflow::Overflow;
use crate::pipeline::{MAX_SPOOL_BYTES, MIN_SPOOL_BYTES};
use crate::sampling::Sampler;
use crate::semconv::Convention;

/// Starts telemetry with the environment's settings and defaults.
///
/// `service_name` is a default: operators rename services with `OTEL_SERVICE_NAME` (or `service.name` in
/// `OTEL_RESOURCE_ATTRIBUTES`). [`Builder::service_name`] sets one that holds.
///
/// Spans go where `OTEL_TRACES_EXPORTER` and `OTEL_EXPORTER_OTLP_ENDPOINT` say. If neither is set they are printed on stdout, as a
/// tree on a terminal and as JSON lines otherwise (`LLMETRY_STDOUT` decides), and one line on stderr says so.
///
/// # Errors
///
/// When a variable of the environment has a value that cannot be used, when one asks for a feature that is not switched on, or when
/// telemetry is initialised already.
///
/// ```no_run
/// # fn main() -> llmetry::Result<()> {
/// let _telemetry = llmetry::init("support-bot")?;
/// // the program
/// # Ok(()) }
/// ```
pub fn init(service_name: &str) -> Result<Guard> {
    let mut builder = builder();
    if !service_name.is_empty() {
        builder.settings.default_service_name = Some(service_name.to_owned());
    }
    builder.init()
}

/// Starts telemetry with settings of the program's own; see [`Builder`].
///
/// ```no_run
/// # fn main() -> llmetry::Result<()> {
/// let _telemetry = llmetry::builder()
///     .service_name("support-bot")
///     .service_version(env!("CARGO_PKG_VERSION"))
///     .environment("staging")
///     .init()?;
/// # Ok(()) }
/// ```
pub fn builder() -> Builder {
    Builder { settings: Settings::default(), exporters: Vec::new(), mistake: None }
}

/// Settings of telemetry, and [`init`](Builder::init), which starts it.
///
/// What is set here overrules the environment, and what neither sets has a default. Two settings are the operator's alone:
/// `OTEL_SDK_DISABLED` switches everything off, and the variables of the OTLP exporter (endpoint, headers, …) have no setters;
/// [`exporter`](Self::exporter) takes one that the program has built itself.
///
/// A setter never fails: the first value that cannot be used is kept and is what [`init`](Self::init) returns.
#[must_use = "nothing starts before `init()`"]
pub struct Builder {
    settings: Settings,
    exporters: Vec<Box<dyn DynExporter>>,
    mistake: Option<Error>,
}

impl Builder {
    /// The service's name, `service.name` of the resource.
    ///
    /// Default: `OTEL_SERVICE_NAME`, then `service.name` in `OTEL_RESOURCE_ATTRIBUTES`, then `unknown_service:` and the program's
    /// file name. Unlike the name given to [`init()`], this one overrules the environment. An empty name is an error.
    pub fn service_name(self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.check(!name.is_empty(), "service_name", &name, "a name that is not empty")
            .resource(config::SERVICE_NAME, name)
    }

    /// The service's version, `service.version` of the resource, commonly `env!("CARGO_PKG_VERSION")`.
    ///
    /// Default: `service.version` in `OTEL_RESOURCE_ATTRIBUTES`, else none.
    pub fn service_version(self, version: impl Into<String>) -> Self {
        self.resource(config::SERVICE_VERSION, version.into())
    }

    /// Where the program runs (`production`, `staging`, …), `deployment.environment.name` of the resource.
    ///
    /// Default: `deployment.environment.name` in `OTEL_RESOURCE_ATTRIBUTES`, else none.
    pub fn environment(self, name: impl Into<String>) -> Self {
        self.resource(config::DEPLOYMENT_ENVIRONMENT_NAME, name.into())
    }

    /// Any attribute of the resource, that is, of the process that sends the spans. Can be called again; for a key that is given
    /// twice the last value holds.
    ///
    /// Environment: `OTEL_RESOURCE_ATTRIBUTES`, which this overrules key by key. An empty key is an error.
    ///
    /// ```
    /// let builder = llmetry::builder()
    ///     .resource_attribute("service.namespace", "support")
    ///     .resource_attribute("host.cpu.count", 8);
    /// ```
    pub fn resource_attribute(self, key: impl Into<Key>, value: impl Into<Value>) -> Self {
        let key = key.into();
        self.check(!key.as_str().is_empty(), "resource_attribute", "", "a key that is not empty")
            .resource(key, value)
    }

    /// Sends spans to `exporter`. Can be called again: every exporter gets every span.
    ///
    /// It is called on the pipeline's own thread, never on one of the program's; there is no async runtime around it. Exporters given
    /// here, and [`stdout`](Self::stdout), replace what the environment says (`OTEL_TRACES_EXPORTER`, `OTEL_EXPORTER_OTLP_…`) unless
    /// [`exporters_from_env`](Self::exporters_from_env) asks for both.
    ///
    /// It cannot follow into a forked process, where its threads and connections would be missing: such a process records nothing until it
    /// calls [`init`](Self::init) itself.
    ///
    /// ```no_run
    /// # fn main() -> llmetry::Result<()> {
    /// let memory = llmetry::export::MemoryExporter::new();
    /// let _telemetry = llmetry::builder().exporter(memory.clone()).init()?;
    /// # Ok(()) }
    /// ```
    pub fn exporter<E: SpanExporter + 'static>(mut self, exporter: E) -> Self {
        self.exporters.push(export::boxed(short_type_name::<E>(), exporter));
        self
    }

    /// Prints spans on stdout.
    ///
    /// Environment: `OTEL_TRACES_EXPORTER=console`, with `LLMETRY_STDOUT` for the format ([`StdoutFormat::Auto`]). Without the feature
    /// `stdout` this is an error.
    pub fn stdout(mut self, format: StdoutFormat) -> Self {
        self.settings.stdout = Some(format);
        self
    }

    /// Whether the environment's exporters are used beside those of the builder. Default: no, the builder's replace them.
    ///
    /// Without exporters from the builder the environment's are always used, and this changes nothing.
    pub fn exporters_from_env(mut self, yes: bool) -> Self {
        self.settings.exporters_from_env = yes;
        self
    }

    /// Which traces are recorded.
    ///
    /// Default: all, unless whoever called this process decided otherwise. Environment: `OTEL_TRACES_SAMPLER` and
    /// `OTEL_TRACES_SAMPLER_ARG`. A ratio that is not a number from 0 to 1 is an error.
    ///
    /// ```
    /// use llmetry::Sampler;
    /// let builder = llmetry::builder().sampler(Sampler::parent_based(Sampler::TraceIdRatio(0.1)));
    /// ```
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        let valid = is_valid(&sampler);
        self = self.check(valid, "sampler", &format!("{sampler:?}"), "ratios from 0 to 1");
        self.settings.sampler = Some(sampler);
        self
    }

    /// In which words spans are written: OpenTelemetry's or OpenLLMetry's.
    ///
    /// Default: [`Convention::GenAi`]. Environment: `LLMETRY_CONVENTION`, `genai` or `traceloop`.
    pub fn convention(mut self, convention: Convention) -> Self {
        self.settings.convention = Some(convention);
        self
    }

    /// Whether content may be captured: prompts, completions, arguments, results and the texts of errors. Default: no.
    ///
    /// It is one of two locks: of which functions arguments and results are captured, their attribute says (`capture(input, output)`).
    /// Environment, the first that says something: `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`,
    /// `TRACELOOP_TRACE_CONTENT`, `OPENINFERENCE_HIDE_INPUTS` and `OPENINFERENCE_HIDE_OUTPUTS`.
    ///
    /// It can be changed while the program runs ([`Handle::capture_content`](crate::Handle::capture_content)) and for a part of a trace
    /// ([`Span::capture_content`](crate::Span::capture_content)). Captured arguments, or a captured result, are one text of JSON: texts in
    /// it are cut at [`max_attribute_value_bytes`](Self::max_attribute_value_bytes), the whole at four times as much, and at 1 MiB.
    pub fn capture_content(mut self, yes: bool) -> Self {
        self.settings.content = Some(yes);
        self
    }

    /// What is masked in captured content. Default: [`Redactor::new`], common secrets. One that is given later replaces an earlier one.
    pub fn redactor(mut self, redactor: Redactor) -> Self {
        self.settings.redactor = redactor;
        self
    }

    /// Whether `init` sets OpenTelemetry's global tracer provider and propagator, so that spans of libraries that use the
    /// OpenTelemetry API join our traces. Default: yes.
    ///
    /// With `false` a provider of the program's own stays; give it [`Guard::span_processor`].
    pub fn globals(mut self, yes: bool) -> Self {
        self.settings.globals = Some(yes);
        self
    }

    /// The longest that a finished span waits for its batch.
    ///
    /// Default: 5 s, or 200 ms when stdout is the only exporter. Environment: `OTEL_BSP_SCHEDULE_DELAY`, in milliseconds. Zero and
    /// more than a day are errors.
    pub fn schedule_delay(mut self, delay: Duration) -> Self {
        self.settings.schedule_delay = Some(delay);
        self.check_duration(delay, "schedule_delay", Duration::from_nanos(1))
    }

    /// The most spans in one batch.
    ///
    /// Default: 512. Environment: `OTEL_BSP_MAX_EXPORT_BATCH_SIZE`. Zero is an error.
    pub fn max_export_batch_size(mut self, spans: usize) -> Self {
        self.settings.max_export_batch_size = Some(spans);
        self.check_count(spans, "max_export_batch_size")
    }

    /// The most memory, in estimated bytes, that finished spans may hold while they wait for export, over all exporters; what is over is
    /// dropped and counted, as [`on_overflow`](Self::on_overflow) says.
    ///
    /// With several exporters each may hold back three quarters of it: one that is down does not take the room of the others.
    ///
    /// Default: 16 MiB. Zero is an error.
    pub fn max_queue_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_queue_bytes = Some(bytes);
        self.check_count(bytes, "max_queue_bytes")
    }

    /// The most finished spans that may wait for export; what is over is dropped and counted.
    ///
    /// Default: no such limit, only that of [`max_queue_bytes`](Self::max_queue_bytes). Environment: `OTEL_BSP_MAX_QUEUE_SIZE`. Zero
    /// is an error.
    pub fn max_queue_size(mut self, spans: usize) -> Self {
        self.settings.max_queue_size = Some(spans);
        self.check_count(spans, "max_queue_size")
    }

    /// Which span gives way, or how long its caller waits, when as many wait for export as may. Default: [`Overflow::DropNewest`].
    ///
    /// A wait of more than a day is an error.
    ///
    /// ```
    /// use std::time::Duration;
    /// let builder = llmetry::builder().on_overflow(llmetry::Overflow::Block(Duration::from_millis(20)));
    /// ```
    pub fn on_overflow(mut self, overflow: Overflow) -> Self {
        self.settings.overflow = overflow;
        match overflow {
            Overflow::Block(limit) => self.check_duration(limit, "on_overflow", Duration::ZERO),
            _ => self,
        }
    }

    /// Keeps finished spans, and the starts of open ones, in a file of `directory`, so that they survive the process: `SIGKILL`, an abort, a
    /// collector that is down when the program ends. The next program that starts with the same directory sends what is left there, with
    /// the resource, the ids and the times that it had; so does one that runs, which looks every 30 s.
    ///
    /// Finished means here: its record is in the file, which is so when the annotated function has returned. Spans that were open when the
    /// process ended go out with `llmetry.outcome=incomplete`, as they were at their start. They survive the process, not the
    /// machine: nothing is forced to the disk.
    ///
    /// Spans then wait in the file alone, in place of memory: [`spool_bytes`](Self::spool_bytes) is the bound, and `max_queue_bytes` and
    /// `max_queue_size` are not. The directory must belong to the user that runs the program, and nobody else may write to it; it is made if it
    /// is not there. Processes may share it, each has a file of its own, which is gone after an ending that left nothing.
    ///
    /// Default: none. Environment: `LLMETRY_SPOOL_DIR`. A directory that cannot be used is an error. A disk without room for the whole
    /// file is none, nor is a limit on the size of files: one line on stderr says so, and the program goes on without a spool. Without the
    /// feature `spool`, and on systems other than Unix, this is an error.
    pub fn spool(mut self, directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        let named = !directory.as_os_str().is_empty();
        self.settings.spool = Some(directory);
        self.check(named, "spool", "", "a directory")
    }

    /// The size of the spool's file, in bytes; the disk has to have as much when the program starts, or there is no spool. What is over is
    /// dropped and counted, as [`on_overflow`](Self::on_overflow) says. A span to which nothing was added takes 64 bytes.
    ///
    /// Default: 128 MiB, for 2 000 000 such spans. Less than 4 MiB and more than 64 GiB are errors.
    pub fn spool_bytes(mut self, bytes: u64) -> Self {
        self.settings.spool_bytes = Some(bytes);
        let fits = (MIN_SPOOL_BYTES..=MAX_SPOOL_BYTES).contains(&bytes);
        self.check(fits, "spool_bytes", &bytes.to_string(), "from 4 MiB to 64 GiB, in bytes")
    }

    /// Calls `callback` after each attempt to export, for the program's own metrics. Default: nobody is called. One that is given later
    /// replaces an earlier one.
    ///
    /// It runs on the exporter's thread, which waits for it; what it does is not traced, and its panics are caught. Shorter ways to know
    /// that an export fails are stderr, where the first failure and the first recovery of each exporter are said, and
    /// [`Stats`](crate::Stats).
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// static ATTEMPTS_THAT_FAILED: AtomicU64 = AtomicU64::new(0);
    /// let builder = llmetry::builder().on_export(|attempt| {
    ///     if attempt.error.is_some() {
    ///         ATTEMPTS_THAT_FAILED.fetch_add(1, Ordering::Relaxed);
    ///     }
    /// });
    /// ```
    pub fn on_export(mut self, callback: impl Fn(&ExportAttempt<'_>) + Send + Sync + 'static) -> Self {
        self.settings.on_export = Some(OnExport::new(callback));
        self
    }

    /// The longest that one attempt to export may take; how often it is repeated is another matter.
    ///
    /// Default: 30 s; OTLP has a shorter limit of its own (`OTEL_EXPORTER_OTLP_TIMEOUT`, 10 s). Environment:
    /// `OTEL_BSP_EXPORT_TIMEOUT`, in milliseconds. Zero and more than a day are errors.
    pub fn export_timeout(mut self, timeout: Duration) -> Self {
        self.settings.export_timeout = Some(timeout);
        self.check_duration(timeout, "export_timeout", Duration::from_nanos(1))
    }

    /// How long the guard's drop may take to export what is left. Default: 5 s.
    ///
    /// [`crate::exit`], exit handlers and signals have the same time. [`Guard::shutdown`] takes a time of its own. More than a day is an error.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.settings.shutdown_timeout = Some(timeout);
        self.check_duration(timeout, "shutdown_timeout", Duration::ZERO)
    }

    /// Signals that end telemetry, and then the process as they would without it. Default: none.
    ///
    /// Spans that are still open are exported with `llmetry.outcome=incomplete` within [`shutdown_timeout`](Self::shutdown_timeout), then the
    /// signal is raised again with its default action, so that whoever started the process sees how it died. A second signal meanwhile ends
    /// it at once. The first process of a container, for which signals have no default action, exits with 128 and the signal's number.
    ///
    /// The program's own decisions stand: a signal that is ignored when [`init`](Self::init) is called stays ignored. A handler that is there
    /// is called, and decides whether the process ends; finished spans are sent meanwhile. So does one that is installed later and calls the
    /// one before it, as those of `tokio::signal` do; one that does not replaces ours. Signals stay taken once telemetry has been shut down.
    ///
    /// No signals, and no effect, is an empty list. Elsewhere than on Unix any other is an error.
    ///
    /// ```no_run
    /// # fn main() -> llmetry::Result<()> {
    /// let _telemetry = llmetry::builder().end_on_signals(llmetry::Signal::ALL).init()?;
    /// # Ok(()) }
    /// ```
    pub fn end_on_signals(mut self, signals: impl IntoIterator<Item = Signal>) -> Self {
        self.settings.signals = signals.into_iter().collect();
        let shown = format!("{:?} on {}", self.settings.signals, env::PLATFORM);
        let valid = cfg!(unix) || self.settings.signals.is_empty();
        self.check(valid, "end_on_signals", &shown, "a Unix system, or no signals")
    }

    /// The most attributes on a span; more are dropped and counted on the span.
    ///
    /// Default: 128. Environment: `OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT`.
    pub fn max_attributes_per_span(mut self, attributes: usize) -> Self {
        self.settings.max_attributes = Some(attributes);
        self
    }

    /// The most events on a span; more are dropped and counted on the span.
    ///
    /// Default: 128. Environment: `OTEL_SPAN_EVENT_COUNT_LIMIT`.
    pub fn max_events_per_span(mut self, events: usize) -> Self {
        self.settings.max_events = Some(events);
        self
    }

    /// The most links on a span; more are dropped and counted on the span.
    ///
    /// Default: 128. Environment: `OTEL_SPAN_LINK_COUNT_LIMIT`.
    pub fn max_links_per_span(mut self, links: usize) -> Self {
        self.settings.max_links = Some(links);
        self
    }

    /// The most bytes of a text in an attribute; longer ones are cut between characters.
    ///
    /// Default: 32 768. Environment: `OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT`, then `OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT`.
    pub fn max_attribute_value_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_value_bytes = Some(bytes);
        self
    }

    /// The most spans that may be open at once, over all threads; more are not recorded, and counted.
    ///
    /// Default: 131 072. Zero is an error.
    pub fn max_open_spans(mut self, spans: usize) -> Self {
        self.settings.max_open_spans = Some(spans);
        self.check_count(spans, "max_open_spans")
    }

    /// Hosts that baggage may be sent to, beside loopback: exact names, `*.example.com` for all below it, `*` for every host.
    ///
    /// Default: loopback only, since baggage may hold what is nobody else's business. Where an HTTP client follows a redirect by itself, it
    /// takes the headers along.
    #[cfg(feature = "propagation")]
    pub fn baggage_hosts<I>(mut self, patterns: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.settings.baggage_hosts.extend(patterns.into_iter().map(Into::into));
        self
    }

    /// Hosts that trace context (`traceparent`, `tracestate`) may be sent to, beside loopback: patterns as those of
    /// [`baggage_hosts`](Self::baggage_hosts). Can be called again, and adds to what was said.
    ///
    /// Default: every host. Calls to other hosts have their spans all the same. [`inject`](crate::inject) does not know the host, and
    /// writes always; a host that [`inject_for`](crate::inject_for) is not told is not allowed. Where an HTTP client follows a redirect by
    /// itself, it takes the headers along.
    ///
    /// ```
    /// let builder = llmetry::builder().trace_context_hosts(["*.internal", "gateway.example.com"]);
    /// ```
    #[cfg(feature = "propagation")]
    pub fn trace_context_hosts<I>(mut self, patterns: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        let hosts = self.settings.trace_context_hosts.get_or_insert_default();
        hosts.extend(patterns.into_iter().map(Into::into));
        self
    }

    /// Whether the trace context of an observed call replaces one that the program has set on the request by hand. Default: no, it is kept.
    ///
    /// Where [`trace_context_hosts`](Self::trace_context_hosts) does not allow the host, one set by hand is then taken away too.
    #[cfg(feature = "llm")]
    pub fn replace_trace_context(mut self, yes: bool) -> Self {
        self.settings.replace_trace_context = Some(yes);
        self
    }

    /// Whether observed calls ask OpenAI-style streams to end with token counts. Default: no, requests are never changed.
    ///
    /// Servers of `chat/completions` (and of the older `completions`) count tokens in a stream only if the request has
    /// `"stream_options":{"include_usage":true}`. With `true` this is written into the body of a recorded call that asks for a stream and
    /// has no `stream_options`, if the body is in one piece and the request is not signed. The program then sees one chunk more, whose
    /// `choices` are empty; a few servers refuse the option.
    #[cfg(feature = "llm")]
    pub fn force_stream_usage(mut self, yes: bool) -> Self {
        self.settings.force_stream_usage = Some(yes);
        self
    }

    /// Starts telemetry.
    ///
    /// # Errors
    ///
    /// The first setting that cannot be used, of the builder or of the environment; one that asks for a feature that is not switched
    /// on; an exporter that cannot be built; telemetry that is initialised already ([`Error::is_already_initialised`]); or a system
    /// that gives no thread.
    pub fn init(mut self) -> Result<Guard> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        self.settings.has_exporters = !self.exporters.is_empty();
        let config = Config::resolve(&self.settings, &env::process, std::io::stdout().is_terminal())?;
        let mut exporters = self.exporters;
        exporters.extend(export::build(&config.exporters, false)?);
        guard::install(config, exporters, self.settings.has_exporters)
    }

    fn resource(mut self, key: impl Into<Key>, value: impl Into<Value>) -> Self {
        self.settings.resource.push(KeyValue::new(key, value));
        self
    }

    /// Keeps the first mistake.
    fn check(mut self, valid: bool, setter: &str, value: &str, expected: &'static str) -> Self {
        if !valid && self.mistake.is_none() {
            let name = format!("Builder::{setter}");
            self.mistake = Some(Error::invalid_setting(name, Shown::Argument(value.to_owned()), expected));
        }
        self
    }

    fn check_count(self, count: usize, setter: &str) -> Self {
        self.check(count > 0, setter, &count.to_string(), "at least 1")
    }

    fn check_duration(self, duration: Duration, setter: &str, min: Duration) -> Self {
        let valid = (min..=env::MAX_DURATION).contains(&duration);
        let expected = if min.is_zero() { "at most a day" } else { "more than zero and at most a day" };
        self.check(valid, setter, &format!("{duration:?}"), expected)
    }
}

/// Exporters are shown by name: they may hold credentials.
impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exporters: Vec<&str> = self.exporters.iter().map(|exporter| exporter.name()).collect();
        f.debug_struct("Builder")
            .field("settings", &self.settings)
            .field("exporters", &exporters)
            .field("mistake", &self.mistake)
            .finish()
    }
}

fn is_valid(sampler: &Sampler) -> bool {
    match sampler {
        Sampler::AlwaysOn | Sampler::AlwaysOff => true,
        // NaN is in no range.
        Sampler::TraceIdRatio(ratio) => (0.0..=1.0).contains(ratio),
        Sampler::ParentBased(root) => is_valid(root),
    }
}

/// `MemoryExporter` for `llmetry::export::memory::MemoryExporter`: error texts name exporters.
fn short_type_name<E>() -> &'static str {
    let name = std::any::type_name::<E>();
    let without_generics = name.split('<').next().unwrap_or(name);
    without_generics.rsplit("::").next().unwrap_or(without_generics)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::MemoryExporter;

    #[test]
    fn the_first_mistake_is_what_init_returns() {
        let builder = builder().max_queue_bytes(0).service_name("").sampler(Sampler::TraceIdRatio(2.0));
        assert_eq!(
            builder.init().unwrap_err().to_string(),
            "Builder::max_queue_bytes(0) cannot be used: expected at least 1"
        );
    }

    #[test]
    fn values_that_cannot_be_used_are_refused() {
        let ratio = |ratio| Sampler::parent_based(Sampler::TraceIdRatio(ratio));
        let mistakes = [
            (builder().service_name(""), "service_name() cannot be used: expected a name that is not empty"),
            (builder().resource_attribute("", 1), "resource_attribute() cannot"),
            (builder().sampler(ratio(f64::NAN)), "sampler(ParentBased(TraceIdRatio(NaN))) cannot"),
            (builder().sampler(ratio(1.1)), "sampler(ParentBased(TraceIdRatio(1.1))) cannot"),
            (
                builder().schedule_delay(Duration::ZERO),
                "schedule_delay(0ns) cannot be used: expected more than zero",
            ),
            (builder().export_timeout(Duration::MAX), "export_timeout("),
            (builder().shutdown_timeout(Duration::MAX), "shutdown_timeout("),
            (builder().max_export_batch_size(0), "max_export_batch_size(0)"),
            (builder().max_queue_size(0), "max_queue_size(0)"),
            (builder().max_open_spans(0), "max_open_spans(0)"),
        ];
        for (builder, said) in mistakes {
            let error = builder.mistake.unwrap().to_string();
            assert!(error.starts_with(&format!("Builder::{said}")), "{error}");
        }
        assert!(builder().shutdown_timeout(Duration::ZERO).sampler(ratio(0.5)).mistake.is_none());
    }

    #[test]
    fn exporters_have_the_name_of_their_type() {
        let builder = builder().exporter(MemoryExporter::new());
        assert_eq!(builder.exporters[0].name(), "MemoryExporter");
        assert_eq!(short_type_name::<Option<MemoryExporter>>(), "Option");
    }
}
