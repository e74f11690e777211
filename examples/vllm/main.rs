//! Asks a vLLM server, and joins its spans: `llm_request` of the server stands inside our `chat …`.
//!
//! ```text
//! cargo run --example vllm [PROMPT …]
//! ```
//!
//! Each prompt is asked twice, for an answer in one piece and for one in a stream, and each of the two is a trace of its own. The server is
//! the one at `OPENAI_BASE_URL` (`http://127.0.0.1:8000/v1`; key `OPENAI_API_KEY`), the model the first that it serves. The trace goes
//! where the environment says, by gRPC if `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc`, else by http/protobuf; README.md has the commands.

#![expect(clippy::print_stderr, reason = "a program talks to its user; stdout belongs to the trace")]

mod server;

use std::process::ExitCode;

use llmetry::workflow;

use crate::server::{Failed, Server};

const DEFAULT_PROMPT: &str = "In one sentence: what is a trace?";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vllm: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Failed> {
    let mut prompts: Vec<String> = std::env::args().skip(1).collect();
    if prompts.is_empty() {
        prompts.push(DEFAULT_PROMPT.to_owned());
    }
    let _telemetry = llmetry::init("vllm-client")?;
    let server = Server::from_env().await?;
    for prompt in &prompts {
        say("at once", ask(&server, prompt).await?);
        say("as a stream", ask_for_stream(&server, prompt).await?);
    }
    Ok(())
} // The guard is dropped: what is left of the traces is exported, or stderr says what was not.

/// What came of a prompt.
#[derive(Debug)]
struct Asked {
    answer: String,
    /// `None` if nothing is traced (`OTEL_SDK_DISABLED`).
    trace: Option<String>,
}

/// The root of a trace; in it `chat …`, and in that the server's span.
#[workflow]
async fn ask(server: &Server, prompt: &str) -> Result<Asked, Failed> {
    let answer = server.complete(prompt).await?;
    Ok(Asked { answer, trace: llmetry::current().trace_id() })
}

#[workflow]
async fn ask_for_stream(server: &Server, prompt: &str) -> Result<Asked, Failed> {
    let answer = server.stream(prompt).await?;
    Ok(Asked { answer, trace: llmetry::current().trace_id() })
}

fn say(how: &str, Asked { answer, trace }: Asked) {
    eprintln!("\n{how}: {}", answer.trim());
    let Some(trace) = trace else { return };
    eprintln!("trace {trace}");
    eprintln!("  Jaeger   http://127.0.0.1:16686/trace/{trace}");
    eprintln!("  Phoenix  http://127.0.0.1:6006/redirects/traces/{trace}");
}
