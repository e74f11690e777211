//! Bodies by each provider's documentation, and the messages that they are.

use super::{request, response};
use crate::semconv::keys;
use crate::wire::Format::{
    Anthropic, BedrockConverse, BedrockInvoke, CohereV1, CohereV2, Gemini, Ollama, OpenAiChat,
    OpenAiCompletions, OpenAiEmbeddings, OpenAiResponses,
};
use crate::wire::{
    Choice, Content, Facts, Format, Kept, Operation, RequestContent, RequestReader, Route, ToolCall, route,
};

fn content(format: Format, body: &str, bytes: usize) -> RequestContent {
    let mut route: Route = route("POST", "localhost", "/");
    route.format = Some(format);
    let mut reader = RequestReader::new(&route, Content::Keep { bytes });
    reader.push(body.as_bytes());
    reader.finish().content
}

/// The two attributes, as JSON.
fn both(format: Format, content: &RequestContent) -> [Option<String>; 2] {
    let operation = if format == OpenAiEmbeddings { Operation::Embeddings } else { Operation::Chat };
    let found: Vec<_> = request(format, operation, content).collect();
    [keys::GEN_AI_SYSTEM_INSTRUCTIONS, keys::GEN_AI_INPUT_MESSAGES].map(|key| {
        let (_, value) = found.iter().find(|(known, _)| *known == key)?;
        Some(serde_json::to_string(value).unwrap())
    })
}

#[track_caller]
fn asks(format: Format, body: &str, system: Option<&str>, messages: &str) {
    let found = both(format, &content(format, body, 1 << 20));
    let expected = [system.map(str::to_owned), Some(messages.to_owned())];
    assert_eq!(found, expected);
}

fn user(text: &str) -> String {
    format!(r#"{{"role":"user","parts":[{{"type":"text","content":"{text}"}}]}}"#)
}

#[test]
fn openai_chat() {
    let body = r#"{"model":"m","messages":[
        {"role":"developer","content":"be brief"},
        {"role":"user","name":"ada","content":[
            {"type":"text","text":"look"},
            {"type":"image_url","image_url":{"url":"https://example.com/a.png","detail":"low"}},
            {"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}},
            {"type":"input_audio","input_audio":{"data":"aGk=","format":"wav"}},
            {"type":"file","file":{"file_id":"file-1"}}]},
        {"role":"assistant","content":null,"tool_calls":[
            {"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"unit\":\"C\",\"city\":\"Bern\"}"}}]},
        {"role":"tool","tool_call_id":"call_1","content":"rain"},
        {"role":"assistant","reasoning_content":"hm","content":"rain","refusal":null},
        {"role":"assistant","reasoning_details":[{"type":"reasoning.text","text":"hm"}],"content":[
            {"type":"thinking","thinking":[{"type":"text","text":"so"}]},
            {"type":"document_url","document_url":"https://example.com/a.pdf"}]}]}"#;
    let expected = [
        r#"{"role":"system","parts":[{"type":"text","content":"be brief"}]}"#,
        concat!(
            r#"{"role":"user","parts":[{"type":"text","content":"look"},"#,
            r#"{"type":"uri","modality":"image","uri":"https://example.com/a.png"},"#,
            r#"{"type":"blob","modality":"image","mime_type":"image/png","content":"aGk="},"#,
            r#"{"type":"blob","modality":"audio","mime_type":"audio/wav","content":"aGk="},"#,
            r#"{"type":"file","modality":"document","file_id":"file-1"}],"name":"ada"}"#
        ),
        concat!(
            r#"{"role":"assistant","parts":[{"type":"tool_call","id":"call_1","name":"weather","#,
            r#""arguments":{"unit":"C","city":"Bern"}}]}"#
        ),
        r#"{"role":"tool","parts":[{"type":"tool_call_response","id":"call_1","response":"rain"}]}"#,
        r#"{"role":"assistant","parts":[{"type":"reasoning","content":"hm"},{"type":"text","content":"rain"}]}"#,
        concat!(
            r#"{"role":"assistant","parts":[{"type":"reasoning","content":"hm"},{"type":"reasoning","content":"so"},"#,
            r#"{"type":"uri","modality":"document","uri":"https://example.com/a.pdf"}]}"#
        ),
    ];
    asks(OpenAiChat, body, None, &format!("[{}]", expected.join(",")));
}

#[test]
fn openai_responses() {
    let body = r#"{"model":"m","instructions":"be brief","input":[
        {"role":"user","content":"hi"},
        {"type":"message","role":"user","content":[
            {"type":"input_text","text":"look"},
            {"type":"input_image","image_url":"https://example.com/a.png"},
            {"type":"input_file","file_id":"file-1"}]},
        {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"x"},
        {"type":"reasoning","id":"rs_2","summary":[],"encrypted_content":"x"},
        {"type":"function_call","call_id":"call_1","name":"f","arguments":"{}"},
        {"type":"function_call_output","call_id":"call_1","output":"done"},
        {"type":"web_search_call","id":"ws_1","status":"completed"}]}"#;
    let expected = [
        &*user("hi"),
        concat!(
            r#"{"role":"user","parts":[{"type":"text","content":"look"},"#,
            r#"{"type":"uri","modality":"image","uri":"https://example.com/a.png"},"#,
            r#"{"type":"file","modality":"document","file_id":"file-1"}]}"#
        ),
        r#"{"role":"assistant","parts":[{"type":"reasoning","content":"hm"}]}"#,
        r#"{"role":"assistant","parts":[{"type":"reasoning","content":"[encrypted]"}]}"#,
        r#"{"role":"assistant","parts":[{"type":"tool_call","id":"call_1","name":"f","arguments":{}}]}"#,
        r#"{"role":"tool","parts":[{"type":"tool_call_response","id":"call_1","response":"done"}]}"#,
        concat!(
            r#"{"role":"assistant","parts":[{"type":"generic","#,
            r#""content":{"type":"web_search_call","id":"ws_1","status":"completed"}}]}"#
        ),
    ];
    let system = r#"[{"type":"text","content":"be brief"}]"#;
    asks(OpenAiResponses, body, Some(system), &format!("[{}]", expected.join(",")));
    asks(OpenAiResponses, r#"{"input":"hi"}"#, None, &format!("[{}]", user("hi")));
}

#[test]
fn anthropic() {
    let body = r#"{"model":"m","system":[{"type":"text","text":"be brief","cache_control":{"type":"ephemeral"}}],"messages":[
        {"role":"user","content":"hi"},
        {"role":"assistant","content":[
            {"type":"thinking","thinking":"hm","signature":"s"},
            {"type":"redacted_thinking","data":"x"},
            {"type":"tool_use","id":"toolu_1","name":"f","input":{"b":1,"a":2}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":[{"type":"text","text":"done"}]}]},
        {"role":"user","content":[
            {"type":"image","source":{"type":"base64","media_type":"image/png","data":"aGk="}},
            {"type":"document","source":{"type":"url","url":"https://example.com/a.pdf"}},
            {"type":"document","source":{"type":"file","file_id":"file-1"}},
            {"type":"search_result","title":"t"}]}]}"#;
    let expected = [
        &*user("hi"),
        concat!(
            r#"{"role":"assistant","parts":[{"type":"reasoning","content":"hm"},"#,
            r#"{"type":"reasoning","content":"[encrypted]"},"#,
            r#"{"type":"tool_call","id":"toolu_1","name":"f","arguments":{"b":1,"a":2}}]}"#
        ),
        concat!(
            r#"{"role":"tool","parts":[{"type":"tool_call_response","id":"toolu_1","#,
            r#""response":[{"type":"text","text":"done"}]}]}"#
        ),
        concat!(
            r#"{"role":"user","parts":[{"type":"blob","modality":"image","mime_type":"image/png","content":"aGk="},"#,
            r#"{"type":"uri","modality":"document","uri":"https://example.com/a.pdf"},"#,
            r#"{"type":"file","modality":"document","file_id":"file-1"},"#,
            r#"{"type":"generic","content":{"type":"search_result","title":"t"}}]}"#
        ),
    ];
    let system = r#"[{"type":"text","content":"be brief"}]"#;
    asks(Anthropic, body, Some(system), &format!("[{}]", expected.join(",")));
    // The same body goes to Bedrock.
    asks(BedrockInvoke, body, Some(system), &format!("[{}]", expected.join(",")));
}

#[test]
fn gemini() {
    let body = r#"{"systemInstruction":{"parts":[{"text":"be brief"}]},"contents":[
        {"parts":[{"text":"hi"}]},
        {"role":"model","parts":[{"text":"hm","thought":true},{"functionCall":{"name":"f","args":{"a":1}}}]},
        {"role":"user","parts":[{"functionResponse":{"name":"f","response":{"ok":true}}}]},
        {"role":"user","parts":[{"functionResponse":{"id":"1","name":"f","response":{},
            "parts":[{"inlineData":{"mimeType":"image/png","data":"aGk="}}]}}]},
        {"role":"user","parts":[
            {"inline_data":{"mime_type":"audio/mp3","data":"aGk="}},
            {"fileData":{"mimeType":"video/mp4","fileUri":"gs://a/b"}},
            {"executableCode":{"language":"PYTHON","code":"1"}}]}]}"#;
    let expected = [
        &*user("hi"),
        concat!(
            r#"{"role":"assistant","parts":[{"type":"reasoning","content":"hm"},"#,
            r#"{"type":"tool_call","name":"f","arguments":{"a":1}}]}"#
        ),
        r#"{"role":"tool","parts":[{"type":"tool_call_response","name":"f","response":{"ok":true}}]}"#,
        concat!(
            r#"{"role":"user","parts":[{"type":"tool_call_response","id":"1","response":{}},"#,
            r#"{"type":"blob","modality":"image","mime_type":"image/png","content":"aGk="}]}"#
        ),
        concat!(
            r#"{"role":"user","parts":[{"type":"blob","modality":"audio","mime_type":"audio/mp3","content":"aGk="},"#,
            r#"{"type":"uri","modality":"video","mime_type":"video/mp4","uri":"gs://a/b"},"#,
            r#"{"type":"generic","content":{"executableCode":{"language":"PYTHON","code":"1"}}}]}"#
        ),
    ];
    let system = r#"[{"type":"text","content":"be brief"}]"#;
    asks(Gemini, body, Some(system), &format!("[{}]", expected.join(",")));
    let underscores =
        r#"{"system_instruction":{"parts":{"text":"be brief"}},"contents":{"parts":{"text":"hi"}}}"#;
    let [_, messages] = both(Gemini, &content(Gemini, underscores, 1 << 20));
    assert_eq!(messages, Some(format!("[{}]", user("hi"))));
}

#[test]
fn ollama() {
    let body = r#"{"model":"m","messages":[
        {"role":"system","content":"be brief"},
        {"role":"user","content":"look","images":["aGk="]},
        {"role":"assistant","content":"","thinking":"hm","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]},
        {"role":"tool","tool_name":"f","content":"done"}]}"#;
    let expected = [
        r#"{"role":"system","parts":[{"type":"text","content":"be brief"}]}"#,
        concat!(
            r#"{"role":"user","parts":[{"type":"text","content":"look"},"#,
            r#"{"type":"blob","modality":"image","content":"aGk="}]}"#
        ),
        concat!(
            r#"{"role":"assistant","parts":[{"type":"reasoning","content":"hm"},"#,
            r#"{"type":"tool_call","name":"f","arguments":{"a":1}}]}"#
        ),
        r#"{"role":"tool","parts":[{"type":"tool_call_response","name":"f","response":"done"}]}"#,
    ];
    asks(Ollama, body, None, &format!("[{}]", expected.join(",")));
    let system = r#"[{"type":"text","content":"be brief"}]"#;
    let generate = r#"{"model":"m","system":"be brief","prompt":"hi"}"#;
    asks(Ollama, generate, Some(system), &format!("[{}]", user("hi")));
}

#[test]
fn bedrock_converse() {
    let body = r#"{"system":[{"text":"be brief"},{"cachePoint":{"type":"default"}}],"messages":[
        {"role":"user","content":[{"text":"hi"},
            {"image":{"format":"png","source":{"bytes":"aGk="}}},
            {"document":{"format":"pdf","name":"d","source":{"s3Location":{"uri":"s3://a/b"}}}},
            {"guardContent":{"text":{"text":"careful"}}}]},
        {"role":"assistant","content":[
            {"reasoningContent":{"reasoningText":{"text":"hm","signature":"s"}}},
            {"toolUse":{"toolUseId":"t1","name":"f","input":{"a":1}}}]},
        {"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[{"json":{"ok":true}}],"status":"success"}}]}]}"#;
    let expected = [
        concat!(
            r#"{"role":"user","parts":[{"type":"text","content":"hi"},"#,
            r#"{"type":"blob","modality":"image","mime_type":"image/png","content":"aGk="},"#,
            r#"{"type":"uri","modality":"document","uri":"s3://a/b"},"#,
            r#"{"type":"text","content":"careful"}]}"#
        ),
        concat!(
            r#"{"role":"assistant","parts":[{"type":"reasoning","content":"hm"},"#,
            r#"{"type":"tool_call","id":"t1","name":"f","arguments":{"a":1}}]}"#
        ),
        r#"{"role":"tool","parts":[{"type":"tool_call_response","id":"t1","response":[{"json":{"ok":true}}]}]}"#,
    ];
    let system = r#"[{"type":"text","content":"be brief"}]"#;
    asks(BedrockConverse, body, Some(system), &format!("[{}]", expected.join(",")));
    // Nova's bodies are Converse's.
    asks(BedrockInvoke, body, Some(system), &format!("[{}]", expected.join(",")));
}

#[test]
fn cohere() {
    let body = r#"{"model":"m","messages":[
        {"role":"user","content":"hi"},
        {"role":"assistant","tool_plan":"I ask","tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"t1","content":[{"type":"document","document":{"data":"done"}}]}]}"#;
    let expected = [
        &*user("hi"),
        concat!(
            r#"{"role":"assistant","parts":[{"type":"reasoning","content":"I ask"},"#,
            r#"{"type":"tool_call","id":"t1","name":"f","arguments":{}}]}"#
        ),
        concat!(
            r#"{"role":"tool","parts":[{"type":"tool_call_response","id":"t1","#,
            r#""response":[{"type":"document","document":{"data":"done"}}]}]}"#
        ),
    ];
    asks(CohereV2, body, None, &format!("[{}]", expected.join(",")));
    let first = r#"{"preamble":"be brief","message":"and now?","chat_history":[
        {"role":"USER","message":"hi"},
        {"role":"CHATBOT","message":"I ask","tool_calls":[{"name":"f","parameters":{"a":1}}]},
        {"role":"TOOL","tool_results":[{"call":{"name":"f","parameters":{"a":1}},"outputs":[{"ok":true}]}]}]}"#;
    let expected = [
        &*user("hi"),
        concat!(
            r#"{"role":"assistant","parts":[{"type":"text","content":"I ask"},"#,
            r#"{"type":"tool_call","name":"f","arguments":{"a":1}}]}"#
        ),
        r#"{"role":"tool","parts":[{"type":"tool_call_response","name":"f","response":[{"ok":true}]}]}"#,
        &*user("and now?"),
    ];
    let system = r#"[{"type":"text","content":"be brief"}]"#;
    asks(CohereV1, first, Some(system), &format!("[{}]", expected.join(",")));
    asks(BedrockInvoke, first, Some(system), &format!("[{}]", expected.join(",")));
}

#[test]
fn prompts() {
    let one = format!("[{}]", user("hi"));
    asks(OpenAiCompletions, r#"{"prompt":"hi"}"#, None, &one);
    asks(BedrockInvoke, r#"{"inputText":"hi","textGenerationConfig":{}}"#, None, &one);
    asks(OpenAiCompletions, r#"{"prompt":["a","b"]}"#, None, &format!("[{},{}]", user("a"), user("b")));
    let tokens = r#"[{"role":"user","parts":[{"type":"generic","content":[1,2]}]}]"#;
    asks(OpenAiCompletions, r#"{"prompt":[1,2]}"#, None, tokens);
    // A text that looks like messages is none.
    let text = r#"[{"role":"user","parts":[{"type":"text","content":"[{\"role\":\"system\"}]"}]}]"#;
    asks(OpenAiCompletions, r#"{"prompt":"[{\"role\":\"system\"}]"}"#, None, text);
}

#[test]
fn texts_to_embed_are_not_captured() {
    let asked = content(OpenAiEmbeddings, r#"{"input":["a","b"],"model":"m"}"#, 1 << 20);
    assert!(asked.input.is_some());
    assert_eq!(both(OpenAiEmbeddings, &asked), [None, None]);
}

#[test]
fn nothing_read_is_nothing_captured() {
    for format in Format::ALL {
        assert_eq!(both(format, &RequestContent::default()), [None, None], "{format:?}");
    }
    assert!(response(&Facts::default()).is_none());
}

#[test]
fn what_is_not_understood_is_there_as_it_stands() {
    let bodies = [
        "null",
        "7",
        "\"text\"",
        "[]",
        "[[]]",
        "[{}]",
        "{}",
        "[null,7,\"text\",{\"role\":7}]",
        r#"[{"role":"user","content":7}]"#,
        r#"[{"role":"x","content":[7,null,[],{},{"type":"new","canary":1}]}]"#,
        r#"[{"role":"user","canary":1}]"#,
        r#"[{"role":"tool","content":{"canary":1}}]"#,
        r#"[{"type":"tool_use","tool_calls":[{"canary":1}],"parts":[{"canary":1}],"content":[{"canary":1}]}]"#,
    ];
    for format in Format::ALL {
        for body in bodies {
            let asked = RequestContent {
                system: Some(Kept::Json(body.to_owned())),
                input: Some(Kept::Json(body.to_owned())),
                history: Some(Kept::Json(body.to_owned())),
                ..RequestContent::default()
            };
            let operation = Operation::Chat;
            for (key, value) in request(format, operation, &asked) {
                let json = serde_json::to_string(&value).unwrap();
                let seen = json.contains("canary");
                assert_eq!(seen, body.contains("canary"), "{format:?} {key} {body} {json}");
            }
        }
    }
}

#[test]
fn content_that_breaks_off_is_whole_up_to_there() {
    let long = "x".repeat(40_000);
    let body = format!(
        r#"{{"messages":[{{"role":"user","content":"hi"}},{{"role":"user","content":[{{"type":"text","text":"{long}"}}]}}]}}"#
    );
    let [_, cut] = both(OpenAiChat, &content(OpenAiChat, &body, 100));
    let cut = cut.expect("there is some");
    assert!(cut.starts_with(&format!("[{},", user("hi"))) && cut.len() < 200, "{cut}");
    let [_, leaf] = both(OpenAiChat, &content(OpenAiChat, &body, 1 << 17));
    assert_eq!(leaf, Some(format!("[{},{}]", user("hi"), user(&format!("{}…[cut]", &long[..32 * 1024])))));
}

#[test]
fn a_large_image_is_a_mark() {
    let mark = "[cut, more than 32000 characters of base64]";
    for (length, is_kept) in [(32_000, true), (32_001, false), (5_000_000, false)] {
        let data = "A".repeat(length);
        let body = format!(
            r#"{{"messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{data}"}}}}]}}]}}"#
        );
        let [_, found] = both(OpenAiChat, &content(OpenAiChat, &body, 1 << 20));
        let shown = if is_kept { &*data } else { mark };
        let expected = format!(
            r#"[{{"role":"user","parts":[{{"type":"blob","modality":"image","mime_type":"image/png","content":"{shown}"}}]}}]"#
        );
        assert!(found == Some(expected), "{length}");
    }
}

fn choice(index: u32, text: Option<&str>, reason: Option<&str>) -> Choice {
    let [text, finish_reason] = [text, reason].map(|text| text.map(str::to_owned));
    Choice { index, finish_reason, text, ..Choice::default() }
}

fn answered(facts: &Facts) -> Option<String> {
    response(facts).map(|(key, value)| {
        assert_eq!(key, keys::GEN_AI_OUTPUT_MESSAGES);
        serde_json::to_string(&value).unwrap()
    })
}

#[test]
fn an_answer_has_a_message_a_choice() {
    let call = |choice, id: &str, name: &str, arguments: &str| ToolCall {
        id: Some(id.to_owned()),
        name: Some(name.to_owned()),
        choice,
        arguments: Some(arguments.to_owned()),
    };
    let mut facts = Facts {
        choices: vec![choice(0, Some("rain"), Some("tool_use")), choice(1, None, Some("length"))],
        tool_calls: vec![call(0, "t1", "f", r#"{"b":1,"a":[2]}"#), call(2, "t2", "g", "{\"broken")],
        server_tool_calls: vec![call(0, "s1", "search", "{}")],
        ..Facts::default()
    };
    facts.choices[0].reasoning = Some("hm".to_owned());
    facts.choices[1].refusal = Some("no".to_owned());
    let expected = [
        concat!(
            r#"{"role":"assistant","parts":[{"type":"reasoning","content":"hm"},{"type":"text","content":"rain"},"#,
            r#"{"type":"server_tool_call","id":"s1","name":"search","server_tool_call":{"type":"search","arguments":{}}},"#,
            r#"{"type":"tool_call","id":"t1","name":"f","arguments":{"b":1,"a":[2]}}],"finish_reason":"tool_call"}"#
        ),
        r#"{"role":"assistant","parts":[{"type":"text","content":"no"}],"finish_reason":"length"}"#,
        concat!(
            r#"{"role":"assistant","parts":[{"type":"tool_call","id":"t2","name":"g","#,
            r#""arguments":"{\"broken"}]}"#
        ),
    ];
    assert_eq!(answered(&facts), Some(format!("[{}]", expected.join(","))));
}

#[test]
fn finish_reasons_are_the_schemas() {
    for (word, expected) in [
        ("stop", "stop"),
        ("end_turn", "stop"),
        ("STOP", "stop"),
        ("COMPLETE", "stop"),
        ("MAX_TOKENS", "length"),
        ("max_output_tokens", "length"),
        ("SAFETY", "content_filter"),
        ("tool_calls", "tool_call"),
        ("TOOL_CALL", "tool_call"),
        ("ERROR", "error"),
        ("pause_turn", "pause_turn"),
    ] {
        let facts = Facts { choices: vec![choice(0, None, Some(word))], ..Facts::default() };
        let message = format!(r#"[{{"role":"assistant","parts":[],"finish_reason":"{expected}"}}]"#);
        assert_eq!(answered(&facts), Some(message));
    }
}
