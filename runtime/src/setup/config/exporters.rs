//! Which exporters, from what the builder and the environment say.
//!
//! A choice of the builder's replaces the environment's, which then is not even read, unless `exporters_from_env(true)` asks for both.
//! Nothing chosen anywhere: stdout, said once. Does not: build exporters.

use std::time::Duration;

use super::Settings;
use crate::error::{Error, Result, Shown};
use crate::export::{ExporterSetting, OtlpSetting, StdoutFormat, without_credentials};
use crate::setup::env::{self, Environment, Variable};

const ENDPOINTS: [&Variable; 2] = [&env::OTLP_TRACES_ENDPOINT, &env::OTLP_ENDPOINT];

pub(super) fn resolve(
    settings: &Settings,
    env: Environment<'_>,
    stdout_is_terminal: bool,
    notices: &mut Vec<String>,
) -> Result<Vec<ExporterSetting>> {
    let stdout = |format| stdout(format, env, stdout_is_terminal);
    let mut exporters = Vec::new();
    if let Some(format) = settings.stdout {
        require(
            cfg!(feature = "stdout"),
            "Builder::stdout",
            Shown::Argument(format!("{format:?}")),
            "stdout",
        )?;
        exporters.push(stdout(format)?);
    }
    let chosen = settings.stdout.is_some() || settings.has_exporters;
    if chosen && !settings.exporters_from_env {
        return Ok(exporters);
    }
    let names = env.text(&env::TRACES_EXPORTER)?;
    if let Some(names) = &names {
        for name in listed(names)? {
            let exporter = match name.as_str() {
                "console" => {
                    let shown = Shown::Variable(names.clone());
                    require(cfg!(feature = "stdout"), env::TRACES_EXPORTER.name, shown, "stdout")?;
                    stdout(StdoutFormat::Auto)?
                }
                _ => otlp(env, notices)?,
            };
            if !(exporter.is_stdout() && exporters.iter().any(ExporterSetting::is_stdout)) {
                exporters.push(exporter);
            }
        }
    } else if ENDPOINTS.iter().any(|variable| env.is_set(variable)) {
        exporters.push(otlp(env, notices)?);
    } else if chosen {
        // The builder's choice stands; the environment adds nothing.
    } else if cfg!(feature = "stdout") {
        exporters.push(stdout(StdoutFormat::Auto)?);
        notices.push(format!(
            "no exporter is configured, so spans are printed on stdout; set {} to send them to an OpenTelemetry receiver, or {}=none",
            env::OTLP_ENDPOINT.name,
            env::TRACES_EXPORTER.name
        ));
    } else {
        notices.push(format!(
            "no exporter is configured, so no span leaves this process; set {} to send them to an OpenTelemetry receiver",
            env::OTLP_ENDPOINT.name
        ));
    }
    Ok(exporters)
}

/// The names in a list of exporters, each once; empty for `none`.
fn listed(names: &str) -> Result<Vec<String>> {
    let mut list: Vec<String> = Vec::new();
    for name in names.split(',').map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty())
    {
        if !["otlp", "console", "none"].contains(&name.as_str()) {
            return Err(env::invalid(
                &env::TRACES_EXPORTER,
                names,
                "otlp, console (both, separated by a comma), or none",
            ));
        }
        if !list.contains(&name) {
            list.push(name);
        }
    }
    if list.iter().any(|name| name == "none") {
        if list.len() > 1 {
            return Err(env::invalid(&env::TRACES_EXPORTER, names, "none alone, or exporters without none"));
        }
        list.clear();
    }
    Ok(list)
}

fn require(is_on: bool, setting: &'static str, value: Shown, feature: &'static str) -> Result<()> {
    if is_on { Ok(()) } else { Err(Error::missing_feature(setting, value, feature)) }
}

fn stdout(format: StdoutFormat, env: Environment<'_>, stdout_is_terminal: bool) -> Result<ExporterSetting> {
    let format = if format == StdoutFormat::Auto {
        let chosen =
            env.parsed(&env::STDOUT, "tree or json", |text| match text.to_ascii_lowercase().as_str() {
                "tree" => Some(StdoutFormat::Tree),
                "json" => Some(StdoutFormat::Json),
                _ => None,
            })?;
        chosen.unwrap_or(if stdout_is_terminal { StdoutFormat::Tree } else { StdoutFormat::Json })
    } else {
        format
    };
    Ok(match format {
        StdoutFormat::Json => ExporterSetting::Json,
        StdoutFormat::Tree | StdoutFormat::Auto => {
            ExporterSetting::Tree { colour: stdout_is_terminal && !env.is_set(&env::NO_COLOR) }
        }
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http,
    Grpc,
}

fn otlp(env: Environment<'_>, notices: &mut Vec<String>) -> Result<ExporterSetting> {
    refuse_unsupported(env)?;
    let protocol = protocol(env)?;
    let endpoint = endpoint(env, protocol, notices)?;
    let headers = headers(env)?;
    let timeout =
        Environment::first([&env::OTLP_TRACES_TIMEOUT, &env::OTLP_TIMEOUT], |variable| env.millis(variable))?;
    let timeout = timeout.map_or(Duration::from_secs(10), |(_, timeout)| timeout);
    let setting = OtlpSetting { endpoint, headers, timeout };
    Ok(match protocol {
        Protocol::Http => ExporterSetting::OtlpHttp(setting),
        Protocol::Grpc => ExporterSetting::OtlpGrpc(setting),
    })
}

/// To be ignored in silence, these matter too much: a certificate that is not used ends in errors that nobody understands.
fn refuse_unsupported(env: Environment<'_>) -> Result<()> {
    for variable in [&env::OTLP_TRACES_COMPRESSION, &env::OTLP_COMPRESSION] {
        if let Some(value) = env.text(variable)? {
            if value.eq_ignore_ascii_case("none") {
                // The traces form wins over the general one.
                break;
            }
            return Err(env::invalid(variable, &value, "none, or nothing: compression is not supported yet"));
        }
    }
    for variable in [
        &env::OTLP_TRACES_CERTIFICATE,
        &env::OTLP_CERTIFICATE,
        &env::OTLP_TRACES_CLIENT_CERTIFICATE,
        &env::OTLP_CLIENT_CERTIFICATE,
    ] {
        if let Some(value) = env.text(variable)? {
            return Err(env::invalid(
                variable,
                &value,
                "nothing: certificates of your own are not supported yet",
            ));
        }
    }
    Ok(())
}

fn protocol(env: Environment<'_>) -> Result<Protocol> {
    let variables = [&env::OTLP_TRACES_PROTOCOL, &env::OTLP_PROTOCOL];
    let Some((variable, text)) = Environment::first(variables, |variable| env.text(variable))? else {
        // Also where only gRPC is compiled in: a feature that another crate adds must not change where spans go.
        let otlp = Shown::Variable("http/protobuf".to_owned());
        let set = env::OTLP_PROTOCOL.name;
        require(cfg!(feature = "otlp-http"), set, otlp, "otlp-http")?;
        return Ok(Protocol::Http);
    };
    let shown = Shown::Variable(text.clone());
    match text.to_ascii_lowercase().as_str() {
        "http/protobuf" => {
            require(cfg!(feature = "otlp-http"), variable.name, shown, "otlp-http")?;
            Ok(Protocol::Http)
        }
        "grpc" => {
            require(cfg!(feature = "otlp-grpc"), variable.name, shown, "otlp-grpc")?;
            Ok(Protocol::Grpc)
        }
        "http/json" => {
            Err(env::invalid(variable, &text, "http/protobuf or grpc; http/json is not supported"))
        }
        _ => Err(env::invalid(variable, &text, "http/protobuf or grpc")),
    }
}

fn endpoint(env: Environment<'_>, protocol: Protocol, notices: &mut Vec<String>) -> Result<String> {
    let Some((variable, text)) = Environment::first(ENDPOINTS, |variable| env.text(variable))? else {
        return Ok(match protocol {
            Protocol::Http => "http://localhost:4318/v1/traces".to_owned(),
            Protocol::Grpc => "http://localhost:4317".to_owned(),
        });
    };
    let url = match protocol {
        Protocol::Grpc if !text.contains("://") => {
            let variables = [&env::OTLP_TRACES_INSECURE, &env::OTLP_INSECURE];
            let insecure = Environment::first(variables, |variable| env.boolean(variable))?
                .is_some_and(|(_, value)| value);
            format!("{}://{text}", if insecure { "http" } else { "https" })
        }
        _ => text.clone(),
    };
    let shown = || Shown::Variable(without_credentials(&text));
    let Some(Url { is_https, port, path }) = parse_url(&url) else {
        return Err(Error::invalid_setting(variable.name, shown(), "a URL such as http://localhost:4318")
            .with_hint(variable.doc));
    };
    if is_https {
        let (is_compiled_in, feature) = match protocol {
            Protocol::Http => (cfg!(feature = "tls"), "tls"),
            Protocol::Grpc => (cfg!(feature = "otlp-grpc-tls"), "otlp-grpc-tls"),
        };
        require(is_compiled_in, variable.name, shown(), feature)?;
    }
    if protocol == Protocol::Http && port == Some(4317) {
        notices.push(format!(
            "{}={}: port 4317 usually speaks gRPC; if exports fail use port 4318, or set {}=grpc",
            variable.name,
            without_credentials(&text),
            env::OTLP_PROTOCOL.name
        ));
    }
    if protocol == Protocol::Http && variable.name == env::OTLP_ENDPOINT.name {
        let (base, query) = url.split_at(path.end);
        return Ok(format!("{}/v1/traces{query}", base.trim_end_matches('/')));
    }
    Ok(url)
}

struct Url {
    is_https: bool,
    port: Option<u16>,
    path: std::ops::Range<usize>,
}

/// What has to be known of a URL; `None` unless it is one of http or https with a host.
fn parse_url(url: &str) -> Option<Url> {
    if url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return None;
    }
    let (scheme, rest) = url.split_once("://")?;
    let is_https = scheme.eq_ignore_ascii_case("https");
    if !is_https && !scheme.eq_ignore_ascii_case("http") {
        return None;
    }
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let path_start = scheme.len() + "://".len() + authority.len();
    let path_end = url[path_start..].find(['?', '#']).map_or(url.len(), |length| path_start + length);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    // The colons of an IPv6 address stand in brackets.
    let after_address = host.rfind(']').map_or(0, |end| end + 1);
    let (name, port) = match host[after_address..].find(':') {
        Some(colon) => {
            let (name, port) = host.split_at(after_address + colon);
            (name, Some(port[1..].parse().ok()?))
        }
        None => (host, None),
    };
    (!name.is_empty()).then_some(Url { is_https, port, path: path_start..path_end })
}

/// Names in lower case, as gRPC wants them; both transports take printable ASCII as values.
fn headers(env: Environment<'_>) -> Result<Vec<(String, String)>> {
    let is_name = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
    };
    let is_value = |value: &str| value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte));
    let variables = [&env::OTLP_TRACES_HEADERS, &env::OTLP_HEADERS];
    let found = Environment::first(variables, |variable| {
        let pairs = env.pairs(variable, is_name, is_value)?;
        Ok((!pairs.is_empty()).then_some(pairs))
    })?;
    let mut headers: Vec<(String, String)> = Vec::new();
    for (name, value) in found.map(|(_, pairs)| pairs).unwrap_or_default() {
        let name = name.to_ascii_lowercase();
        headers.retain(|(other, _)| *other != name);
        headers.push((name, value));
    }
    Ok(headers)
}
