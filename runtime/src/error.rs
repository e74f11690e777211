//! What can go wrong when telemetry is set up.
//!
//! In: what the setup found. Out: an [`Error`] whose text names the setting and the value at fault and says what to do. Does not: hold
//! or print secrets; header values never get here.
//!
//! One opaque type: the kinds are private, so that a new one breaks nobody, and `is_*` methods ask for the ones that a program may
//! want to tell apart. Once telemetry runs there are no errors any more, only counts (`Guard::stats`, `Report`).

use std::borrow::Cow;
use std::fmt;
use std::io;

/// `Result` with llmetry's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why telemetry could not be set up.
///
/// Its text is made for the person who has to put it right: it names the setting, the value and the remedy.
///
/// ```
/// let error = llmetry::builder().max_export_batch_size(0).init().unwrap_err();
/// assert!(error.is_invalid_setting());
/// assert_eq!(
///     error.to_string(),
///     "Builder::max_export_batch_size(0) cannot be used: expected at least 1"
/// );
/// ```
pub struct Error(Box<Kind>);

#[derive(Debug)]
enum Kind {
    InvalidSetting {
        name: Cow<'static, str>,
        value: Shown,
        expected: Cow<'static, str>,
        hint: Option<Cow<'static, str>>,
    },
    MissingFeature {
        name: Cow<'static, str>,
        value: Shown,
        feature: &'static str,
    },
    AlreadyInitialised,
    Exporter {
        exporter: &'static str,
        cause: String,
    },
    Thread(io::Error),
}

/// A setting's value as far as it may be printed.
#[derive(Debug)]
pub(crate) enum Shown {
    /// `VARIABLE=value`.
    Variable(String),
    /// `Builder::setter(value)`.
    Argument(String),
    /// The value may hold a secret, or says nothing.
    Hidden,
}

/// Longer values are cut: the beginning is enough to recognise them.
const MAX_SHOWN_CHARS: usize = 200;

impl Error {
    /// Whether a setting, of the builder or of the environment, has a value that cannot be used.
    pub fn is_invalid_setting(&self) -> bool {
        matches!(*self.0, Kind::InvalidSetting { .. })
    }

    /// Whether a setting asks for something that a cargo feature has to switch on, such as `tls` for an https endpoint.
    pub fn is_missing_feature(&self) -> bool {
        matches!(*self.0, Kind::MissingFeature { .. })
    }

    /// Whether telemetry runs already: only one guard may be alive at a time.
    pub fn is_already_initialised(&self) -> bool {
        matches!(*self.0, Kind::AlreadyInitialised)
    }

    /// Whether an exporter refused its settings.
    pub fn is_exporter(&self) -> bool {
        matches!(*self.0, Kind::Exporter { .. })
    }

    /// Whether the system gave no thread for the pipeline.
    pub fn is_thread(&self) -> bool {
        matches!(*self.0, Kind::Thread(_))
    }

    pub(crate) fn invalid_setting(
        name: impl Into<Cow<'static, str>>,
        value: Shown,
        expected: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self(Box::new(Kind::InvalidSetting {
            name: name.into(),
            value,
            expected: expected.into(),
            hint: None,
        }))
    }

    /// Adds what to do about it; for invalid settings only, the other kinds know their remedy.
    pub(crate) fn with_hint(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        if let Kind::InvalidSetting { hint, .. } = &mut *self.0 {
            *hint = Some(text.into());
        }
        self
    }

    pub(crate) fn missing_feature(
        name: impl Into<Cow<'static, str>>,
        value: Shown,
        feature: &'static str,
    ) -> Self {
        Self(Box::new(Kind::MissingFeature { name: name.into(), value, feature }))
    }

    pub(crate) fn already_initialised() -> Self {
        Self(Box::new(Kind::AlreadyInitialised))
    }

    pub(crate) fn exporter(exporter: &'static str, cause: String) -> Self {
        Self(Box::new(Kind::Exporter { exporter, cause }))
    }

    pub(crate) fn thread(error: io::Error) -> Self {
        Self(Box::new(Kind::Thread(error)))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::InvalidSetting { name, value, expected, hint } => {
                write!(f, "{name}{value} cannot be used: expected {expected}")?;
                hint.as_ref().map_or(Ok(()), |hint| write!(f, " ({hint})"))
            }
            Kind::MissingFeature { name, value, feature } => write!(
                f,
                "{name}{value} needs llmetry's feature `{feature}`: add it to the features of llmetry in Cargo.toml"
            ),
            Kind::AlreadyInitialised => f.write_str(
                "telemetry is initialised already: keep the first guard, or shut it down before another `init`",
            ),
            Kind::Exporter { exporter, cause } => write!(f, "the exporter `{exporter}` could not be built: {cause}"),
            Kind::Thread(error) => write!(f, "the pipeline's thread could not be started: {error}"),
        }
    }
}

/// As `Display`, since `fn main() -> Result<(), llmetry::Error>` prints this one.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "llmetry::Error({self})")
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.0 {
            Kind::Thread(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(value) => write!(f, "={}", shown(value)),
            Self::Argument(value) => write!(f, "({})", shown(value)),
            Self::Hidden => Ok(()),
        }
    }
}

/// `value` on one line and not too long: it comes from anywhere and ends in terminals and logs.
fn shown(value: &str) -> String {
    let mut shown: String = value.chars().take(MAX_SHOWN_CHARS).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    if shown.chars().any(char::is_control) { shown.escape_debug().to_string() } else { shown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_names_setting_value_and_remedy() {
        let value = |text: &str| Shown::Variable(text.to_owned());
        let error = Error::invalid_setting("OTEL_X", value("ten"), "a whole number").with_hint("default: 10");
        assert_eq!(error.to_string(), "OTEL_X=ten cannot be used: expected a whole number (default: 10)");
        assert!(error.is_invalid_setting());
        let error = Error::invalid_setting("OTEL_X", Shown::Hidden, "key=value pairs");
        assert_eq!(error.to_string(), "OTEL_X cannot be used: expected key=value pairs");

        let error = Error::missing_feature("OTEL_X", value("https://host"), "tls");
        assert_eq!(
            format!("{error:?}"),
            "llmetry::Error(OTEL_X=https://host needs llmetry's feature `tls`: add it to the features of llmetry in Cargo.toml)"
        );
        assert!(error.is_missing_feature() && !error.is_invalid_setting());

        assert!(Error::already_initialised().is_already_initialised());
        assert!(Error::exporter("otlp", "no".to_owned()).is_exporter());
        let error = Error::thread(io::Error::other("no more"));
        assert!(error.is_thread());
        assert_eq!(std::error::Error::source(&error).map(ToString::to_string).as_deref(), Some("no more"));
    }

    #[test]
    fn values_stay_on_one_line_and_short() {
        assert_eq!(shown("a\nb\u{1b}[31m"), "a\\nb\\u{1b}[31m");
        assert_eq!(shown(&"ä".repeat(500)).chars().count(), MAX_SHOWN_CHARS + 1);
    }

    #[test]
    fn an_error_is_one_word() {
        fn is_send_and_sync<T: Send + Sync + 'static>() {}
        is_send_and_sync::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
