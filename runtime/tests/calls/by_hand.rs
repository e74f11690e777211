//! `llmetry::llm`: the facts that an adapter would have read, told by the program.

use http::HeaderMap;
use llmetry::testing::{Trace, record_sync};
use llmetry::wire::Operation;
use llmetry::{current, llm, task};
use opentelemetry::Value;
use opentelemetry::trace::SpanKind;

/// The attributes of the only span of the trace.
fn attributes(trace: &Trace) -> Vec<String> {
    assert_eq!(trace.spans().len(), 1, "{trace}");
    trace.spans()[0].attributes().map(|(key, value)| format!("{key} = {value}")).collect()
}

#[test]
fn a_call_by_hand_has_the_span_of_an_observed_one() {
    let ((), trace) = record_sync(|| {
        let mut call = llm("candle", "llama")
            .server("gpu-1", 9000)
            .temperature(0.2)
            .top_p(0.9)
            .top_k(40)
            .max_tokens(256)
            .seed(7)
            .frequency_penalty(0.1)
            .presence_penalty(0.3)
            .choice_count(2)
            .reasoning_level("low")
            .output_type("json")
            .stop_sequences(["\n\n", "END"])
            .start();
        call.response_id("r-1").response_model("llama-3").text("one").finish_reason("stop");
        call.text("two").tool_call("t-1", "search", "{}").finish_reason("tool_calls");
        call.input_tokens(10).output_tokens(4).cache_read_tokens(6).cache_write_tokens(2).reasoning_tokens(1);
        call.end();
    });
    assert_eq!(trace.to_string(), "chat llama\n");
    assert_eq!(*trace.spans()[0].kind(), SpanKind::Client);
    let mut attributes = attributes(&trace);
    attributes.sort();
    assert_eq!(
        attributes,
        [
            "gen_ai.operation.name = chat",
            "gen_ai.output.type = json",
            "gen_ai.provider.name = candle",
            "gen_ai.request.choice.count = 2",
            "gen_ai.request.frequency_penalty = 0.1",
            "gen_ai.request.max_tokens = 256",
            "gen_ai.request.model = llama",
            "gen_ai.request.presence_penalty = 0.3",
            "gen_ai.request.reasoning.level = low",
            "gen_ai.request.seed = 7",
            "gen_ai.request.stop_sequences = [\"\n\n\",\"END\"]",
            "gen_ai.request.temperature = 0.2",
            "gen_ai.request.top_k = 40",
            "gen_ai.request.top_p = 0.9",
            "gen_ai.response.finish_reasons = [\"stop\",\"tool_calls\"]",
            "gen_ai.response.id = r-1",
            "gen_ai.response.model = llama-3",
            "gen_ai.usage.cache_creation.input_tokens = 2",
            "gen_ai.usage.cache_read.input_tokens = 6",
            "gen_ai.usage.cache_write.input_tokens = 2",
            "gen_ai.usage.input_tokens = 10",
            "gen_ai.usage.output_tokens = 4",
            "gen_ai.usage.reasoning.output_tokens = 1",
            "gen_ai.usage.total_tokens = 14",
            "server.address = gpu-1",
            "server.port = 9000",
        ]
    );
}

#[test]
fn a_stream_by_hand_has_its_first_chunk_timed_and_is_cancelled_half_way() {
    let ((), trace) = record_sync(|| {
        let mut call = llm("candle", "llama").stream(true).start();
        call.chunk().text("a");
        call.chunk().text("b").output_tokens(2);
    });
    assert_eq!(trace.to_string(), "chat llama cancelled\n");
    let span = &trace.spans()[0];
    assert!(matches!(span.attribute("gen_ai.response.time_to_first_chunk"), Some(Value::F64(_))));
    assert_eq!(span.attribute("gen_ai.usage.output_tokens"), Some(&Value::I64(2)), "what is known is said");
    let ((), trace) = record_sync(|| {
        let mut call = llm("candle", "llama").start();
        call.chunk();
        call.end();
    });
    assert_eq!(trace.spans()[0].attribute("gen_ai.response.time_to_first_chunk"), None, "it is no stream");
}

#[test]
fn failures_by_hand_are_errors() {
    let ((), trace) = record_sync(|| {
        llm("candle", "").operation(Operation::Embeddings).start().fail("out_of_memory");
        let mut call = llm("candle", "llama").start();
        call.error("overloaded", Some("CANARY"));
        drop(call);
        let mut call = llm("candle", "llama").start();
        call.error("overloaded", None);
        call.end();
    });
    assert_eq!(
        trace.to_string(),
        "embeddings !out_of_memory\nchat llama !overloaded\nchat llama !overloaded\n"
    );
}

#[test]
fn content_by_hand_stays_here_while_content_is_off() {
    let ((), trace) = record_sync(|| {
        let mut call = llm("candle", "llama").start();
        call.system("CANARY").message("user", "CANARY").tool_result("t-0", "CANARY");
        call.text("CANARY").tool_call("t-1", "search", "CANARY").error("overloaded", Some("CANARY"));
        call.end();
    });
    assert!(!format!("{:?}", trace.spans()).contains("CANARY"));
}

#[test]
fn content_by_hand_is_recorded_as_messages_while_content_is_on() {
    #[task]
    fn asks() {
        current().capture_content(true);
        let mut call = llm("candle", "llama").start();
        call.system("be brief").message("user", "weather?").tool_result("t-0", "rain");
        call.text("It ").text("rains").tool_call("t-1", "search", "{\"q\":1}").finish_reason("stop");
        call.end();
    }
    let ((), trace) = record_sync(asks);
    let span = trace.span("chat llama");
    let text = |key: &str| span.attribute(key).map(ToString::to_string).unwrap_or_default();
    assert_eq!(text("gen_ai.system_instructions"), r#"[{"type":"text","content":"be brief"}]"#);
    assert_eq!(
        text("gen_ai.input.messages"),
        r#"[{"role":"user","parts":[{"type":"text","content":"weather?"}]},{"role":"tool","parts":[{"type":"tool_call_response","id":"t-0","response":"rain"}]}]"#
    );
    assert_eq!(
        text("gen_ai.output.messages"),
        r#"[{"role":"assistant","parts":[{"type":"text","content":"It rains"},{"type":"tool_call","id":"t-1","name":"search","arguments":{"q":1}}],"finish_reason":"stop"}]"#
    );
}

#[test]
fn what_sends_a_call_by_hand_is_not_counted_again() {
    let ((), trace) = record_sync(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let call = llm("candle", "llama").start();
        let send = llmetry::RequestBuilderExt::send_traced(reqwest::Client::new().get("http://127.0.0.1:1/"));
        assert!(runtime.block_on(call.scope(send)).is_err());
        call.end();
    });
    assert_eq!(trace.to_string(), "chat llama\n");
}

#[test]
fn a_call_by_hand_goes_along_with_its_request_and_with_what_belongs_to_it() {
    #[task]
    fn asks() -> HeaderMap {
        let call = llm("candle", "llama").server("127.0.0.1", 9000).start();
        let mut headers = HeaderMap::new();
        call.inject(&mut headers);
        let inside = call.context().attach();
        belongs_to_it();
        drop(inside);
        call.end();
        current().set_attribute("after", true);
        headers
    }
    #[task]
    fn belongs_to_it() {}
    let (headers, trace) = record_sync(asks);
    assert_eq!(trace.to_string(), "asks\n  chat llama\n    belongs_to_it\n");
    let span = trace.span("chat llama");
    let expected = format!("00-{}-{}-01", span.trace_id(), span.span_id());
    assert_eq!(headers["traceparent"], *expected);
    assert_eq!(trace.span("asks").attribute("after"), Some(&Value::Bool(true)), "it is current only inside");
}

#[test]
fn a_traceparent_by_hand_is_kept() {
    let ((), _) = record_sync(|| {
        let call = llm("candle", "llama").start();
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", "mine".parse().unwrap());
        call.inject(&mut headers);
        assert_eq!(headers["traceparent"], "mine");
        call.end();
    });
}
