//! async-openai 0.43: one line puts the layer into the client's request service; retries go under it.
//!
//! `cargo run --manifest-path examples/clients/Cargo.toml --bin async_openai`

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::middleware::ReqwestService;
use async_openai::middleware::retry::OpenAIRetryLayer;
use async_openai::types::chat::{ChatCompletionMessageToolCalls, CreateChatCompletionRequest};
use async_openai::types::embeddings::CreateEmbeddingRequest;
use futures_util::StreamExt;
use llmetry::{LlmLayer, task, tool, workflow};
use llmetry_clients::{api_key, model_server};
use serde_json::{Value, from_value, json};
use tower::ServiceBuilder;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
type OpenAi = Client<OpenAIConfig>;

fn client(base_url: &str) -> OpenAi {
    let config = OpenAIConfig::new().with_api_base(base_url).with_api_key(api_key());
    Client::with_config(config).with_http_service(
        ServiceBuilder::new()
            .layer(LlmLayer::new())
            .layer(OpenAIRetryLayer::default())
            .service(ReqwestService::new(reqwest::Client::new())),
    )
}

#[tool(name = "get_weather")]
async fn get_weather(city: &str) -> String {
    format!("rain in {city}")
}

#[task]
async fn chat_with_a_tool(client: &OpenAi, model: &str) -> Result<String> {
    let mut messages = vec![json!({"role": "user", "content": "How is the weather in Bern?"})];
    loop {
        let request: CreateChatCompletionRequest = from_value(json!({
            "model": model,
            "messages": messages,
            "tools": [{"type": "function", "function": {
                "name": "get_weather",
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
            }}],
        }))?;
        let mut answer = client.chat().create(request).await?;
        let message = answer.choices.swap_remove(0).message;
        let Some(calls) = message.tool_calls.clone() else { return Ok(message.content.unwrap_or_default()) };
        messages.push(json!({"role": "assistant", "tool_calls": calls}));
        for call in calls {
            let ChatCompletionMessageToolCalls::Function(call) = call else { continue };
            let arguments: Value = serde_json::from_str(&call.function.arguments)?;
            let said = get_weather(arguments["city"].as_str().unwrap_or_default()).await;
            messages.push(json!({"role": "tool", "tool_call_id": call.id, "content": said}));
        }
    }
}

#[task]
async fn stream(client: &OpenAi, model: &str) -> Result<String> {
    let request: CreateChatCompletionRequest = from_value(json!({
        "model": model,
        "messages": [{"role": "user", "content": "How is the weather in Bern?"}],
        "stream_options": {"include_usage": true},
    }))?;
    let mut answer = client.chat().create_stream(request).await?;
    let mut text = String::new();
    while let Some(piece) = answer.next().await {
        let choices = piece?.choices;
        text.extend(choices.into_iter().filter_map(|choice| choice.delta.content));
    }
    Ok(text)
}

#[task]
async fn embed(client: &OpenAi, model: &str) -> Result<usize> {
    let request: CreateEmbeddingRequest = from_value(json!({"model": model, "input": "rain"}))?;
    Ok(client.embeddings().create(request).await?.data[0].embedding.len())
}

#[workflow]
async fn all(client: &OpenAi, model: &str) -> Result<()> {
    println!("with a tool: {}", chat_with_a_tool(client, model).await?);
    println!("as a stream: {}", stream(client, model).await?);
    println!("as a vector: {} numbers", embed(client, model).await?);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let _telemetry = llmetry::init("async-openai")?;
    let (base_url, model) = model_server().await?;
    all(&client(&base_url), &model).await?;
    eprintln!(
        "look at: two calls around `get_weather`, the stream's time to first chunk, and the vector's dimensions"
    );
    Ok(())
}
