//! OTLP: spans to an OpenTelemetry receiver, over HTTP or gRPC.
//!
//! In: batches. Out: one request each, through clients that are ours, so that nothing depends on a runtime of the user's or on what other
//! crates switch on; and a verdict, as exact as the answer. Does not: queue, repeat, or let header values into texts.

#[cfg(feature = "otlp-grpc")]
pub(super) mod grpc;
#[cfg(feature = "otlp-http")]
pub(super) mod http;

use std::error::Error as StdError;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;

use super::{OtlpSetting, Verdict, without_credentials};

/// The longest text of a receiver's that is shown, in characters.
const MAX_MESSAGE_CHARS: usize = 500;

/// Whoever asks for a longer pause has made a mistake.
const MAX_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// What stands at the end of a text when TLS did not come about, and not for the network's sake.
const NO_TLS: &str = "; does it speak TLS, with a certificate that the built-in roots know?";

/// Shorter ones keep no secret, and would be found inside of other words.
const MIN_SECRET_BYTES: usize = 6;

/// A receiver, as it may be spoken of.
#[derive(Debug)]
struct Receiver {
    endpoint: String,
    secrets: Secrets,
}

/// Words that receivers repeat now and then, and nobody else should.
struct Secrets(Vec<String>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

impl Receiver {
    fn new(setting: &OtlpSetting) -> Self {
        let words = setting.headers.iter().flat_map(|(_, value)| value.split_whitespace());
        let secrets = words.filter(|word| word.len() >= MIN_SECRET_BYTES).map(str::to_owned).collect();
        Self { endpoint: without_credentials(&setting.endpoint), secrets: Secrets(secrets) }
    }

    /// The text of a failed export.
    fn failure(&self, what: impl std::fmt::Display) -> String {
        format!("export to {} failed: {what}", self.endpoint)
    }

    /// `text`, which is the receiver's: on one line, not for ever, and without what we have told it.
    fn quoted(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets.0 {
            text = text.replace(secret, "***");
        }
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_MESSAGE_CHARS).collect()
    }

    /// The receiver has taken a batch of `spans`, apart from what it says.
    fn delivered(&self, partial: Option<ExportTracePartialSuccess>, spans: usize) -> Verdict {
        let Some(partial) = partial else { return Verdict::delivered() };
        // Below nothing, or above all: what a receiver says must not unbalance the account.
        let rejected = u64::try_from(partial.rejected_spans).unwrap_or(0).min(spans as u64);
        Verdict::Delivered { rejected, message: self.quoted(&partial.error_message) }
    }
}

/// `error` and what caused it.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// The texts of `error` and of what caused it.
fn with_causes(error: &(dyn StdError + 'static)) -> String {
    causes(error).fold(String::new(), |text, cause| match cause.to_string() {
        more if text.is_empty() => more,
        more if text.contains(&more) => text,
        more => format!("{text}: {more}"),
    })
}

/// Whether the other side was reached, and said what cannot be understood or believed: TLS reports a certificate in this way, and
/// everything that is not TLS.
fn is_nonsense(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::InvalidData
}
