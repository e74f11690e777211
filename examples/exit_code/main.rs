//! A program whose model refuses its credentials, and that ends as many programs do: `exit(1)`, from deep inside.
//!
//! ```text
//! cargo run --example exit_code
//! ```
//!
//! No destructor runs after `exit`: the guard is not dropped, and the workflow and its task have not returned. Their trace is complete all
//! the same: the spans that were open are in it, marked `llmetry.outcome=incomplete` and failed, since the exit code says so. The model is
//! one of Amazon Bedrock's Converse API: the endpoint at `BEDROCK_BASE_URL`, or else a small one inside this program, which knows nobody's
//! key. The trace goes to stdout, or where `OTEL_EXPORTER_OTLP_ENDPOINT` says; everything else goes to stderr.

#![expect(clippy::print_stderr, reason = "a program talks to its user; stdout belongs to the trace")]

mod bedrock;
mod server;

use std::process::exit;

use llmetry::{task, tool, workflow};

use crate::bedrock::Bedrock;

const TICKETS: [&str; 3] =
    ["The invoice of May is missing.", "The app does not start.", "Where is the invoice of May?"];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let _telemetry = match llmetry::init("exit_code") {
        Ok(telemetry) => telemetry,
        Err(error) => {
            eprintln!("exit_code: {error}");
            exit(2);
        }
    };
    let model = match Bedrock::from_env().await {
        Ok(model) => model,
        Err(error) => {
            eprintln!("exit_code: the embedded model server does not start: {error}");
            exit(2);
        }
    };
    let summary = summarise_tickets(&model).await;
    eprintln!("{summary}");
}

#[workflow]
async fn summarise_tickets(model: &Bedrock) -> String {
    let tickets: Vec<String> = (0..TICKETS.len()).map(load_ticket).collect();
    summarise(model, &tickets.join("\n")).await
}

#[tool]
fn load_ticket(number: usize) -> String {
    format!("{}. {}", number + 1, TICKETS[number])
}

#[task]
async fn summarise(model: &Bedrock, tickets: &str) -> String {
    match model.converse(&format!("Summarise in one sentence:\n{tickets}")).await {
        Ok(answer) => answer,
        Err(error) => {
            eprintln!("exit_code: {error}");
            // Not a good place to end a program, and a common one.
            exit(1);
        }
    }
}
