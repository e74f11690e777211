//! The guard: whoever holds it keeps telemetry running; whoever drops it has everything exported, or is told what was not.
//!
//! In: a resolved `Config` and exporters. Out: the installation, and its end. Does not: read the environment or build exporters.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

use opentelemetry::global;
use opentelemetry::trace::noop::NoopTracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;

use super::config::Config;
use super::exit;
use crate::bridge::{self, PipelineProcessor, Propagator};
use crate::content::{Content, Switch};
use crate::diag;
use crate::error::{Error, Result};
use crate::export::{self, DynExporter};
use crate::hub::{self, Again, Installed};
use crate::pipeline::control::{Batching, Ended, Pipeline, Setting};
use crate::pipeline::stats::{Report, Stats};
use crate::sync::lock;

/// Estimated bytes of one batch: half of what receivers commonly accept.
const MAX_BATCH_BYTES: usize = 2 * 1024 * 1024;

/// Keeps telemetry running; exports what is left and shuts down when dropped. A guard that is never dropped, in a static for instance, is
/// no loss: the end of the process does the same.
///
/// Bind it to a name for as long as the program runs: `let _telemetry = llmetry::init("my-app")?;`. With `let _ = …` it would be
/// dropped, and telemetry ended, at once.
#[must_use = "telemetry ends when the guard is dropped: bind it, `let _telemetry = …`"]
#[derive(Debug)]
pub struct Guard {
    /// `None` when telemetry is disabled (`OTEL_SDK_DISABLED=true`).
    running: Option<Running>,
    shutdown_timeout: Duration,
}

#[derive(Debug)]
struct Running {
    installed: Arc<Installed>,
    /// For `tracing` spans, which need a tracer of their own.
    #[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "held by the globals alone then"))]
    provider: SdkTracerProvider,
    globals: bool,
}

/// Installs what `config` says. `given`: some of the exporters are values of the program's, and cannot be built again.
pub(super) fn install(config: Config, exporters: Vec<Box<dyn DynExporter>>, given: bool) -> Result<Guard> {
    let shutdown_timeout = config.shutdown_timeout;
    if config.disabled {
        return Ok(Guard { running: None, shutdown_timeout });
    }
    exit::prepare();
    let config = Arc::new(config);
    let again = if given { Again::default() } else { again(&config) };
    let running = start(&config, exporters, again, false)?;
    exit::watch(&running.installed, shutdown_timeout);
    let guard = Guard { running: Some(running), shutdown_timeout };
    // If that fails the guard is dropped, and telemetry with it.
    exit::end_on(&config.signals).map_err(Error::thread)?;
    for notice in &config.notices {
        diag::notice(notice);
    }
    Ok(guard)
}

/// How a forked process makes this installation for itself. It has exporters of its own; whatever else a process may not share with another
/// one (a file that it alone writes to) has to be made here too.
fn again(config: &Arc<Config>) -> Again {
    let config = Arc::clone(config);
    Again(Some(Arc::new(move |epoch, content| {
        let made = export::build(&config.exporters, true)
            .and_then(|exporters| make(&config, exporters, epoch, Origin::Inherited(content)));
        match made {
            Ok(installed) => {
                let installed = Arc::new(Installed { again: again(&config), ..installed });
                exit::watch(&installed, config.shutdown_timeout);
                exit::revive();
                Some(installed)
            }
            Err(error) => {
                diag::notice(&format!("this forked process records nothing: {error}"));
                None
            }
        }
    })))
}

/// Whom an installation is made for.
#[derive(Clone, Copy)]
enum Origin {
    Program,
    Tests,
    /// A forked process, with the content switch as it was then.
    Inherited(Content),
}

/// The one place where an installation is made.
fn make(
    config: &Config,
    exporters: Vec<Box<dyn DynExporter>>,
    epoch: u32,
    origin: Origin,
) -> Result<Installed> {
    let batching = Batching {
        max_spans: config.batch.max_export_batch_size.max(1),
        max_bytes: MAX_BATCH_BYTES,
        delay: config.batch.schedule_delay,
        export_timeout: config.batch.export_timeout,
    };
    let setting = Setting {
        resource: config.resource.clone(),
        convention: config.convention,
        batching,
        queue_bytes: config.batch.max_queue_bytes,
        queue_spans: config.batch.max_queue_size,
        overflow: config.batch.overflow,
        on_export: config.on_export.clone(),
        spool: config.spool.clone(),
        epoch,
        unfinished: crate::scope::unfinished,
    };
    let pipeline = Pipeline::start(exporters, setting)?;
    Ok(Installed {
        epoch,
        sampler: config.sampler.clone(),
        limits: config.limits,
        convention: config.convention,
        content: Switch::new(if let Origin::Inherited(content) = origin { content } else { config.content }),
        redactor: config.redactor.clone(),
        for_tests: matches!(origin, Origin::Tests),
        inherited: matches!(origin, Origin::Inherited(_)),
        again: Again::default(),
        intake: Arc::clone(&pipeline.intake),
        pipeline: Arc::new(pipeline),
        #[cfg(feature = "propagation")]
        outgoing: config.outgoing.clone(),
    })
}

/// Makes an installation, and puts it in place.
fn start(
    config: &Config,
    exporters: Vec<Box<dyn DynExporter>>,
    again: Again,
    for_tests: bool,
) -> Result<Running> {
    let origin = if for_tests { Origin::Tests } else { Origin::Program };
    let make = |epoch| Ok(Installed { again, ..make(config, exporters, epoch, origin)? });
    let (installed, replaced) = hub::install(for_tests, make, Error::already_initialised)?;
    if let Some(replaced) = replaced {
        // That of `testing` exports nothing; only its thread has to end. One that a forked process has inherited may hold spans.
        let timeout = if replaced.inherited { config.shutdown_timeout } else { Duration::ZERO };
        exit::end(&replaced, timeout, Ended::Unknown);
    }
    let provider = bridge::provider(
        PipelineProcessor::new(&installed),
        &config.sampler,
        &config.limits,
        &config.resource,
    );
    if config.globals {
        global::set_tracer_provider(provider.clone());
        global::set_text_map_propagator(Propagator::default());
    }
    Ok(Running { installed, provider, globals: config.globals })
}

/// The pipeline that `testing` listens to: that of the present installation, or of one without exporters that a later `init`
/// replaces.
///
/// # Errors
///
/// When the system gives no thread.
#[cfg(feature = "testing")]
pub(crate) fn pipeline_for_tests() -> Result<Arc<Pipeline>> {
    loop {
        if let Some(installed) = hub::installed() {
            return Ok(Arc::clone(&installed.pipeline));
        }
        match start(&Config::for_tests(), Vec::new(), Again::default(), true) {
            Ok(running) => return Ok(Arc::clone(&running.installed.pipeline)),
            // Another test was faster.
            Err(error) if error.is_already_initialised() => {}
            Err(error) => return Err(error),
        }
    }
}

impl Guard {
    /// Exports every span that has ended by now; waits no longer than `timeout`.
    ///
    /// Blocks the calling thread, but needs nothing of it: the pipeline has a thread of its own. Loss is not an error here, it
    /// stands in the [`Report`].
    pub fn flush(&self, timeout: Duration) -> Report {
        self.handle().flush(timeout)
    }

    /// Ends telemetry: exports what is left, within `timeout`, and says what became of every span.
    ///
    /// Spans that are still open are exported as they are, with `llmetry.outcome` = `incomplete`; when they end they are counted in
    /// [`Stats::late`]. Functions that are called afterwards run untouched. A new `init` is possible.
    ///
    /// ```no_run
    /// # fn main() -> llmetry::Result<()> {
    /// let telemetry = llmetry::init("my-app")?;
    /// let report = telemetry.shutdown(std::time::Duration::from_secs(5));
    /// if !report.is_complete() {
    ///     eprintln!("{report}");
    /// }
    /// # Ok(()) }
    /// ```
    pub fn shutdown(mut self, timeout: Duration) -> Report {
        self.running.take().map_or_else(
            || Report { in_time: true, ..Report::default() },
            |running| running.end(timeout, Ended::Unknown),
        )
    }

    /// As [`shutdown`](Self::shutdown), without blocking the calling thread: for async code whose runtime has other work to do
    /// meanwhile, perhaps the very server that the spans go to.
    pub fn shutdown_async(mut self, timeout: Duration) -> impl Future<Output = Report> + Send {
        let answer = Arc::new(Mutex::new(Answer { report: None, waker: None }));
        let running = self.running.take();
        let thread = Arc::clone(&answer);
        let work = move || {
            let report = running.map_or_else(
                || Report { in_time: true, ..Report::default() },
                |running| running.end(timeout, Ended::Unknown),
            );
            let waker = {
                let mut answer = lock(&thread);
                answer.report = Some(report);
                answer.waker.take()
            };
            if let Some(waker) = waker {
                waker.wake();
            }
        };
        // Without a thread the closure is dropped, and `Running` with it, which shuts down as the guard's drop would.
        if std::thread::Builder::new().name("llmetry-shutdown".to_owned()).spawn(work).is_err() {
            lock(&answer).report.get_or_insert_default();
        }
        ShutdownAnswer(answer)
    }

    /// What can be done to telemetry from anywhere in the program while the guard keeps it running.
    pub fn handle(&self) -> Handle {
        Handle { installed: self.running.as_ref().map(|running| Arc::clone(&running.installed)) }
    }

    /// What became of every span so far.
    pub fn stats(&self) -> Stats {
        self.handle().stats()
    }

    /// A span processor for an OpenTelemetry provider of your own: its spans then leave through this pipeline too, with what
    /// they inherit. Use it with `Builder::globals(false)`; the provider that `init` installs has one already. `None` when
    /// telemetry is disabled.
    pub fn span_processor(&self) -> Option<PipelineProcessor> {
        let running = self.running.as_ref()?;
        Some(PipelineProcessor::new(&running.installed))
    }

    /// A layer for a `tracing` subscriber: spans of `tracing`, your own and those of libraries, become children of annotated
    /// functions and the other way round, and leave through this pipeline. `None` (which is a layer too, one that does nothing)
    /// when telemetry is disabled.
    ///
    /// Events of `tracing` become events of the spans that they are in, with the whole of their text, and no switch for content holds them
    /// back: some libraries tell prompts and answers on level `TRACE`. A level for the layer keeps those out.
    ///
    /// ```no_run
    /// use tracing_subscriber::filter::LevelFilter;
    /// use tracing_subscriber::prelude::*;
    /// # fn main() -> llmetry::Result<()> {
    /// let telemetry = llmetry::init("my-app")?;
    /// let layer = telemetry.tracing_layer().with_filter(LevelFilter::INFO);
    /// tracing_subscriber::registry().with(layer).init();
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "tracing")]
    pub fn tracing_layer<S>(
        &self,
    ) -> Option<impl tracing_subscriber::Layer<S> + Send + Sync + 'static + use<S>>
    where
        S: tracing::Subscriber + for<'span> tracing_subscriber::registry::LookupSpan<'span> + Send + Sync,
    {
        self.running.as_ref().map(|running| bridge::tracing::layer(&running.provider))
    }
}

/// Telemetry that runs, for the parts of a program that do not hold the [`Guard`]: an admin endpoint, a signal handler.
///
/// Cheap to clone. It keeps nothing running: after shutdown there is nothing left to switch or to flush, and
/// [`stats`](Self::stats) tells how it ended. When telemetry is disabled it does nothing.
///
/// ```no_run
/// # fn main() -> llmetry::Result<()> {
/// let telemetry = llmetry::init("support-bot")?;
/// let handle = telemetry.handle();
/// std::thread::spawn(move || handle.capture_content(true));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Handle {
    installed: Option<Arc<Installed>>,
}

impl Handle {
    /// Whether content may be captured from now on, arguments and results alike; overrules what
    /// [`Builder::capture_content`](crate::Builder::capture_content) and the environment said.
    ///
    /// [`Span::capture_content`](crate::Span::capture_content) goes over it for one span and those inside it.
    pub fn capture_content(&self, yes: bool) {
        if let Some(installed) = self.installed(hub::installed) {
            installed.content.set(Content::all(yes));
        }
    }

    /// As [`Guard::stats`].
    pub fn stats(&self) -> Stats {
        self.installed(hub::current).map(|installed| installed.pipeline.stats()).unwrap_or_default()
    }

    /// As [`Guard::flush`].
    pub fn flush(&self, timeout: Duration) -> Report {
        match self.installed(hub::current) {
            Some(installed) => installed.pipeline.flush(timeout),
            None => Report { in_time: true, ..Report::default() },
        }
    }
}

impl Handle {
    /// The installation, or, in a forked process, what that one has instead.
    fn installed(&self, in_child: fn() -> Option<Arc<Installed>>) -> Option<Arc<Installed>> {
        let installed = self.installed.as_ref()?;
        if hub::is_own(installed.epoch) { Some(Arc::clone(installed)) } else { in_child() }
    }
}

impl Running {
    fn end(&self, timeout: Duration, ended: Ended) -> Report {
        if !hub::is_own(self.installed.epoch) {
            // A copy of the guard, in a forked process: what it kept running runs on in the parent. OpenTelemetry's global stays as it is:
            // its lock is not ours, and a thread of the parent may have held it.
            return exit::end_inherited(timeout, ended);
        }
        if self.globals {
            global::set_tracer_provider(NoopTracerProvider::new());
        }
        exit::end(&self.installed, timeout, ended)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Some(running) = self.running.take() else { return };
        // A panic on its way out of `main` has told the spans that it passed; those of other threads and tasks learn it here.
        let ended = if std::thread::panicking() { Ended::Badly } else { Ended::Unknown };
        let report = running.end(self.shutdown_timeout, ended);
        if report.is_notable() {
            diag::notice(&report.to_string());
        }
    }
}

/// What the shutdown thread leaves for whoever awaits it.
#[derive(Debug)]
struct Answer {
    report: Option<Report>,
    waker: Option<Waker>,
}

struct ShutdownAnswer(Arc<Mutex<Answer>>);

impl Future for ShutdownAnswer {
    type Output = Report;

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Report> {
        let mut answer = lock(&self.0);
        if let Some(report) = answer.report.take() {
            return Poll::Ready(report);
        }
        answer.waker = Some(task.waker().clone());
        Poll::Pending
    }
}
