//! An agent of rig 0.44 with a tool, whose requests are observed; with our layer its own spans for calls have the tokens, and ours stand
//! back.
//!
//! `cargo run --manifest-path examples/clients/Cargo.toml --bin rig_agent`

#![allow(clippy::needless_pass_by_value, clippy::unnecessary_wraps, reason = "a tool of rig looks like this")]

use llmetry::workflow;
use llmetry_clients::{ObservedHttp, api_key, model_server};
use rig::prelude::*;
use rig::providers::openai::{OpenAI, OpenAIConfig};
use rig::tool::ToolExecutionError;
use tracing::Instrument;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

type Failure = Box<dyn std::error::Error>;

#[rig::rig_tool(description = "How the weather is in a city", params(city = "The city"), required(city))]
fn get_weather(city: String) -> Result<String, ToolExecutionError> {
    Ok(format!("rain in {city}"))
}

/// rig begins a trace of its own where it finds no span of `tracing`: so there is one, which nests in the workflow's.
#[workflow]
async fn ask(client: &OpenAI, model: &str) -> Result<String, Failure> {
    run_agent(client, model).instrument(tracing::info_span!("run_agent")).await
}

async fn run_agent(client: &OpenAI, model: &str) -> Result<String, Failure> {
    let agent =
        AgentBuilder::new(client.chat(model)).preamble("You know the weather.").tool(GetWeather).build();
    Ok(agent.prompt("How is the weather in Bern?").max_turns(3).await?.output().clone())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let telemetry = llmetry::init("rig-agent")?;
    // Without this line rig's spans stay where they are, and the calls are ours. On level TRACE rig tells whole prompts and answers.
    let ours = telemetry.tracing_layer().with_filter(LevelFilter::INFO);
    tracing_subscriber::registry().with(ours).init();
    let (base_url, model) = model_server().await?;
    let client = OpenAIConfig::new(api_key()).with_base_url(base_url).connect(ObservedHttp::default());
    println!("{}", ask(&client, &model).await?);
    eprintln!(
        "look at: rig's spans below `ask`; each call's tokens are there once, and the server's parent is rig's span"
    );
    Ok(())
}
