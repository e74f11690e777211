//! The settings that hold: builder calls, environment and defaults, put together once.
//!
//! In: [`Settings`] from the builder, and a lookup of variables. Out: a [`Config`], typed and complete, or an error that names the
//! setting. Does not: touch the process environment, build anything, or print; what has to be said waits in `notices`.
//!
//! The order of sources is decided here and nowhere else: builder over environment over default. Two things differ. The name given to
//! `init(name)` is a default, since operators rename services; and `OTEL_SDK_DISABLED` cannot be overruled by the builder.

mod exporters;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;

use super::env::{self, Environment, Lookup};
use super::exit::Signal;
use crate::content::{Content, Redactor};
use crate::error::{Error, Result, Shown};
use crate::export::{ExporterSetting, StdoutFormat};
#[cfg(feature = "propagation")]
use crate::hosts::{HostPatterns, Policy};
use crate::pipeline::SpoolSetting;
use crate::pipeline::attempt::OnExport;
use crate::pipeline::overflow::Overflow;
use crate::record::Limits;
use crate::sampling::Sampler;
use crate::semconv::Convention;

/// What the builder was told; `None` where it was told nothing.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// From `init(name)`: weaker than the environment.
    pub(crate) default_service_name: Option<String>,
    /// From `Builder::service_name`, `resource_attribute` and their kin, in the order of the calls.
    pub(crate) resource: Vec<KeyValue>,
    /// Whether exporters were given as values.
    pub(crate) has_exporters: bool,
    pub(crate) stdout: Option<StdoutFormat>,
    /// The environment's choice of exporters counts although the builder made one.
    pub(crate) exporters_from_env: bool,
    pub(crate) sampler: Option<Sampler>,
    pub(crate) convention: Option<Convention>,
    pub(crate) content: Option<bool>,
    pub(crate) redactor: Redactor,
    pub(crate) globals: Option<bool>,
    pub(crate) schedule_delay: Option<Duration>,
    pub(crate) max_export_batch_size: Option<usize>,
    pub(crate) max_queue_bytes: Option<usize>,
    pub(crate) max_queue_size: Option<usize>,
    pub(crate) export_timeout: Option<Duration>,
    pub(crate) shutdown_timeout: Option<Duration>,
    pub(crate) overflow: Overflow,
    pub(crate) on_export: Option<OnExport>,
    pub(crate) spool: Option<PathBuf>,
    pub(crate) spool_bytes: Option<u64>,
    pub(crate) max_attributes: Option<usize>,
    pub(crate) max_events: Option<usize>,
    pub(crate) max_links: Option<usize>,
    pub(crate) max_value_bytes: Option<usize>,
    pub(crate) max_open_spans: Option<usize>,
    /// Which signals end telemetry, and then the process.
    pub(crate) signals: Vec<Signal>,
    #[cfg(feature = "propagation")]
    pub(crate) baggage_hosts: Vec<String>,
    /// `None`: every host.
    #[cfg(feature = "propagation")]
    pub(crate) trace_context_hosts: Option<Vec<String>>,
    #[cfg(feature = "llm")]
    pub(crate) replace_trace_context: Option<bool>,
    #[cfg(feature = "llm")]
    pub(crate) force_stream_usage: Option<bool>,
}

/// All that the installation has to know.
#[derive(Debug)]
pub(crate) struct Config {
    /// Nothing is installed; the other fields mean nothing then.
    pub(crate) disabled: bool,
    pub(crate) resource: Resource,
    /// Beside those that the builder was given as values.
    pub(crate) exporters: Vec<ExporterSetting>,
    pub(crate) sampler: Sampler,
    /// In which words spans are written.
    pub(crate) convention: Convention,
    pub(crate) batch: Batch,
    pub(crate) limits: Limits,
    /// Whether content (prompts, completions, arguments, results) may be captured.
    pub(crate) content: Content,
    /// What is masked in it.
    pub(crate) redactor: Redactor,
    /// Whether OpenTelemetry's global provider and propagator are set.
    pub(crate) globals: bool,
    /// How long the guard's drop may take.
    pub(crate) shutdown_timeout: Duration,
    /// Which signals end telemetry, and then the process.
    pub(crate) signals: Vec<Signal>,
    /// Told of each attempt to export.
    pub(crate) on_export: Option<OnExport>,
    /// Where finished spans are kept on disk.
    pub(crate) spool: Option<SpoolSetting>,
    /// What goes with outgoing requests.
    #[cfg(feature = "propagation")]
    pub(crate) outgoing: Policy,
    /// To be said once telemetry runs.
    pub(crate) notices: Vec<String>,
}

/// When batches go out, and how much may wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) schedule_delay: Duration,
    pub(crate) max_export_batch_size: usize,
    pub(crate) max_queue_bytes: usize,
    /// In spans; `None`: bytes alone decide.
    pub(crate) max_queue_size: Option<usize>,
    pub(crate) export_timeout: Duration,
    /// What gives way when as much waits as may.
    pub(crate) overflow: Overflow,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            schedule_delay: Duration::from_secs(5),
            max_export_batch_size: 512,
            max_queue_bytes: 16 * 1024 * 1024,
            max_queue_size: None,
            export_timeout: Duration::from_secs(30),
            overflow: Overflow::default(),
        }
    }
}

/// With stdout alone somebody is watching, and lines cost no round trip.
const STDOUT_SCHEDULE_DELAY: Duration = Duration::from_millis(200);

impl Config {
    /// Puts together what the builder, the environment and the defaults say.
    ///
    /// # Errors
    ///
    /// When the environment says something that cannot be used, or that asks for a feature that is not switched on.
    pub(crate) fn resolve(settings: &Settings, lookup: Lookup<'_>, stdout_is_terminal: bool) -> Result<Self> {
        let env = Environment(lookup);
        if env.boolean(&env::SDK_DISABLED)? == Some(true) {
            return Ok(Self { disabled: true, ..Self::without_exporters() });
        }
        let mut notices = Vec::new();
        let mut exporters = exporters::resolve(settings, env, stdout_is_terminal, &mut notices)?;
        let only_stdout = !settings.has_exporters
            && !exporters.is_empty()
            && exporters.iter().all(ExporterSetting::is_stdout);
        let batch = batch(settings, env, only_stdout)?;
        for exporter in &mut exporters {
            if let ExporterSetting::OtlpHttp(otlp) | ExporterSetting::OtlpGrpc(otlp) = exporter {
                otlp.timeout = otlp.timeout.min(batch.export_timeout);
            }
        }
        Ok(Self {
            disabled: false,
            resource: resource(settings, env)?,
            exporters,
            sampler: match &settings.sampler {
                Some(sampler) => sampler.clone(),
                None => sampler(env, &mut notices)?,
            },
            convention: or_env(settings.convention, || convention(env))?.unwrap_or_default(),
            batch,
            limits: limits(settings, env)?,
            content: match settings.content {
                Some(content) => Content::all(content),
                None => content(env, &mut notices)?,
            },
            redactor: settings.redactor.clone(),
            globals: settings.globals.unwrap_or(true),
            shutdown_timeout: settings.shutdown_timeout.unwrap_or(Duration::from_secs(5)),
            signals: settings.signals.clone(),
            on_export: settings.on_export.clone(),
            spool: spool(settings, env)?,
            #[cfg(feature = "propagation")]
            outgoing: outgoing(settings),
            notices,
        })
    }

    /// For `testing`, which listens to the pipeline itself: everything is recorded, whatever the environment says.
    #[cfg(feature = "testing")]
    pub(crate) fn for_tests() -> Self {
        Self { sampler: Sampler::AlwaysOn, ..Self::without_exporters() }
    }

    fn without_exporters() -> Self {
        Self {
            disabled: false,
            resource: Resource::builder_empty().build(),
            exporters: Vec::new(),
            sampler: Sampler::default(),
            convention: Convention::default(),
            batch: Batch::default(),
            limits: Limits::default(),
            content: Content::default(),
            redactor: Redactor::default(),
            globals: true,
            shutdown_timeout: Duration::from_secs(5),
            signals: Vec::new(),
            on_export: None,
            spool: None,
            #[cfg(feature = "propagation")]
            outgoing: Policy::default(),
            notices: Vec::new(),
        }
    }
}

/// Who sends the spans. Later entries replace earlier ones of the same key.
fn resource(settings: &Settings, env: Environment<'_>) -> Result<Resource> {
    let mut attributes: Vec<KeyValue> = vec![
        KeyValue::new(TELEMETRY_DISTRO_NAME, env!("CARGO_PKG_NAME")),
        KeyValue::new(TELEMETRY_DISTRO_VERSION, env!("CARGO_PKG_VERSION")),
    ];
    let name = settings.default_service_name.clone().unwrap_or_else(|| {
        env::program_name()
            .map_or_else(|| "unknown_service".to_owned(), |program| format!("unknown_service:{program}"))
    });
    attributes.push(KeyValue::new(SERVICE_NAME, name));
    let pairs = env.pairs(&env::RESOURCE_ATTRIBUTES, |key| !key.is_empty(), |_| true)?;
    attributes.extend(pairs.into_iter().map(|(key, value)| KeyValue::new(key, value)));
    if let Some(name) = env.text(&env::SERVICE_NAME)? {
        attributes.push(KeyValue::new(SERVICE_NAME, name));
    }
    attributes.extend(settings.resource.iter().cloned());
    Ok(Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(attributes)
        .build())
}

fn batch(settings: &Settings, env: Environment<'_>, only_stdout: bool) -> Result<Batch> {
    let default = Batch::default();
    let max_queue_size =
        or_env(settings.max_queue_size, || env.count(&env::BSP_MAX_QUEUE_SIZE, 1..=usize::MAX))?;
    let max_export_batch_size = or_env(settings.max_export_batch_size, || {
        env.count(&env::BSP_MAX_EXPORT_BATCH_SIZE, 1..=usize::MAX)
    })?
    .unwrap_or(default.max_export_batch_size);
    let delay = if only_stdout { STDOUT_SCHEDULE_DELAY } else { default.schedule_delay };
    Ok(Batch {
        schedule_delay: or_env(settings.schedule_delay, || env.millis(&env::BSP_SCHEDULE_DELAY))?
            .unwrap_or(delay),
        // A batch larger than the queue would never fill up.
        max_export_batch_size: max_export_batch_size.min(max_queue_size.unwrap_or(usize::MAX)),
        max_queue_bytes: settings.max_queue_bytes.unwrap_or(default.max_queue_bytes),
        max_queue_size,
        export_timeout: or_env(settings.export_timeout, || env.millis(&env::BSP_EXPORT_TIMEOUT))?
            .unwrap_or(default.export_timeout),
        overflow: settings.overflow,
    })
}

/// How much of the disk a spool takes if nobody says.
const SPOOL_BYTES: u64 = 128 * 1024 * 1024;
/// How often its directory is looked at: for what processes beside this one have left when they were killed.
const SPOOL_LOOKS: Duration = Duration::from_secs(30);

fn spool(settings: &Settings, env: Environment<'_>) -> Result<Option<SpoolSetting>> {
    let bytes = settings.spool_bytes.unwrap_or(SPOOL_BYTES);
    let setting = match &settings.spool {
        Some(directory) => {
            SpoolSetting { directory: directory.clone(), bytes, look_again: SPOOL_LOOKS, variable: None }
        }
        None => match env.text(&env::SPOOL_DIR)? {
            Some(directory) => SpoolSetting {
                directory: directory.into(),
                bytes,
                look_again: SPOOL_LOOKS,
                variable: Some(env::SPOOL_DIR.name),
            },
            None => return Ok(None),
        },
    };
    let shown = setting.directory.display().to_string();
    let (name, shown) = match setting.variable {
        Some(variable) => (variable, Shown::Variable(shown)),
        None => ("Builder::spool", Shown::Argument(shown)),
    };
    if !cfg!(feature = "spool") {
        return Err(Error::missing_feature(name, shown, "spool"));
    }
    if !cfg!(unix) {
        return Err(Error::invalid_setting(name, shown, "a Unix system, whose files outlive the process"));
    }
    Ok(Some(setting))
}

fn limits(settings: &Settings, env: Environment<'_>) -> Result<Limits> {
    let default = Limits::default();
    let count = |set: Option<usize>, variable, default: usize| -> Result<usize> {
        Ok(or_env(set, || env.count(variable, 0..=usize::MAX))?.unwrap_or(default))
    };
    let value_bytes = || {
        let variables = [&env::SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT, &env::ATTRIBUTE_VALUE_LENGTH_LIMIT];
        let found = Environment::first(variables, |variable| env.count(variable, 0..=usize::MAX))?;
        Ok(found.map(|(_, bytes)| bytes))
    };
    Ok(Limits {
        attributes: count(settings.max_attributes, &env::SPAN_ATTRIBUTE_COUNT_LIMIT, default.attributes)?,
        events: count(settings.max_events, &env::SPAN_EVENT_COUNT_LIMIT, default.events)?,
        links: count(settings.max_links, &env::SPAN_LINK_COUNT_LIMIT, default.links)?,
        value_bytes: or_env(settings.max_value_bytes, value_bytes)?.unwrap_or(default.value_bytes),
        open_spans: settings.max_open_spans.unwrap_or(default.open_spans),
    })
}

#[cfg(feature = "propagation")]
fn outgoing(settings: &Settings) -> Policy {
    let default = Policy::default();
    Policy {
        baggage: HostPatterns::new(settings.baggage_hosts.iter().cloned()),
        trace_context: match &settings.trace_context_hosts {
            Some(patterns) => HostPatterns::new(patterns.iter().cloned()),
            None => default.trace_context,
        },
        #[cfg(feature = "llm")]
        replaces_trace_context: settings.replace_trace_context.unwrap_or(default.replaces_trace_context),
        #[cfg(feature = "llm")]
        forces_stream_usage: settings.force_stream_usage.unwrap_or(default.forces_stream_usage),
    }
}

const SAMPLERS: &str = "always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or parentbased_traceidratio";

fn sampler(env: Environment<'_>, notices: &mut Vec<String>) -> Result<Sampler> {
    let Some(name) = env.text(&env::TRACES_SAMPLER)? else {
        if let Some(argument) = env.text(&env::TRACES_SAMPLER_ARG)? {
            notices.push(format!(
                "{}={argument} has no effect without {}=parentbased_traceidratio; every trace is recorded",
                env::TRACES_SAMPLER_ARG.name,
                env::TRACES_SAMPLER.name
            ));
        }
        return Ok(Sampler::default());
    };
    // Read only where it counts: the other samplers have no argument.
    let ratio = || {
        let ratio = env.parsed(&env::TRACES_SAMPLER_ARG, "a number from 0 to 1", |text| {
            text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio))
        })?;
        Ok(Sampler::TraceIdRatio(ratio.unwrap_or(1.0)))
    };
    let lower = name.to_ascii_lowercase();
    let root = match lower.strip_prefix("parentbased_").unwrap_or(&lower) {
        "always_on" => Sampler::AlwaysOn,
        "always_off" => Sampler::AlwaysOff,
        "traceidratio" => ratio()?,
        _ => return Err(env::invalid(&env::TRACES_SAMPLER, &name, SAMPLERS)),
    };
    Ok(if lower.starts_with("parentbased_") { Sampler::parent_based(root) } else { root })
}

fn convention(env: Environment<'_>) -> Result<Option<Convention>> {
    env.parsed(&env::CONVENTION, "genai or traceloop", |text| match text.to_ascii_lowercase().as_str() {
        "genai" => Some(Convention::GenAi),
        "traceloop" => Some(Convention::Traceloop),
        _ => None,
    })
}

/// Of the variables that speak of content, the first that says something decides; the others are read, so that a mistake in them is
/// found.
fn content(env: Environment<'_>, notices: &mut Vec<String>) -> Result<Content> {
    let hidden = Content {
        inputs: switched(env, &env::HIDE_INPUTS)? == Some(true),
        outputs: switched(env, &env::HIDE_OUTPUTS)? == Some(true),
    };
    let traceloop = switched(env, &env::TRACELOOP_TRACE_CONTENT)?.map(Content::all);
    let content = message_content(env, notices)?.or(traceloop).unwrap_or_default();
    // To hide is what holds when nobody says anything: it never changes the answer, but whoever asked for it in vain is told.
    for (variable, is_vain) in [
        (&env::HIDE_INPUTS, hidden.inputs && content.inputs),
        (&env::HIDE_OUTPUTS, hidden.outputs && content.outputs),
    ] {
        if is_vain {
            notices.push(format!(
                "{}=true has no effect: {} or {} switches content on and stands above it",
                variable.name,
                env::CAPTURE_MESSAGE_CONTENT.name,
                env::TRACELOOP_TRACE_CONTENT.name
            ));
        }
    }
    Ok(content)
}

/// `None` when it says nothing.
fn message_content(env: Environment<'_>, notices: &mut Vec<String>) -> Result<Option<Content>> {
    let variable = &env::CAPTURE_MESSAGE_CONTENT;
    let expected = "NO_CONTENT (or false, 0), SPAN_ONLY (or true, 1), EVENT_ONLY or SPAN_AND_EVENT";
    let mode = env.parsed(variable, expected, |text| match text.to_ascii_lowercase().as_str() {
        "no_content" | "false" | "0" => Some((false, false)),
        "span_only" | "span_and_event" | "true" | "1" => Some((true, false)),
        "event_only" => Some((false, true)),
        _ => None,
    })?;
    let Some((on_spans, event_only)) = mode else { return Ok(None) };
    if event_only {
        notices.push(format!(
            "{}=EVENT_ONLY captures nothing: content is written to spans only; use SPAN_ONLY to switch it on",
            variable.name
        ));
    }
    Ok(Some(Content::all(on_spans)))
}

/// `true` or `false`, also as the digits that others take for them.
fn switched(env: Environment<'_>, variable: &env::Variable) -> Result<Option<bool>> {
    env.parsed(variable, "true (or 1) or false (or 0)", |text| match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    })
}

/// The builder's value, or what the environment says.
fn or_env<T>(set: Option<T>, env: impl FnOnce() -> Result<Option<T>>) -> Result<Option<T>> {
    match set {
        Some(value) => Ok(Some(value)),
        None => env(),
    }
}

// Keys of the resource; those of spans stand in `semconv::keys`.
pub(super) const SERVICE_NAME: &str = "service.name";
pub(super) const SERVICE_VERSION: &str = "service.version";
pub(super) const DEPLOYMENT_ENVIRONMENT_NAME: &str = "deployment.environment.name";
const TELEMETRY_DISTRO_NAME: &str = "telemetry.distro.name";
const TELEMETRY_DISTRO_VERSION: &str = "telemetry.distro.version";
