//! Content in the GenAI convention's form: messages of a role and parts, as JSON.
//!
//! In: content as the readers kept it. Out: the JSON of `gen_ai.input.messages`, `gen_ai.output.messages`, `gen_ai.system_instructions`.
//! The providers' forms are told apart by their keys, since gateways mix them. A part that is of no kind we know keeps its type
//! only; of images, sounds and files that stand in the request itself only the kind is told.

use serde_json::{Map, Value, json};

use super::facts::{Choice, Facts, Kept, RequestContent, ToolCall};

/// The messages of a request; `None` if there are none.
pub fn input_messages(content: &RequestContent) -> Option<String> {
    let messages = match value(content.input.as_ref()?)? {
        Value::Array(list) => list.iter().filter_map(message).collect(),
        one => message(&one).into_iter().collect::<Vec<_>>(),
    };
    (!messages.is_empty()).then(|| Value::Array(messages).to_string())
}

/// The instructions of a request that stand apart from its messages; `None` if there are none.
pub fn system_instructions(content: &RequestContent) -> Option<String> {
    let parts = parts(&value(content.system.as_ref()?)?);
    (!parts.is_empty()).then(|| Value::Array(parts).to_string())
}

/// The messages of an answer, one a choice; `None` if there are none.
pub fn output_messages(facts: &Facts) -> Option<String> {
    let messages: Vec<Value> = facts.choices.iter().map(|choice| output(choice, facts)).collect();
    (!messages.is_empty()).then(|| Value::Array(messages).to_string())
}

/// What was kept, as JSON; a text is a JSON text.
fn value(kept: &Kept) -> Option<Value> {
    match kept {
        Kept::Text(text) => Some(Value::from(text.as_str())),
        Kept::Json(json) => serde_json::from_str(json).ok(),
    }
}

fn output(choice: &Choice, facts: &Facts) -> Value {
    let text = |kind: &str, content: &Option<String>| {
        content.as_ref().map(|content| json!({"type": kind, "content": content}))
    };
    let said =
        [text("reasoning", &choice.reasoning), text("text", &choice.text), text("text", &choice.refusal)];
    let of_choice = |call: &&ToolCall| call.choice == choice.index;
    let servers =
        facts.server_tool_calls.iter().filter(of_choice).map(|call| tool_call("server_tool_call", call));
    let callers = facts.tool_calls.iter().filter(of_choice).map(|call| tool_call("tool_call", call));
    let parts: Vec<Value> = said.into_iter().flatten().chain(servers).chain(callers).collect();
    let mut message = json!({"role": "assistant", "parts": parts});
    if let Some(reason) = choice.finish_reason.as_deref() {
        message["finish_reason"] = finish_reason(reason).into();
    }
    message
}

/// A provider's word in the convention's; those it has none for stay.
fn finish_reason(reason: &str) -> &str {
    match reason.to_ascii_lowercase().as_str() {
        "stop" | "end_turn" | "stop_sequence" | "complete" | "completed" | "finish" | "finished"
        | "eos_token" => "stop",
        "length" | "max_tokens" | "max_output_tokens" => "length",
        "tool_calls" | "tool_call" | "tool_use" | "function_call" => "tool_call",
        "content_filter" | "content_filtered" | "safety" | "guardrail_intervened" | "refusal" => {
            "content_filter"
        }
        "error" | "failed" => "error",
        _ => reason,
    }
}

fn tool_call(kind: &str, call: &ToolCall) -> Value {
    let arguments = call.arguments.as_deref().map(|text| arguments(&Value::from(text)));
    part(
        kind,
        [
            ("id", call.id.as_deref().map(Value::from)),
            ("name", call.name.as_deref().map(Value::from)),
            ("arguments", arguments),
        ],
    )
}

/// Arguments that are JSON inside a text, as JSON.
fn arguments(value: &Value) -> Value {
    let inner = value.as_str().and_then(|text| serde_json::from_str(text).ok());
    inner.unwrap_or_else(|| value.clone())
}

/// A part with those of its members that are there.
fn part<const N: usize>(kind: &str, members: [(&str, Option<Value>); N]) -> Value {
    let mut part = Map::from_iter([("type".to_owned(), Value::from(kind))]);
    for (key, value) in members {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            part.insert(key.to_owned(), value);
        }
    }
    Value::Object(part)
}

/// A message: a text, `{"role", "content" | "parts"}`, or an item of the Responses API.
fn message(value: &Value) -> Option<Value> {
    if value.is_string() {
        return Some(json!({"role": "user", "parts": parts(value)}));
    }
    let object = value.as_object()?;
    let get = |key: &str| object.get(key).unwrap_or(&Value::Null);
    let kind = get("type").as_str().unwrap_or("message");
    let (mut role, mut found) = (role(get("role").as_str().unwrap_or("user")), Vec::new());
    match kind {
        "message" if get("tool_call_id").is_string() => {
            found.push(part(
                "tool_call_response",
                [("id", Some(get("tool_call_id").clone())), ("response", Some(get("content").clone()))],
            ));
        }
        "message" => {
            for key in ["reasoning_content", "reasoning", "thinking"] {
                found.extend(get(key).as_str().map(|text| json!({"type": "reasoning", "content": text})));
            }
            for key in ["content", "parts", "message"] {
                found.extend(parts(get(key)));
            }
            found.extend(list(get("tool_calls")).map(openai_call));
        }
        "function_call_output" | "custom_tool_call_output" => {
            role = "tool";
            found.extend(one_part(value));
        }
        _ => {
            role = "assistant";
            found.extend(one_part(value));
        }
    }
    let name = get("name").as_str().filter(|_| kind == "message");
    let mut message = json!({"role": role, "parts": found});
    if let Some(name) = name {
        message["name"] = name.into();
    }
    Some(message)
}

/// Gemini says `model`, Cohere v1 `CHATBOT`.
fn role(role: &str) -> &str {
    match role {
        "model" | "CHATBOT" => "assistant",
        "USER" => "user",
        "SYSTEM" => "system",
        "function" => "tool",
        role => role,
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// `{"id", "function": {"name", "arguments"}}`
fn openai_call(call: &Value) -> Value {
    let function = if call["custom"].is_object() { &call["custom"] } else { &call["function"] };
    let given = if function["arguments"].is_null() { &function["input"] } else { &function["arguments"] };
    part(
        "tool_call",
        [
            ("id", Some(call["id"].clone())),
            ("name", Some(function["name"].clone())),
            ("arguments", Some(arguments(given))),
        ],
    )
}

/// The parts of a text, of a list of blocks, or of `{"parts": […]}`.
fn parts(value: &Value) -> Vec<Value> {
    match value {
        Value::String(text) => vec![json!({"type": "text", "content": text})],
        Value::Array(blocks) => blocks.iter().filter_map(one_part).collect(),
        Value::Object(object) => match object.get("parts") {
            Some(inner) => list(inner).filter_map(one_part).collect(),
            None => one_part(value).into_iter().collect(),
        },
        _ => Vec::new(),
    }
}

fn one_part(block: &Value) -> Option<Value> {
    if let Some(text) = block.as_str() {
        return Some(json!({"type": "text", "content": text}));
    }
    let own = |key: &str| Some(block[key].clone());
    let text = |kind: &str, value: &Value| value.as_str().map(|text| json!({"type": kind, "content": text}));
    let kind = block["type"].as_str().unwrap_or_default();
    match kind {
        "thinking" | "reasoning" => Some(part("reasoning", [("content", Some(reasoning(block)))])),
        "refusal" => text("text", &block["refusal"]),
        "tool_use" | "server_tool_use" | "mcp_tool_use" => {
            let kind = if kind == "tool_use" { "tool_call" } else { "server_tool_call" };
            Some(part(kind, [("id", own("id")), ("name", own("name")), ("arguments", own("input"))]))
        }
        "tool_result" => {
            Some(part("tool_call_response", [("id", own("tool_use_id")), ("response", own("content"))]))
        }
        "function_call" | "custom_tool_call" => {
            let given = if kind == "function_call" { &block["arguments"] } else { &block["input"] };
            Some(part(
                "tool_call",
                [("id", own("call_id")), ("name", own("name")), ("arguments", Some(arguments(given)))],
            ))
        }
        "function_call_output" | "custom_tool_call_output" => {
            Some(part("tool_call_response", [("id", own("call_id")), ("response", own("output"))]))
        }
        _ if block["text"].is_string() => {
            let kind = if block["thought"] == true { "reasoning" } else { "text" };
            text(kind, &block["text"])
        }
        "" => keyed_part(block),
        _ => media(kind, block).or_else(|| Some(json!({"type": kind}))),
    }
}

/// Blocks of Gemini and Converse: the one key says what they are.
fn keyed_part(block: &Value) -> Option<Value> {
    let (key, inner) = block.as_object()?.iter().find(|(_, inner)| inner.is_object())?;
    let own = |key: &str| Some(inner[key].clone());
    Some(match key.as_str() {
        "functionCall" | "function_call" => {
            part("tool_call", [("id", own("id")), ("name", own("name")), ("arguments", own("args"))])
        }
        "functionResponse" | "function_response" => {
            part("tool_call_response", [("id", own("id")), ("response", own("response"))])
        }
        "toolUse" => {
            part("tool_call", [("id", own("toolUseId")), ("name", own("name")), ("arguments", own("input"))])
        }
        "toolResult" => part("tool_call_response", [("id", own("toolUseId")), ("response", own("content"))]),
        "reasoningContent" => part("reasoning", [("content", Some(inner["reasoningText"]["text"].clone()))]),
        "inlineData" | "inline_data" => blob(inner["mimeType"].as_str().or(inner["mime_type"].as_str())),
        "fileData" | "file_data" => part("uri", [("modality", Some("file".into())), ("uri", own("fileUri"))]),
        "image" => blob(Some("image")),
        "audio" => blob(Some("audio")),
        "video" => blob(Some("video")),
        other => json!({"type": other}),
    })
}

/// Reasoning as one text: `thinking` (a text, or a list of them), or a `summary`.
fn reasoning(block: &Value) -> Value {
    if block["thinking"].is_string() {
        return block["thinking"].clone();
    }
    let pieces = list(&block["thinking"]).chain(list(&block["summary"])).chain(list(&block["content"]));
    pieces.filter_map(|piece| piece["text"].as_str()).collect::<Vec<_>>().join("\n").into()
}

/// An image, a sound or a file, by its place or as such.
fn media(kind: &str, block: &Value) -> Option<Value> {
    let modality = modality(kind);
    let address =
        [&block["image_url"]["url"], &block["image_url"], &block["file_url"], &block["source"]["url"]];
    match address.into_iter().find_map(Value::as_str) {
        Some(uri) if !uri.starts_with("data:") => {
            Some(json!({"type": "uri", "modality": modality, "uri": uri}))
        }
        Some(data) => Some(blob(data.strip_prefix("data:").and_then(|data| data.split([';', ',']).next()))),
        None => match block["source"]["media_type"].as_str() {
            Some(mime) => Some(blob(Some(mime))),
            None if kind.starts_with("input_") => Some(blob(Some(modality))),
            None => None,
        },
    }
}

/// What a part's type or a media type is about.
fn modality(kind: &str) -> &'static str {
    ["image", "audio", "video"].into_iter().find(|modality| kind.contains(modality)).unwrap_or("file")
}

/// Bytes that stand in the request itself. They are not repeated here.
fn blob(mime: Option<&str>) -> Value {
    let mime = mime.unwrap_or("file");
    let modality = modality(mime);
    let full = mime.contains('/').then(|| Value::from(mime));
    part("blob", [("modality", Some(modality.into())), ("mime_type", full), ("content", Some("".into()))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::facts::Format;
    use crate::wire::tests::{ask, unary};

    fn input(format: Format, body: &str) -> Value {
        let content = ask(format, body).content;
        let system = system_instructions(&content);
        let messages = input_messages(&content);
        let parse =
            |json: Option<String>| json.map_or(Value::Null, |json| serde_json::from_str(&json).unwrap());
        json!([parse(system), parse(messages)])
    }

    /// The same conversation in each provider's form.
    #[test]
    fn a_conversation_is_the_same_in_every_form() {
        let right = json!([
            [{"type": "text", "content": "be brief"}],
            [
                {"role": "user", "parts": [{"type": "text", "content": "weather?"}]},
                {"role": "assistant", "parts": [{"type": "text", "content": "let me see"},
                    {"type": "tool_call", "id": "t", "name": "f", "arguments": {"x": 1}}]},
                {"role": "user", "parts": [{"type": "tool_call_response", "id": "t", "response": "rain"}]},
            ]
        ]);
        let anthropic = r#"{"system":"be brief","messages":[{"role":"user","content":"weather?"},
            {"role":"assistant","content":[{"type":"text","text":"let me see"},{"type":"tool_use","id":"t","name":"f","input":{"x":1}}]},
            {"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"rain"}]}]}"#;
        assert_eq!(input(Format::Anthropic, anthropic), right);
        let gemini = r#"{"systemInstruction":{"parts":[{"text":"be brief"}]},"contents":[{"role":"user","parts":[{"text":"weather?"}]},
            {"role":"model","parts":[{"text":"let me see"},{"functionCall":{"id":"t","name":"f","args":{"x":1}}}]},
            {"role":"user","parts":[{"functionResponse":{"id":"t","name":"f","response":"rain"}}]}]}"#;
        assert_eq!(input(Format::Gemini, gemini), right);
        let converse = r#"{"system":[{"text":"be brief"}],"messages":[{"role":"user","content":[{"text":"weather?"}]},
            {"role":"assistant","content":[{"text":"let me see"},{"toolUse":{"toolUseId":"t","name":"f","input":{"x":1}}}]},
            {"role":"user","content":[{"toolResult":{"toolUseId":"t","content":"rain"}}]}]}"#;
        assert_eq!(input(Format::BedrockConverse, converse), right);
    }

    #[test]
    fn openai_has_a_role_for_tools() {
        let right = json!([
            {"role": "user", "parts": [{"type": "text", "content": "weather?"}]},
            {"role": "assistant", "parts": [{"type": "tool_call", "id": "t", "name": "f", "arguments": {"x": 1}}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "t", "response": "rain"}]},
        ]);
        let chat = r#"{"messages":[{"role":"user","content":[{"type":"text","text":"weather?"}]},
            {"role":"assistant","content":null,"tool_calls":[{"id":"t","function":{"name":"f","arguments":"{\"x\":1}"}}]},
            {"role":"tool","tool_call_id":"t","content":"rain"}]}"#;
        assert_eq!(input(Format::OpenAiChat, chat)[1], right);
        let responses = r#"{"input":[{"role":"user","content":[{"type":"input_text","text":"weather?"}]},
            {"type":"function_call","call_id":"t","name":"f","arguments":"{\"x\":1}"},
            {"type":"function_call_output","call_id":"t","output":"rain"}]}"#;
        assert_eq!(input(Format::OpenAiResponses, responses)[1], right);
    }

    #[test]
    fn a_prompt_is_a_message_even_if_it_looks_like_json() {
        let body = r#"{"input":"[1, {\"role\": \"x\"}]"}"#;
        let right =
            json!([{"role": "user", "parts": [{"type": "text", "content": "[1, {\"role\": \"x\"}]"}]}]);
        assert_eq!(input(Format::OpenAiResponses, body), json!([null, right]));
    }

    #[test]
    fn images_are_told_and_not_repeated() {
        let body = r#"{"messages":[{"role":"user","content":[
            {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},
            {"type":"image_url","image_url":{"url":"https://example.com/a.png"}},
            {"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"AAAA"}},
            {"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}},
            {"type":"something_new","secret":"x"}]}]}"#;
        let found = input(Format::OpenAiChat, body);
        let right = json!([
            {"type": "blob", "modality": "image", "mime_type": "image/png", "content": ""},
            {"type": "uri", "modality": "image", "uri": "https://example.com/a.png"},
            {"type": "blob", "modality": "image", "mime_type": "image/jpeg", "content": ""},
            {"type": "blob", "modality": "audio", "content": ""},
            {"type": "something_new"},
        ]);
        assert_eq!(found[1][0]["parts"], right);
    }

    #[test]
    fn an_answer() {
        let facts = unary(
            Format::OpenAiChat,
            r#"{"choices":[{"index":0,"message":{"reasoning_content":"hm","content":"a","tool_calls":[{"id":"t","function":{"name":"f","arguments":"{\"x\":1}"}}]},"finish_reason":"tool_calls"},
                {"index":1,"message":{"content":"b"},"finish_reason":"length"}]}"#,
        );
        let right = json!([
            {"role": "assistant", "finish_reason": "tool_call", "parts": [{"type": "reasoning", "content": "hm"},
                {"type": "text", "content": "a"}, {"type": "tool_call", "id": "t", "name": "f", "arguments": {"x": 1}}]},
            {"role": "assistant", "finish_reason": "length", "parts": [{"type": "text", "content": "b"}]},
        ]);
        let found: Value = serde_json::from_str(&output_messages(&facts).unwrap()).unwrap();
        assert_eq!(found, right);
        assert_eq!(output_messages(&Facts::default()), None);
    }
}
