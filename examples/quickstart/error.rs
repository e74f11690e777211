//! What can go wrong.

use std::fmt;

use crate::document::NotIndexed;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Error {
    Telemetry(llmetry::Error),
    Read {
        file: String,
        cause: std::io::Error,
    },
    Server(std::io::Error),
    /// No server that this program can talk to; it has no TLS.
    NotHttp {
        url: String,
    },
    Request(reqwest::Error),
    Refused {
        status: u16,
        body: String,
    },
    /// An answer that is not one of the chat completions API.
    NotUnderstood {
        what: &'static str,
    },
    NoAnswer {
        turns: usize,
    },
    NotIndexed(NotIndexed),
    Task(tokio::task::JoinError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Telemetry(error) => error.fmt(f),
            Self::Read { file, cause } => write!(f, "cannot read {file}: {cause}"),
            Self::Server(cause) => write!(f, "the embedded model server does not start: {cause}"),
            Self::NotHttp { url } => {
                write!(f, "OPENAI_BASE_URL={url} cannot be used: this example speaks plain http:// only")
            }
            Self::Request(cause) => {
                write!(f, "the model server does not answer: {cause}")?;
                let mut cause = std::error::Error::source(cause);
                while let Some(deeper) = cause {
                    write!(f, ": {deeper}")?;
                    cause = deeper.source();
                }
                Ok(())
            }
            Self::Refused { status, body } => write!(f, "the model server refused with {status}: {body}"),
            Self::NotUnderstood { what } => write!(f, "the model server's answer has no {what}"),
            Self::NoAnswer { turns } => write!(f, "the model has not answered in {turns} turns"),
            Self::NotIndexed(error) => error.fmt(f),
            Self::Task(error) => write!(f, "indexing failed: {error}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<llmetry::Error> for Error {
    fn from(error: llmetry::Error) -> Self {
        Self::Telemetry(error)
    }
}

impl From<reqwest::Error> for Error {
    fn from(error: reqwest::Error) -> Self {
        Self::Request(error)
    }
}

impl From<NotIndexed> for Error {
    fn from(error: NotIndexed) -> Self {
        Self::NotIndexed(error)
    }
}

impl From<tokio::task::JoinError> for Error {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Task(error)
    }
}
