//! Environment variables: every one that llmetry reads, with its default and what it is for, and how their texts become values.
//!
//! In: a lookup function, so that tests need no process environment. Out: typed values, or an error that names variable and value.
//! Does not: know which source wins; that is `config`'s.
//!
//! For all of them: empty means unset, names of choices are compared without regard to case, and a value that cannot be used is an
//! error, never a silent default. This is the only file that touches `std::env`.

use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::error::{Error, Result, Shown};

/// One environment variable.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    /// What holds when it is unset, as text.
    pub(crate) default: &'static str,
    /// What it is for.
    pub(crate) doc: &'static str,
}

macro_rules! variables {
    ($($constant:ident = $name:literal, default $default:literal: $doc:literal;)*) => {
        $(
            #[doc = $doc]
            #[doc = concat!("\n\nDefault: ", $default)]
            pub(crate) const $constant: Variable = Variable { name: $name, default: $default, doc: $doc };
        )*
        /// Every variable, in the order of the reference.
        #[cfg(test)]
        pub(crate) const ALL: &[Variable] = &[$($constant),*];
    };
}

variables! {
    SDK_DISABLED = "OTEL_SDK_DISABLED", default "false":
        "`true` switches telemetry off: annotated functions run untouched";
    SERVICE_NAME = "OTEL_SERVICE_NAME", default "the name given to `init`, else unknown_service: and the program's file name":
        "the service's name, `service.name` of the resource";
    RESOURCE_ATTRIBUTES = "OTEL_RESOURCE_ATTRIBUTES", default "none":
        "attributes of the resource as key=value,key=value; values percent-encoded";
    TRACES_EXPORTER = "OTEL_TRACES_EXPORTER", default "otlp if an OTLP endpoint is set, else console":
        "where spans go, as a list of otlp and console, or none";
    STDOUT = "LLMETRY_STDOUT", default "tree on a terminal, else json":
        "how the console exporter writes: tree for people, json for programs";
    NO_COLOR = "NO_COLOR", default "unset":
        "any value takes the colours out of the tree; off a terminal there are none anyway";
    CONVENTION = "LLMETRY_CONVENTION", default "genai":
        "the names of spans and attributes: genai (OpenTelemetry) or traceloop (OpenLLMetry)";
    SPOOL_DIR = "LLMETRY_SPOOL_DIR", default "none, spans wait in memory":
        "the directory of the spool, where spans survive the process; needs the feature spool";

    OTLP_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT", default "http://localhost:4318 (HTTP) or http://localhost:4317 (gRPC)":
        "the OTLP receiver's address; for HTTP, /v1/traces is appended";
    OTLP_TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", default "OTEL_EXPORTER_OTLP_ENDPOINT":
        "the OTLP receiver's address for traces, used as it is";
    OTLP_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL", default "http/protobuf":
        "the OTLP transport, http/protobuf or grpc";
    OTLP_TRACES_PROTOCOL = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", default "OTEL_EXPORTER_OTLP_PROTOCOL":
        "the OTLP transport for traces";
    OTLP_HEADERS = "OTEL_EXPORTER_OTLP_HEADERS", default "none":
        "headers of OTLP requests as key=value,key=value; values percent-encoded";
    OTLP_TRACES_HEADERS = "OTEL_EXPORTER_OTLP_TRACES_HEADERS", default "OTEL_EXPORTER_OTLP_HEADERS":
        "headers of OTLP requests for traces";
    OTLP_TIMEOUT = "OTEL_EXPORTER_OTLP_TIMEOUT", default "10000":
        "the longest that one attempt of an OTLP export may take, in milliseconds";
    OTLP_TRACES_TIMEOUT = "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", default "OTEL_EXPORTER_OTLP_TIMEOUT":
        "the same, for traces";
    OTLP_INSECURE = "OTEL_EXPORTER_OTLP_INSECURE", default "false":
        "for gRPC endpoints without a scheme: true means http, false https";
    OTLP_TRACES_INSECURE = "OTEL_EXPORTER_OTLP_TRACES_INSECURE", default "OTEL_EXPORTER_OTLP_INSECURE":
        "the same, for traces";
    OTLP_COMPRESSION = "OTEL_EXPORTER_OTLP_COMPRESSION", default "none":
        "only none is supported";
    OTLP_TRACES_COMPRESSION = "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", default "OTEL_EXPORTER_OTLP_COMPRESSION":
        "only none is supported";
    OTLP_CERTIFICATE = "OTEL_EXPORTER_OTLP_CERTIFICATE", default "unset":
        "not supported: https endpoints are checked against the built-in roots";
    OTLP_TRACES_CERTIFICATE = "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", default "unset":
        "not supported: https endpoints are checked against the built-in roots";
    OTLP_CLIENT_CERTIFICATE = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", default "unset":
        "not supported";
    OTLP_TRACES_CLIENT_CERTIFICATE = "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", default "unset":
        "not supported";

    BSP_SCHEDULE_DELAY = "OTEL_BSP_SCHEDULE_DELAY", default "5000, or 200 when only stdout exports":
        "the longest that a finished span waits for its batch, in milliseconds";
    BSP_MAX_QUEUE_SIZE = "OTEL_BSP_MAX_QUEUE_SIZE", default "unlimited: the queue is bounded in bytes":
        "the most spans that may wait for export";
    BSP_MAX_EXPORT_BATCH_SIZE = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", default "512":
        "the most spans in one batch";
    BSP_EXPORT_TIMEOUT = "OTEL_BSP_EXPORT_TIMEOUT", default "30000":
        "the longest that one export may take, in milliseconds";

    TRACES_SAMPLER = "OTEL_TRACES_SAMPLER", default "parentbased_always_on":
        "which traces are recorded";
    TRACES_SAMPLER_ARG = "OTEL_TRACES_SAMPLER_ARG", default "1.0":
        "for the samplers by ratio: the share of traces that is recorded";

    SPAN_ATTRIBUTE_COUNT_LIMIT = "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", default "128":
        "the most attributes on a span";
    SPAN_EVENT_COUNT_LIMIT = "OTEL_SPAN_EVENT_COUNT_LIMIT", default "128":
        "the most events on a span";
    SPAN_LINK_COUNT_LIMIT = "OTEL_SPAN_LINK_COUNT_LIMIT", default "128":
        "the most links on a span";
    SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT = "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", default "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT":
        "the most bytes of a text in an attribute of a span";
    ATTRIBUTE_VALUE_LENGTH_LIMIT = "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", default "32768":
        "the most bytes of a text in an attribute";

    CAPTURE_MESSAGE_CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", default "NO_CONTENT":
        "whether prompts, completions, arguments and results may leave the process: `SPAN_ONLY` (or true) or `NO_CONTENT` (or false)";
    TRACELOOP_TRACE_CONTENT = "TRACELOOP_TRACE_CONTENT", default "false":
        "the same, true or false, where the variable before is unset";
    HIDE_INPUTS = "OPENINFERENCE_HIDE_INPUTS", default "unset":
        "`true` hides prompts and arguments, as is the default; the two before stand above it";
    HIDE_OUTPUTS = "OPENINFERENCE_HIDE_OUTPUTS", default "unset":
        "`true` hides completions and results, as is the default; the same two stand above it";
}

/// Where variables are looked up.
pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The lookup of real life.
pub(crate) fn process(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The operating system's name, for error texts.
pub(crate) const PLATFORM: &str = std::env::consts::OS;

/// The program's file name, for services that have no name.
pub(crate) fn program_name() -> Option<String> {
    let path = std::env::current_exe().ok()?;
    Some(path.file_stem()?.to_string_lossy().into_owned())
}

/// Longer than this, a time limit is a mistake (and would overflow somewhere).
pub(crate) const MAX_DURATION: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads variables through a lookup.
#[derive(Clone, Copy)]
pub(crate) struct Environment<'a>(pub(crate) Lookup<'a>);

impl Environment<'_> {
    /// The trimmed text; `None` when unset or empty.
    pub(crate) fn text(self, variable: &Variable) -> Result<Option<String>> {
        let Some(value) = (self.0)(variable.name) else { return Ok(None) };
        let value = value.into_string().map_err(|value| {
            let shown = Shown::Variable(value.to_string_lossy().into_owned());
            Error::invalid_setting(variable.name, shown, "UTF-8 text").with_hint(variable.doc)
        })?;
        let value = value.trim();
        Ok((!value.is_empty()).then(|| value.to_owned()))
    }

    /// Whether it is set to something, whatever that is.
    pub(crate) fn is_set(self, variable: &Variable) -> bool {
        (self.0)(variable.name).is_some_and(|value| !value.is_empty())
    }

    /// The value that `parse` makes of the text; where it makes none, an error.
    pub(crate) fn parsed<T>(
        self,
        variable: &Variable,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>> {
        let Some(text) = self.text(variable)? else { return Ok(None) };
        parse(&text).map(Some).ok_or_else(|| invalid(variable, &text, expected))
    }

    /// A whole number within `range`.
    pub(crate) fn count(self, variable: &Variable, range: RangeInclusive<usize>) -> Result<Option<usize>> {
        let expected = if *range.start() == 0 { "a whole number" } else { "a whole number, at least 1" };
        self.parsed(variable, expected, |text| text.parse().ok().filter(|count| range.contains(count)))
    }

    /// Milliseconds, at least one.
    pub(crate) fn millis(self, variable: &Variable) -> Result<Option<Duration>> {
        self.parsed(variable, "a whole number of milliseconds, from 1 to 86400000 (a day)", |text| {
            let duration = Duration::from_millis(text.parse().ok()?);
            (!duration.is_zero() && duration <= MAX_DURATION).then_some(duration)
        })
    }

    /// `true` or `false`.
    pub(crate) fn boolean(self, variable: &Variable) -> Result<Option<bool>> {
        self.parsed(variable, "true or false", |text| match text.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        })
    }

    /// `key=value` pairs, percent-decoded; no part of a pair is ever shown, since headers hold secrets.
    pub(crate) fn pairs(
        self,
        variable: &Variable,
        is_key: fn(&str) -> bool,
        is_value: fn(&str) -> bool,
    ) -> Result<Vec<(String, String)>> {
        let Some(text) = self.text(variable)? else { return Ok(Vec::new()) };
        let mut pairs: Vec<(String, String)> = Vec::new();
        let items = text.split(',').map(str::trim).enumerate().filter(|(_, item)| !item.is_empty());
        for (index, item) in items {
            let refused = |what: String| {
                Error::invalid_setting(variable.name, Shown::Hidden, what).with_hint(variable.doc)
            };
            let Some((key, value)) = item.split_once('=') else {
                return Err(refused(format!("key=value, but entry {} has no `=`", index + 1)));
            };
            let Some(key) = percent_decoded(key.trim()).filter(|key| is_key(key)) else {
                return Err(refused(format!("a valid key in entry {}", index + 1)));
            };
            let Some(value) = percent_decoded(value.trim()).filter(|value| is_value(value)) else {
                // Not even the key: after a comma in a secret, it would be a piece of that.
                return Err(refused(format!(
                    "a valid percent-encoded value in entry {}; write % as %25",
                    index + 1
                )));
            };
            pairs.retain(|(other, _)| *other != key);
            pairs.push((key, value));
        }
        Ok(pairs)
    }

    /// The first of two variables that is set: the one for traces wins over the general one.
    pub(crate) fn first<T>(
        [traces, general]: [&'static Variable; 2],
        read: impl Fn(&'static Variable) -> Result<Option<T>>,
    ) -> Result<Option<(&'static Variable, T)>> {
        for variable in [traces, general] {
            if let Some(value) = read(variable)? {
                return Ok(Some((variable, value)));
            }
        }
        Ok(None)
    }
}

/// The error for a text that cannot be used.
pub(crate) fn invalid(variable: &Variable, text: &str, expected: &'static str) -> Error {
    let hint = format!("{}; default: {}", variable.doc, variable.default);
    Error::invalid_setting(variable.name, Shown::Variable(text.to_owned()), expected).with_hint(hint)
}

/// `text` with `%41` turned into `A`; `None` for a stray `%` or what is not UTF-8 afterwards.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let value = digit(bytes.next()?)? * 16 + digit(bytes.next()?)?;
            decoded.push(u8::try_from(value).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<'a>(name: &'a str, value: &'a str) -> impl Fn(&str) -> Option<OsString> + 'a {
        move |asked| (asked == name).then(|| value.into())
    }

    #[test]
    fn every_variable_has_one_entry_with_its_documentation() {
        for (index, variable) in ALL.iter().enumerate() {
            assert!(!variable.doc.is_empty() && !variable.default.is_empty(), "{}", variable.name);
            assert!(ALL[..index].iter().all(|other| other.name != variable.name), "{} twice", variable.name);
        }
    }

    #[test]
    fn empty_is_unset_and_texts_are_trimmed() {
        for (value, expected) in [("", None), ("  ", None), (" a ", Some("a"))] {
            let lookup = with("OTEL_SERVICE_NAME", value);
            assert_eq!(Environment(&lookup).text(&SERVICE_NAME).unwrap().as_deref(), expected);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_text_that_is_not_utf8_is_an_error() {
        use std::os::unix::ffi::OsStringExt;
        let lookup = |_: &str| Some(OsString::from_vec(vec![b'a', 0xff]));
        let error = Environment(&lookup).text(&SERVICE_NAME).unwrap_err();
        assert!(
            error.to_string().starts_with("OTEL_SERVICE_NAME=a\u{fffd} cannot be used: expected UTF-8"),
            "{error}"
        );
    }

    #[test]
    fn numbers_times_and_booleans() {
        let count = |value: &str| {
            Environment(&with("OTEL_BSP_MAX_QUEUE_SIZE", value)).count(&BSP_MAX_QUEUE_SIZE, 1..=100)
        };
        assert_eq!(count("7").unwrap(), Some(7));
        for bad in ["0", "-1", "1.5", "many", "101"] {
            let error = count(bad).unwrap_err().to_string();
            assert!(
                error.starts_with(&format!(
                    "OTEL_BSP_MAX_QUEUE_SIZE={bad} cannot be used: expected a whole number"
                )),
                "{error}"
            );
        }
        let millis =
            |value: &str| Environment(&with("OTEL_BSP_EXPORT_TIMEOUT", value)).millis(&BSP_EXPORT_TIMEOUT);
        assert_eq!(millis("250").unwrap(), Some(Duration::from_millis(250)));
        for bad in ["0", "1s", "86400001", "18446744073709551616"] {
            assert!(millis(bad).is_err(), "{bad}");
        }
        let boolean = |value: &str| Environment(&with("OTEL_SDK_DISABLED", value)).boolean(&SDK_DISABLED);
        assert_eq!(boolean("TRUE").unwrap(), Some(true));
        assert_eq!(boolean("false").unwrap(), Some(false));
        assert_eq!(
            boolean("yes").unwrap_err().to_string(),
            "OTEL_SDK_DISABLED=yes cannot be used: expected true or false (`true` switches telemetry off: annotated functions run \
             untouched; default: false)"
        );
    }

    #[test]
    fn pairs_are_decoded_and_a_bad_one_is_named_without_its_value() {
        let pairs = |value: &str| {
            Environment(&with("OTEL_EXPORTER_OTLP_HEADERS", value)).pairs(
                &OTLP_HEADERS,
                |key| !key.is_empty(),
                |_| true,
            )
        };
        let expected = [("a", "1 2"), ("c", "ü=x")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(pairs("a=0, a = 1%202 ,, c=%C3%BC=x,").unwrap(), expected);
        for (bad, said) in [
            ("a=1,sesame", "entry 2 has no `=`"),
            ("=sesame", "valid key in entry 1"),
            ("a=sesame%2", "value in entry 1"),
            ("a=sesame%ff", "value in entry 1"),
            ("a=sesame%+1", "value in entry 1"),
        ] {
            let error = pairs(bad).unwrap_err().to_string();
            assert!(error.contains(said) && !error.contains("sesame"), "{error}");
        }
    }
}
