//! Messages of calls to models: in the GenAI schema, bounded and masked, and nowhere while content is off.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use llmetry::export::MemoryExporter;
use llmetry::testing::{RecordedSpan, Trace, record_sync};
use llmetry::{Builder, Convention, Redactor, RequestBuilderExt};
use opentelemetry::Value;

use crate::program;
use crate::support::current_thread;

/// Stands in instructions, prompt, answer, reasoning, arguments and errors; may be nowhere while content is off.
const CANARY: &str = "canary-4711";

const SYSTEM: &str = "gen_ai.system_instructions";
const INPUT: &str = "gen_ai.input.messages";
const OUTPUT: &str = "gen_ai.output.messages";

const CHAT: &str = r#"{"model":"m","messages":[
    {"role":"system","content":"be brief, canary-4711"},
    {"role":"user","content":[{"type":"text","text":"hi, canary-4711"}]},
    {"role":"assistant","tool_calls":[{"id":"t0","type":"function","function":{"name":"f","arguments":"{\"q\":\"canary-4711\"}"}}]},
    {"role":"tool","tool_call_id":"t0","content":"canary-4711"}],
    "tools":[{"type":"function","function":{"name":"f","description":"canary-4711"}}]}"#;

const ANSWER: &str = r#"{"id":"c1","model":"m","choices":[{"index":0,"finish_reason":"tool_calls","message":{
    "role":"assistant","content":"yes, canary-4711","reasoning_content":"hm, canary-4711",
    "tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{\"q\":\"canary-4711\"}"}}]}}]}"#;

/// Answers one request with `status` and `body`.
fn server(status: &'static str, mime_type: &'static str, body: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        stream.read_exact(&mut vec![0; length.parse().unwrap()]).unwrap();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {mime_type}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        );
        // Who asked may have gone.
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
    });
    address
}

/// Sends `request` to `path` and reads `answer`.
fn exchanged(path: &str, request: &str, answer: &str) -> Trace {
    let mime_type = if answer.starts_with("data:") { "text/event-stream" } else { "application/json" };
    asked(path, request, "200 OK", mime_type, answer)
}

fn asked(path: &str, request: &str, status: &'static str, mime_type: &'static str, answer: &str) -> Trace {
    let address = server(status, mime_type, answer.to_owned());
    let runtime = current_thread();
    let (received, trace) = record_sync(|| {
        runtime.block_on(async {
            let request = reqwest::Client::new()
                .post(format!("http://{address}{path}"))
                .header("authorization", "Bearer canary-4711")
                .body(request.to_owned());
            request.send_traced().await.unwrap().text().await.unwrap()
        })
    });
    assert_eq!(received, answer, "what the caller sees");
    assert_eq!(trace.spans().len(), 1);
    trace
}

fn text<'a>(span: &'a RecordedSpan, key: &str) -> Option<&'a str> {
    span.attribute(key).map(|value| match value {
        Value::String(text) => text.as_str(),
        other => panic!("{key} is {other:?}"),
    })
}

fn messages(trace: &Trace) -> [Option<&str>; 3] {
    [SYSTEM, INPUT, OUTPUT].map(|key| text(&trace.spans()[0], key))
}

/// Not for stdout.
fn silent() -> Builder {
    llmetry::builder().exporter(MemoryExporter::new())
}

#[test]
fn a_chat_has_its_messages_in_each_dialect() {
    let input = [
        r#"{"role":"system","parts":[{"type":"text","content":"be brief, canary-4711"}]}"#,
        r#"{"role":"user","parts":[{"type":"text","content":"hi, canary-4711"}]}"#,
        r#"{"role":"assistant","parts":[{"type":"tool_call","id":"t0","name":"f","arguments":{"q":"canary-4711"}}]}"#,
        r#"{"role":"tool","parts":[{"type":"tool_call_response","id":"t0","response":"canary-4711"}]}"#,
    ];
    let input = format!("[{}]", input.join(","));
    let output = concat!(
        r#"[{"role":"assistant","parts":[{"type":"reasoning","content":"hm, canary-4711"},"#,
        r#"{"type":"text","content":"yes, canary-4711"},"#,
        r#"{"type":"tool_call","id":"t1","name":"f","arguments":{"q":"canary-4711"}}],"finish_reason":"tool_call"}]"#
    );
    program::run(|| {
        for convention in [Convention::GenAi, Convention::Traceloop] {
            let _telemetry = silent().convention(convention).capture_content(true).init().unwrap();
            let trace = exchanged("/v1/chat/completions", CHAT, ANSWER);
            assert_eq!(messages(&trace), [None, Some(&*input), Some(output)], "{convention:?}");
            assert_eq!(text(&trace.spans()[0], "gen_ai.tool.definitions"), None);
        }
    });
}

#[test]
fn a_stream_has_its_messages_and_instructions_stand_apart() {
    let stream = [
        r#"data: {"type":"message_start","message":{"id":"msg","model":"m","usage":{"input_tokens":1}}}"#,
        r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"ye"}}"#,
        r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"s"}}"#,
        r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}"#,
        r#"data: {"type":"message_stop"}"#,
        "",
    ];
    let request =
        r#"{"model":"m","stream":true,"system":"be brief","messages":[{"role":"user","content":"hi"}]}"#;
    program::run(|| {
        let _telemetry = silent().capture_content(true).init().unwrap();
        let trace = exchanged("/v1/messages", request, &stream.join("\n\n"));
        assert_eq!(
            messages(&trace),
            [
                Some(r#"[{"type":"text","content":"be brief"}]"#),
                Some(r#"[{"role":"user","parts":[{"type":"text","content":"hi"}]}]"#),
                Some(
                    r#"[{"role":"assistant","parts":[{"type":"text","content":"yes"}],"finish_reason":"stop"}]"#
                ),
            ]
        );
    });
}

#[test]
fn nothing_of_it_while_content_is_off() {
    let responses = format!(r#"{{"model":"m","instructions":"{CANARY}","input":"{CANARY}"}}"#);
    let stream = format!(
        "data: {{\"type\":\"response.output_text.delta\",\"delta\":\"{CANARY}\"}}\n\ndata: {{\"type\":\"response.completed\",\"response\":{{\"id\":\"r\",\"status\":\"completed\"}}}}\n\n"
    );
    let error = format!(r#"{{"error":{{"message":"{CANARY}","type":"invalid_request_error"}}}}"#);
    program::run(|| {
        let telemetry = silent().init().unwrap();
        let traces = || {
            [
                exchanged("/v1/chat/completions", CHAT, ANSWER),
                exchanged("/v1/responses", &responses, &stream),
                asked("/v1/chat/completions", CHAT, "400 Bad Request", "application/json", &error),
            ]
        };
        for trace in traces() {
            assert_eq!(messages(&trace), [None, None, None]);
            let shown = format!("{:?}", trace.spans()[0].data());
            assert!(!shown.contains(CANARY), "{shown}");
            assert_eq!(text(&trace.spans()[0], "gen_ai.request.model"), Some("m"), "it was read");
        }
        // The same with content on, or the test sees nothing.
        telemetry.handle().capture_content(true);
        for trace in traces() {
            let span = &trace.spans()[0];
            assert!(format!("{:?}", span.data()).contains(CANARY));
            assert!(!format!("{:?}", span.data()).contains("Bearer"), "a header");
        }
    });
}

#[test]
fn an_answer_is_captured_if_content_is_on_from_its_beginning_to_its_end() {
    program::run(|| {
        let telemetry = silent().init().unwrap();
        let runtime = current_thread();
        for (before, behind) in [(true, true), (true, false), (false, true)] {
            let address = server("200 OK", "application/json", ANSWER.to_owned());
            telemetry.handle().capture_content(before);
            let ((), trace) = record_sync(|| {
                runtime.block_on(async {
                    let url = format!("http://{address}/v1/chat/completions");
                    let request = reqwest::Client::new().post(url).body(CHAT);
                    let response = request.send_traced().await.unwrap();
                    telemetry.handle().capture_content(behind);
                    response.text().await.unwrap();
                });
            });
            let found = messages(&trace).map(|found| found.is_some());
            assert_eq!(found, [false, before, before && behind], "{before} {behind}");
        }
    });
}

#[test]
fn secrets_are_masked_and_rules_see_content_only() {
    let request = r#"{"messages":[
        {"role":"user","content":"the key is sk-abcdefghijklmnop1234567890, says ada"},
        {"role":"assistant","tool_calls":[{"id":"t0","function":{"name":"f","arguments":"{\"password\":\"hunter2\",\"q\":1}"}}]},
        {"role":"tool","tool_call_id":"t0","content":"{\"password\":\"hunter2\"}"}]}"#;
    let answer = r#"{"choices":[{"index":0,"finish_reason":"stop","message":{"content":"ada: password=hunter2",
        "tool_calls":[{"id":"t1","function":{"name":"f","arguments":"{\"api_key\":\"hunter2\"}"}}]}}]}"#;
    program::run(|| {
        // Whatever it sees has its mark: words of the schema have not.
        let redactor = Redactor::new().rule(|text| Some(format!("<{}>", text.replace("ada", "a person"))));
        let _telemetry = silent().capture_content(true).redactor(redactor).init().unwrap();
        let trace = exchanged("/v1/chat/completions", request, answer);
        let input = concat!(
            r#"[{"role":"user","parts":[{"type":"text","content":"<the key is [redacted], says a person>"}]},"#,
            r#"{"role":"assistant","parts":[{"type":"tool_call","id":"<t0>","name":"<f>","#,
            r#""arguments":{"<password>":"[redacted]","<q>":1}}]},"#,
            r#"{"role":"tool","parts":[{"type":"tool_call_response","id":"<t0>","#,
            r#""response":"<{\"password\":\"[redacted]\"}>"}]}]"#
        );
        let output = concat!(
            r#"[{"role":"assistant","parts":[{"type":"text","content":"<a person: password=[redacted]>"},"#,
            r#"{"type":"tool_call","id":"<t1>","name":"<f>","arguments":{"<api_key>":"[redacted]"}}],"#,
            r#""finish_reason":"stop"}]"#
        );
        assert_eq!(messages(&trace), [None, Some(input), Some(output)]);
    });
}

#[test]
fn a_rule_that_panics_drops_what_it_looked_at() {
    program::run(|| {
        std::panic::set_hook(Box::new(|_| {}));
        let redactor = Redactor::new().rule(|text| {
            assert!(!text.starts_with("hi"), "on purpose");
            None
        });
        let telemetry = silent().capture_content(true).redactor(redactor).init().unwrap();
        let trace = exchanged("/v1/chat/completions", CHAT, ANSWER);
        let [_, input, output] = messages(&trace);
        assert_eq!((input, output.is_some()), (None, true));
        assert_eq!(telemetry.stats().content_dropped, 1);
    });
}

#[test]
fn texts_to_embed_and_vectors_are_not_captured() {
    let request = format!(r#"{{"model":"m","input":["{CANARY}"]}}"#);
    let answer = r#"{"model":"m","data":[{"index":0,"embedding":[0.25,0.5]}],"usage":{"prompt_tokens":2}}"#;
    program::run(|| {
        let _telemetry = silent().capture_content(true).init().unwrap();
        let trace = exchanged("/v1/embeddings", &request, answer);
        assert_eq!(messages(&trace), [None, None, None]);
        assert!(!format!("{:?}", trace.spans()[0].data()).contains(CANARY));
    });
}

#[test]
fn long_content_is_cut_and_stays_json() {
    let secret = "sk-abcdefghijklmnop1234567890";
    // A secret lies on the edge.
    let long = format!("{}{secret}{}", "x ".repeat(16 * 1024 - 5), "y ".repeat(500_000));
    let image = format!("data:image/png;base64,{}", "A".repeat(3_000_000));
    let request = format!(
        r#"{{"messages":[{{"role":"user","content":"{long}"}},{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"{image}"}}}}]}},{{"role":"user","content":"last"}}]}}"#
    );
    let answer =
        format!(r#"{{"choices":[{{"index":0,"finish_reason":"stop","message":{{"content":"{long}"}}}}]}}"#);
    program::run(|| {
        let _telemetry = silent().capture_content(true).init().unwrap();
        let trace = exchanged("/v1/chat/completions", &request, &answer);
        let [_, input, output] = messages(&trace);
        for text in [input, output] {
            let text = text.unwrap();
            assert!(!text.contains("sk-"), "half a secret");
            let list: serde_json::Value = serde_json::from_str(text).unwrap();
            let content = list[0]["parts"][0]["content"].as_str().unwrap();
            assert!(content.starts_with("x x") && content.contains("…[cut"), "{}", &content[32_000..]);
            assert!(content.len() < 33_000, "{}", content.len());
        }
        let list: serde_json::Value = serde_json::from_str(input.unwrap()).unwrap();
        let mark = "[cut, more than 32000 characters of base64]";
        assert_eq!(list[1]["parts"][0]["content"], mark);
        assert_eq!(list[2]["parts"][0]["content"], "last", "what comes behind an image is there");
    });
}
