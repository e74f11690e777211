//! Answers a question about a file, and shows the whole run as one trace.
//!
//! ```text
//! cargo run --example quickstart [FILE [QUESTION]]
//! ```
//!
//! An agent asks a model, the model asks for a search in the file, and answers from what was found. The model is an
//! OpenAI-compatible server: the one at `OPENAI_BASE_URL`, or else a small one inside this program. The trace goes to stdout,
//! everything else to stderr; with `OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318` the trace goes there instead. Question, answers
//! and searches are in it with `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY`.

#![expect(clippy::print_stderr, reason = "a program talks to its user; stdout belongs to the trace")]

mod chat;
mod document;
mod error;
mod server;

use std::process::ExitCode;

use llmetry::{agent, task, tool, workflow};

use crate::chat::{Chat, Reply};
use crate::document::{Document, Index, NotIndexed};
use crate::error::Error;

const DEFAULT_FILE: &str = "README.md";
const DEFAULT_QUESTION: &str = "Where are traces printed?";
/// An agent that finds no end is stopped.
const MAX_TURNS: usize = 4;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Error> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().unwrap_or_else(|| DEFAULT_FILE.to_owned());
    let question = arguments.next().unwrap_or_else(|| DEFAULT_QUESTION.to_owned());

    let _telemetry = llmetry::init("quickstart")?;
    let chat = Chat::from_env().await?;
    let answer = answer_question(&chat, &file, &question).await?;
    eprintln!("\n{question}\n{answer}\n");
    Ok(())
} // The guard is dropped: what is left of the trace is exported, or stderr says what was not.

/// One run, one trace: everything below happens inside this span.
#[workflow(capture(file, question, output))]
async fn answer_question(chat: &Chat, file: &str, question: &str) -> Result<String, Error> {
    // On this span and on every span that is started inside.
    llmetry::current().set_property("document.name", file.to_owned());
    let document = read_document(file)?;
    research(chat, document, question).await
}

#[task(capture(input))]
fn read_document(file: &str) -> Result<Document, Error> {
    let text = std::fs::read_to_string(file).map_err(|cause| Error::Read { file: file.to_owned(), cause })?;
    let document = Document::new(&text);
    llmetry::current().set_attribute("document.passages", document.len());
    Ok(document)
}

/// Asks the model until it answers instead of asking for a search.
#[agent(name = "researcher", capture(question, output))]
async fn research(chat: &Chat, document: Document, question: &str) -> Result<String, Error> {
    let mut index = None;
    let mut messages = chat::opening(question);
    for _ in 0..MAX_TURNS {
        let search = match ask_model(chat, &messages).await? {
            Reply::Answer(text) => return Ok(text),
            Reply::Search(search) => search,
        };
        let mut found = search_document(index.as_ref(), &search.query);
        if let Err(NotIndexed) = found {
            // The tool's span is an error, this agent's is not: it knows what to do, and tries again.
            index = Some(llmetry::spawn(index_document(document.clone())).await?);
            found = search_document(index.as_ref(), &search.query);
        }
        messages.extend(search.with_result(&found?));
    }
    Err(Error::NoAnswer { turns: MAX_TURNS })
}

/// One HTTP call, which has a span of its own; that span's `traceparent` goes along in its headers.
#[task(capture(messages, output))]
async fn ask_model(chat: &Chat, messages: &[serde_json::Value]) -> Result<Reply, Error> {
    chat.complete(messages).await
}

#[tool(capture(query, output), fields(search.words = query.split_whitespace().count()))]
fn search_document(index: Option<&Index>, query: &str) -> Result<String, NotIndexed> {
    let found = index.ok_or(NotIndexed)?.search(query);
    llmetry::current().set_attribute("search.hits", found.len());
    Ok(found.join("\n\n"))
}

/// Runs in a task of its own; `llmetry::spawn` keeps it in the trace.
#[task]
async fn index_document(document: Document) -> Index {
    Index::new(document)
}
