//! What holds when builder, environment and defaults say different things.

use std::collections::HashMap;
use std::ffi::OsString;

use opentelemetry::Key;

use super::*;
use crate::error::Error;
#[cfg(feature = "otlp-http")]
use crate::export::OtlpSetting;

fn resolve_with(settings: &Settings, variables: &[(&str, &str)], terminal: bool) -> Result<Config> {
    let variables: HashMap<&str, &str> = variables.iter().copied().collect();
    Config::resolve(settings, &|name| variables.get(name).map(OsString::from), terminal)
}

fn resolve(variables: &[(&str, &str)]) -> Config {
    resolve_with(&Settings::default(), variables, false).unwrap()
}

fn refused(variables: &[(&str, &str)]) -> Error {
    resolve_with(&Settings::default(), variables, false).map(|config| panic!("{config:?}")).unwrap_err()
}

/// Asserts that `variables` are refused with an invalid setting whose text begins with the first of them, value included.
#[track_caller]
fn check_refused(variables: &[(&str, &str)]) {
    let error = refused(variables);
    let (name, value) = variables[0];
    assert!(error.is_invalid_setting(), "{error}");
    assert!(error.to_string().starts_with(&format!("{name}={value} cannot be used: expected ")), "{error}");
}

fn attribute(config: &Config, key: &'static str) -> Option<String> {
    config.resource.get(&Key::from_static_str(key)).map(|value| value.to_string())
}

#[cfg(feature = "otlp-http")]
fn otlp_http(variables: &[(&str, &str)]) -> OtlpSetting {
    match resolve(variables).exporters.as_slice() {
        [ExporterSetting::OtlpHttp(setting)] => setting.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn defaults() {
    let config = resolve(&[]);
    assert!(!config.disabled && config.globals);
    #[cfg(feature = "propagation")]
    assert_eq!(config.outgoing, Policy::default());
    assert_eq!(config.content, Content::all(false));
    assert_eq!(config.sampler, Sampler::parent_based(Sampler::AlwaysOn));
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.limits.value_bytes, 32_768);
    assert_eq!(config.shutdown_timeout, Duration::from_secs(5));
    assert_eq!(config.notices.len(), 1, "{:?}", config.notices);
    assert!(config.notices[0].contains("OTEL_EXPORTER_OTLP_ENDPOINT"));
    assert!(attribute(&config, "service.name").unwrap().starts_with("unknown_service:llmetry"));
    assert_eq!(attribute(&config, "telemetry.sdk.name").as_deref(), Some("opentelemetry"));
    assert_eq!(attribute(&config, "telemetry.sdk.language").as_deref(), Some("rust"));
    assert!(attribute(&config, "telemetry.sdk.version").is_some());
    assert_eq!(attribute(&config, "telemetry.distro.name").as_deref(), Some("llmetry"));
    assert_eq!(attribute(&config, "telemetry.distro.version").as_deref(), Some(env!("CARGO_PKG_VERSION")));
}

#[test]
fn disabled_beats_everything_that_could_go_wrong() {
    let config = resolve(&[("OTEL_SDK_DISABLED", "True"), ("OTEL_TRACES_SAMPLER", "often")]);
    assert!(config.disabled && config.exporters.is_empty() && config.notices.is_empty());
    assert!(!resolve(&[("OTEL_SDK_DISABLED", "false")]).disabled);
    check_refused(&[("OTEL_SDK_DISABLED", "1")]);
}

#[test]
fn the_service_has_the_name_of_the_strongest_source() {
    let name = |default: Option<&str>, fixed: Option<&str>, variables: &[(&str, &str)]| {
        let settings = Settings {
            default_service_name: default.map(str::to_owned),
            resource: fixed.map(|name| KeyValue::new(SERVICE_NAME, name.to_owned())).into_iter().collect(),
            ..Settings::default()
        };
        attribute(&resolve_with(&settings, variables, false).unwrap(), "service.name").unwrap()
    };
    let attributes = ("OTEL_RESOURCE_ATTRIBUTES", "service.name=from-attributes");
    let own = ("OTEL_SERVICE_NAME", "from-env");
    assert_eq!(name(Some("default"), None, &[]), "default");
    assert_eq!(name(Some("default"), None, &[attributes]), "from-attributes");
    assert_eq!(name(Some("default"), None, &[attributes, own]), "from-env");
    assert_eq!(name(Some("default"), Some("fixed"), &[attributes, own]), "fixed");
}

#[test]
fn resource_attributes_are_merged_and_the_builder_wins() {
    let settings = Settings { resource: vec![KeyValue::new("a", "builder")], ..Settings::default() };
    let variables = [("OTEL_RESOURCE_ATTRIBUTES", "a=env,b=two%20words,deployment.environment.name=prod")];
    let config = resolve_with(&settings, &variables, false).unwrap();
    assert_eq!(attribute(&config, "a").as_deref(), Some("builder"));
    assert_eq!(attribute(&config, "b").as_deref(), Some("two words"));
    assert_eq!(attribute(&config, "deployment.environment.name").as_deref(), Some("prod"));
    let error = refused(&[("OTEL_RESOURCE_ATTRIBUTES", "a=1,b")]).to_string();
    assert!(
        error.starts_with("OTEL_RESOURCE_ATTRIBUTES cannot be used: expected key=value, but entry 2"),
        "{error}"
    );
}

#[test]
fn samplers() {
    let sampler = |name, argument| {
        resolve(&[("OTEL_TRACES_SAMPLER", name), ("OTEL_TRACES_SAMPLER_ARG", argument)]).sampler
    };
    assert_eq!(sampler("always_on", ""), Sampler::AlwaysOn);
    assert_eq!(sampler("ALWAYS_OFF", "nonsense is not read"), Sampler::AlwaysOff);
    assert_eq!(sampler("traceidratio", "0.25"), Sampler::TraceIdRatio(0.25));
    assert_eq!(sampler("traceidratio", ""), Sampler::TraceIdRatio(1.0));
    assert_eq!(sampler("parentbased_always_on", ""), Sampler::default());
    assert_eq!(sampler("parentbased_always_off", ""), Sampler::parent_based(Sampler::AlwaysOff));
    assert_eq!(sampler("ParentBased_TraceIdRatio", "0"), Sampler::parent_based(Sampler::TraceIdRatio(0.0)));
    for name in ["often", "parentbased_", "jaeger_remote"] {
        check_refused(&[("OTEL_TRACES_SAMPLER", name)]);
    }
    for argument in ["NaN", "-0.1", "1.1", "inf", "10%"] {
        check_refused(&[("OTEL_TRACES_SAMPLER_ARG", argument), ("OTEL_TRACES_SAMPLER", "traceidratio")]);
    }
    // An argument alone is what many write who mean a ratio.
    let config = resolve(&[("OTEL_TRACES_SAMPLER_ARG", "0.1"), ("OTEL_TRACES_EXPORTER", "none")]);
    assert_eq!(config.sampler, Sampler::default());
    assert!(
        config.notices[0].starts_with("OTEL_TRACES_SAMPLER_ARG=0.1 has no effect"),
        "{:?}",
        config.notices
    );

    let settings = Settings { sampler: Some(Sampler::AlwaysOn), ..Settings::default() };
    assert_eq!(
        resolve_with(&settings, &[("OTEL_TRACES_SAMPLER", "often")], false).unwrap().sampler,
        Sampler::AlwaysOn
    );
}

#[test]
fn the_convention_is_opentelemetrys_unless_asked_for() {
    let convention = |value| resolve(&[("LLMETRY_CONVENTION", value)]).convention;
    assert_eq!(convention(""), Convention::GenAi);
    assert_eq!(convention("GenAI"), Convention::GenAi);
    assert_eq!(convention("traceloop"), Convention::Traceloop);
    check_refused(&[("LLMETRY_CONVENTION", "openllmetry")]);
    let settings = Settings { convention: Some(Convention::GenAi), ..Settings::default() };
    let config = resolve_with(&settings, &[("LLMETRY_CONVENTION", "traceloop")], false).unwrap();
    assert_eq!(config.convention, Convention::GenAi);
}

#[test]
fn batches_and_limits() {
    let config = resolve(&[
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "300"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "2000"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "0"),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "2"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "3"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "100"),
    ]);
    assert_eq!(
        config.batch,
        Batch {
            schedule_delay: Duration::from_millis(100),
            max_export_batch_size: 300, // no larger than the queue
            max_queue_bytes: 16 * 1024 * 1024,
            max_queue_size: Some(300),
            export_timeout: Duration::from_secs(2),
            overflow: Overflow::DropNewest,
        }
    );
    assert_eq!(
        config.limits,
        Limits { attributes: 0, events: 2, links: 3, value_bytes: 100, ..Limits::default() }
    );
    let both =
        [("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "100"), ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "7")];
    assert_eq!(resolve(&both).limits.value_bytes, 7);

    for name in [
        "OTEL_BSP_SCHEDULE_DELAY",
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
        "OTEL_BSP_EXPORT_TIMEOUT",
    ] {
        check_refused(&[(name, "0")]);
    }
    for name in [
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
        "OTEL_SPAN_EVENT_COUNT_LIMIT",
        "OTEL_SPAN_LINK_COUNT_LIMIT",
        "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    ] {
        check_refused(&[(name, "-1")]);
    }

    let settings = Settings {
        schedule_delay: Some(Duration::from_secs(1)),
        max_export_batch_size: Some(7),
        max_attributes: Some(9),
        ..Settings::default()
    };
    let config = resolve_with(
        &settings,
        &[("OTEL_BSP_SCHEDULE_DELAY", "x"), ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "8")],
        false,
    );
    let config = config.unwrap();
    assert_eq!(
        (config.batch.schedule_delay, config.batch.max_export_batch_size),
        (Duration::from_secs(1), 7)
    );
    assert_eq!(config.limits.attributes, 9);
}

const MESSAGE_CONTENT: &str = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
const TRACE_CONTENT: &str = "TRACELOOP_TRACE_CONTENT";
const HIDE_INPUTS: &str = "OPENINFERENCE_HIDE_INPUTS";
const HIDE_OUTPUTS: &str = "OPENINFERENCE_HIDE_OUTPUTS";

#[test]
fn content_is_private_unless_asked_for() {
    /// Builder; the variables by their rank; whether content is on; what is said about it.
    type Row = (Option<bool>, [&'static str; 4], bool, &'static [&'static str]);
    let table: &[Row] = &[
        (None, ["", "", "", ""], false, &[]),
        (None, ["NO_CONTENT", "", "", ""], false, &[]),
        (None, ["false", "", "", ""], false, &[]),
        (None, ["0", "", "", ""], false, &[]),
        (None, ["SPAN_ONLY", "", "", ""], true, &[]),
        (None, ["span_and_event", "", "", ""], true, &[]),
        (None, ["TRUE", "", "", ""], true, &[]),
        (None, ["1", "", "", ""], true, &[]),
        (None, ["EVENT_ONLY", "", "", ""], false, &["EVENT_ONLY captures nothing"]),
        (None, ["", "true", "", ""], true, &[]),
        (None, ["", "1", "", ""], true, &[]),
        (None, ["", "false", "", ""], false, &[]),
        (None, ["", "", "false", "false"], false, &[]),
        (None, ["", "", "true", "true"], false, &[]),
        // The first that says something decides.
        (None, ["true", "false", "", ""], true, &[]),
        (None, ["false", "true", "", ""], false, &[]),
        (None, ["event_only", "true", "", ""], false, &["EVENT_ONLY captures nothing"]),
        (None, ["true", "", "true", ""], true, &["OPENINFERENCE_HIDE_INPUTS=true has no effect"]),
        (None, ["", "true", "false", "1"], true, &["OPENINFERENCE_HIDE_OUTPUTS=true has no effect"]),
        (None, ["", "false", "true", "true"], false, &[]),
        (Some(true), ["false", "false", "true", "true"], true, &[]),
        (Some(false), ["true", "true", "false", "false"], false, &[]),
    ];
    for (builder, values, expected, said) in table {
        let settings = Settings { content: *builder, ..Settings::default() };
        let names = [MESSAGE_CONTENT, TRACE_CONTENT, HIDE_INPUTS, HIDE_OUTPUTS];
        let mut variables = vec![("OTEL_TRACES_EXPORTER", "none")];
        variables.extend(names.into_iter().zip(*values));
        let config = resolve_with(&settings, &variables, false).unwrap();
        assert_eq!(config.content, Content::all(*expected), "{builder:?} {values:?}");
        assert_eq!(config.notices.len(), said.len(), "{builder:?} {values:?}: {:?}", config.notices);
        assert!(
            config.notices.iter().zip(*said).all(|(notice, said)| notice.contains(said)),
            "{:?}",
            config.notices
        );
    }
    for name in [MESSAGE_CONTENT, TRACE_CONTENT, HIDE_INPUTS, HIDE_OUTPUTS] {
        check_refused(&[(name, "yes")]);
    }
    // Also where it does not decide.
    check_refused(&[(TRACE_CONTENT, "SPAN_ONLY"), (MESSAGE_CONTENT, "true")]);
}

#[cfg(feature = "stdout")]
#[test]
fn stdout_is_a_tree_for_people_and_json_for_programs() {
    let exporter = |variables: &[(&str, &str)], terminal| {
        resolve_with(&Settings::default(), variables, terminal).unwrap().exporters
    };
    let (tree, coloured) = (ExporterSetting::Tree { colour: false }, ExporterSetting::Tree { colour: true });
    assert_eq!(exporter(&[], true), std::slice::from_ref(&coloured));
    assert_eq!(exporter(&[], false), [ExporterSetting::Json]);
    assert_eq!(exporter(&[("LLMETRY_STDOUT", "TREE")], false), std::slice::from_ref(&tree));
    assert_eq!(exporter(&[("LLMETRY_STDOUT", "json")], true), [ExporterSetting::Json]);
    assert_eq!(exporter(&[("NO_COLOR", "1")], true), [tree]);
    assert_eq!(exporter(&[("NO_COLOR", "")], true), std::slice::from_ref(&coloured));
    assert_eq!(exporter(&[("OTEL_TRACES_EXPORTER", "console, Console")], true), [coloured]);
    check_refused(&[("LLMETRY_STDOUT", "xml")]);

    // Somebody is watching, unless they said how long they wait.
    assert_eq!(resolve(&[]).batch.schedule_delay, Duration::from_millis(200));
    assert_eq!(
        resolve(&[("OTEL_BSP_SCHEDULE_DELAY", "900")]).batch.schedule_delay,
        Duration::from_millis(900)
    );
    assert_eq!(resolve(&[("OTEL_TRACES_EXPORTER", "none")]).batch.schedule_delay, Duration::from_secs(5));
    // What was asked for is not announced.
    assert!(resolve(&[("OTEL_TRACES_EXPORTER", "console")]).notices.is_empty());
}

#[cfg(feature = "stdout")]
#[test]
fn exporters_of_the_builder_replace_those_of_the_environment() {
    let env = [("OTEL_TRACES_EXPORTER", "console")];
    let given = Settings { has_exporters: true, ..Settings::default() };
    let config = resolve_with(&given, &env, true).unwrap();
    assert!(config.exporters.is_empty() && config.notices.is_empty());
    assert_eq!(config.batch.schedule_delay, Duration::from_secs(5));
    // Not even read.
    assert!(resolve_with(&given, &[("OTEL_TRACES_EXPORTER", "bad")], true).is_ok());

    let both = Settings { exporters_from_env: true, ..given };
    assert_eq!(resolve_with(&both, &env, false).unwrap().exporters, [ExporterSetting::Json]);
    let config = resolve_with(&both, &[], false).unwrap();
    assert!(config.exporters.is_empty() && config.notices.is_empty());

    // Stdout is there once, whoever asked for it.
    let stdout =
        Settings { stdout: Some(StdoutFormat::Tree), exporters_from_env: true, ..Settings::default() };
    assert_eq!(
        resolve_with(&stdout, &env, false).unwrap().exporters,
        [ExporterSetting::Tree { colour: false }]
    );
}

#[test]
fn lists_of_exporters() {
    let config =
        resolve(&[("OTEL_TRACES_EXPORTER", "None"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "nonsense is not read")]);
    assert!(config.exporters.is_empty() && config.notices.is_empty());
    for bad in ["zipkin", "otlp,jaeger", "none,otlp"] {
        check_refused(&[("OTEL_TRACES_EXPORTER", bad)]);
    }
}

#[cfg(all(feature = "otlp-http", feature = "stdout"))]
#[test]
fn several_exporters() {
    let config = resolve(&[("OTEL_TRACES_EXPORTER", "otlp,console")]);
    assert!(matches!(config.exporters.as_slice(), [ExporterSetting::OtlpHttp(_), ExporterSetting::Json]));
    assert_eq!(config.batch.schedule_delay, Duration::from_secs(5));
}

#[cfg(feature = "otlp-http")]
#[test]
fn otlp_endpoints() {
    let endpoint = |variables: &[(&str, &str)]| otlp_http(variables).endpoint;
    assert_eq!(endpoint(&[("OTEL_TRACES_EXPORTER", "otlp")]), "http://localhost:4318/v1/traces");
    let general = |url| endpoint(&[("OTEL_EXPORTER_OTLP_ENDPOINT", url)]);
    assert_eq!(general("http://host:4318"), "http://host:4318/v1/traces");
    assert_eq!(general("HTTP://host/"), "HTTP://host/v1/traces");
    assert_eq!(
        general("http://me:pw@[::1]:4318/base/?key=1"),
        "http://me:pw@[::1]:4318/base/v1/traces?key=1"
    );
    let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://host/exactly/this");
    assert_eq!(endpoint(&[traces]), "http://host/exactly/this");
    assert_eq!(
        endpoint(&[traces, ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://other")]),
        "http://host/exactly/this"
    );
    for bad in [
        "localhost:4318",
        "ftp://host",
        "http://",
        "http://:4318",
        "http://host:port",
        "http://ho st",
        "http:///path",
    ] {
        check_refused(&[("OTEL_EXPORTER_OTLP_ENDPOINT", bad)]);
    }
    let error = refused(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "ftp://me:sesame@host/?token=sesame")]).to_string();
    assert!(error.contains("ftp://host/") && !error.contains("sesame"), "{error}");
    let config = resolve(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://host:4317")]);
    assert!(config.notices[0].contains("OTEL_EXPORTER_OTLP_PROTOCOL=grpc"), "{:?}", config.notices);
}

#[cfg(feature = "otlp-http")]
#[test]
fn otlp_headers_and_timeouts() {
    let setting = otlp_http(&[
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Basic%20c2VzYW1l==,x-team=a,X-Team=b"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1500"),
    ]);
    let expected = [("authorization", "Basic c2VzYW1l=="), ("x-team", "b")];
    assert_eq!(setting.headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(setting.timeout, Duration::from_millis(1_500));
    let traces = otlp_http(&[
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=traces"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=general,b=general"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "20000"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "4000"),
    ]);
    assert_eq!(traces.headers, [("a".to_owned(), "traces".to_owned())]);
    assert_eq!(traces.timeout, Duration::from_secs(4), "no export may take longer than the pipeline waits");
    for bad in ["sesame", "na me=sesame", "a=sesame%0d%0aevil: 1", "a=ses\u{e4}me"] {
        let error = refused(&[("OTEL_EXPORTER_OTLP_HEADERS", bad), ("OTEL_TRACES_EXPORTER", "otlp")]);
        let text = error.to_string();
        assert!(
            text.starts_with("OTEL_EXPORTER_OTLP_HEADERS cannot be used") && !text.contains("ses"),
            "{text}"
        );
    }
    for name in ["OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"] {
        check_refused(&[(name, "10s"), ("OTEL_TRACES_EXPORTER", "otlp")]);
    }
}

#[cfg(feature = "otlp-http")]
#[test]
fn what_otlp_cannot_do_is_said() {
    let otlp = ("OTEL_TRACES_EXPORTER", "otlp");
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "thrift"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca.pem"),
        ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", "/client.pem"),
    ] {
        check_refused(&[(name, value), otlp]);
    }
    otlp_http(&[
        otlp,
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "NONE"),
    ]);
}

#[test]
fn what_is_not_compiled_in_is_named() {
    #[allow(unused, reason = "with every feature there is nothing to check")]
    let check = |feature: &str, variables: &[(&str, &str)]| {
        let error = refused(variables);
        assert!(error.is_missing_feature(), "{error}");
        assert!(error.to_string().contains(&format!("feature `{feature}`")), "{error}");
    };
    #[cfg(all(feature = "otlp-http", not(feature = "tls")))]
    check("tls", &[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://host:4318")]);
    #[cfg(not(feature = "otlp-grpc"))]
    check("otlp-grpc", &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), ("OTEL_TRACES_EXPORTER", "otlp")]);
    #[cfg(not(feature = "otlp-http"))]
    check("otlp-http", &[("OTEL_TRACES_EXPORTER", "otlp")]);
    #[cfg(not(feature = "stdout"))]
    check("stdout", &[("OTEL_TRACES_EXPORTER", "console")]);
}

#[cfg(feature = "otlp-grpc")]
#[test]
fn otlp_over_grpc() {
    let endpoint = |variables: &[(&str, &str)]| {
        let mut all = vec![("OTEL_EXPORTER_OTLP_PROTOCOL", "gRPC"), ("OTEL_TRACES_EXPORTER", "otlp")];
        all.extend(variables);
        match resolve(&all).exporters.as_slice() {
            [ExporterSetting::OtlpGrpc(setting)] => setting.endpoint.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(endpoint(&[]), "http://localhost:4317");
    assert_eq!(endpoint(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://host:4317")]), "http://host:4317");
    let no_scheme = ("OTEL_EXPORTER_OTLP_ENDPOINT", "host:4317");
    assert_eq!(endpoint(&[no_scheme, ("OTEL_EXPORTER_OTLP_INSECURE", "true")]), "http://host:4317");
    #[cfg(not(feature = "otlp-grpc-tls"))]
    assert!(refused(&[no_scheme, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]).is_missing_feature());
}
