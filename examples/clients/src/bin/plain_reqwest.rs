//! reqwest alone: `send_traced` instead of `send`.
//!
//! `cargo run --manifest-path examples/clients/Cargo.toml --bin plain_reqwest`

use llmetry::{RequestBuilderExt, workflow};
use llmetry_clients::{api_key, model_server};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[workflow]
async fn ask(base_url: &str, model: &str) -> Result<String> {
    let body = json!({
        "model": model,
        "messages": [{"role": "user", "content": "How is the weather in Bern?"}],
    });
    let answer = reqwest::Client::new()
        .post(format!("{base_url}/chat/completions"))
        .bearer_auth(api_key())
        .json(&body)
        .send_traced()
        .await?
        .error_for_status()?;
    let answer: Value = answer.json().await?;
    Ok(answer["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned())
}

#[tokio::main]
async fn main() -> Result<()> {
    let _telemetry = llmetry::init("plain-reqwest")?;
    let (base_url, model) = model_server().await?;
    println!("{}", ask(&base_url, &model).await?);
    eprintln!("look at: `chat {model}` below `ask`, with its tokens; its id is in the server's traceparent");
    Ok(())
}
