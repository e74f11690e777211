//! OpenAI Responses (`POST /v1/responses`), and those who speak it.
//!
//! Documented: `id`, `model`, `status`, `incomplete_details.reason`, `output[]` of typed items, `usage`. A stream is of typed events;
//! `response.created`, `.in_progress`, `.queued` and the last one (`.completed`, `.incomplete`, `.failed`) have the whole answer as
//! it is then under `response`, the others a part of it: `response.output_item.added` and `.done` an item,
//! `response.output_text.delta` and its like a piece of content. `error` is an event of its own.
//!
//! Items: `message` (with parts `output_text` and `refusal`), `reasoning`, `function_call` and `custom_tool_call` (the caller's tools);
//! every other `…_call`, and `mcp_list_tools`, is a tool that the provider runs, unless it waits for the caller: `local_shell_call`,
//! `computer_call`, `shell_call`, `apply_patch_call` and what says `execution: client` are the caller's to run. `mcp_call` has the
//! tool's own name; of the others the type is the name.
//!
//! In the wild: events without names, and a `[DONE]` behind the last one.

use super::{kind, parameters, usage};
use crate::wire::draft::Draft;
use crate::wire::errors;
use crate::wire::facts::RequestFacts;
use crate::wire::json::Value;
use crate::wire::words::Word;

pub(super) fn request(root: Value<'_>, facts: &mut RequestFacts) {
    parameters::top(root, facts);
    parameters::sampling(root, facts);
    let format = root.get(Word::Text).get(Word::OutputFormat).get(Word::Type);
    facts.output_type = format.text().and_then(|word| parameters::output_type(&word));
    facts.reasoning_level = root.get(Word::Reasoning).get(Word::Effort).string();
    facts.previous_response_id = root.get(Word::PreviousResponseId).string();
    parameters::content(root, &[Word::Instructions], &[Word::Input], facts);
}

pub(super) fn answer(root: Value<'_>, draft: &mut Draft) {
    snapshot(root, draft);
    for (place, item) in root.get(Word::Output).items().enumerate() {
        self::item(place as u64, item, true, draft);
    }
}

pub(super) fn event(name: &str, root: Value<'_>, draft: &mut Draft) {
    let kind = kind(name, root);
    let response = root.get(Word::Response);
    if response.is_object() {
        snapshot(response, draft);
    }
    let index = root.get(Word::OutputIndex).count().unwrap_or(0);
    match &*kind {
        "response.completed" | "response.incomplete" | "response.failed" | "response.done" => {
            draft.is_complete = true;
            if response.get(Word::Output).items().next().is_some() {
                draft.forget_output();
                answer(response, draft);
            }
        }
        "response.output_item.added" | "response.output_item.done" => {
            item(index, root.get(Word::Item), false, draft);
        }
        "response.output_text.delta" => draft.text(0, root.get(Word::Delta)),
        "response.refusal.delta" => draft.refusal(0, root.get(Word::Delta)),
        "response.reasoning_text.delta" | "response.reasoning_summary_text.delta" => {
            draft.reasoning(0, root.get(Word::Delta));
        }
        "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
            draft.arguments(0, index, root.get(Word::Delta));
        }
        "error" => errors::event(root, draft),
        _ => {}
    }
}

/// The answer as it is at this moment, without its items.
fn snapshot(response: Value<'_>, draft: &mut Draft) {
    draft.id(response.get(Word::Id));
    draft.model(response.get(Word::Model));
    if let Some(tier) = response.get(Word::ServiceTier).string() {
        draft.facts.service_tier = Some(tier);
    }
    if let Some(usage) = usage::responses(response.get(Word::Usage)) {
        draft.usage(usage);
    }
    let status = response.get(Word::Status);
    if status.exists() || response.get(Word::Output).exists() {
        draft.choice(0);
    }
    let reason = response.get(Word::IncompleteDetails).get(Word::Reason);
    let is_under_way = status.text().is_none_or(|status| matches!(&*status, "queued" | "in_progress"));
    if reason.has_text() {
        draft.finish_reason(0, reason);
    } else if !is_under_way {
        draft.finish_reason(0, status);
    }
    errors::in_answer(response, draft);
}

fn item(index: u64, item: Value<'_>, has_content: bool, draft: &mut Draft) {
    let kind = item.get(Word::Type).text().unwrap_or_default();
    match &*kind {
        "message" if has_content => {
            for part in item.get(Word::Content).items() {
                draft.text(0, part.get(Word::Text));
                draft.refusal(0, part.get(Word::Refusal));
            }
        }
        "reasoning" if has_content => {
            for part in item.get(Word::Summary).items().chain(item.get(Word::Content).items()) {
                draft.reasoning(0, part.get(Word::Text));
            }
        }
        "function_call" | "custom_tool_call" => {
            draft.tool(0, index, item.get(Word::CallId), item.get(Word::Name), false);
            draft.whole_arguments(0, index, item.get(Word::Arguments));
            if item.get(Word::Input).exists() {
                draft.whole_arguments(0, index, item.get(Word::Input));
            }
        }
        "computer_call" | "local_shell_call" | "shell_call" | "apply_patch_call" => {
            draft.tool_named(0, index, item.get(Word::CallId), Some(kind.into_owned()), false);
        }
        "mcp_call" => draft.tool(0, index, item.get(Word::Id), item.get(Word::Name), true),
        "mcp_list_tools" => draft.tool_named(0, index, item.get(Word::Id), Some(kind.into_owned()), true),
        _ if kind.ends_with("_call") => {
            let is_server = item.get(Word::Execution).text().as_deref() != Some("client");
            let id = item.get(if is_server { Word::Id } else { Word::CallId });
            draft.tool_named(0, index, id, Some(kind.into_owned()), is_server);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::wire::facts::Format::OpenAiResponses;
    use crate::wire::tests::{ask, kept, sse, tools, unary};

    const OUTPUT: &str = r#"[{"type":"reasoning","id":"rs","summary":[{"type":"summary_text","text":"hm"}]},
        {"type":"web_search_call","id":"ws_1","status":"completed"},
        {"type":"mcp_call","id":"mcp_1","name":"ask","arguments":"{}"},
        {"type":"tool_search_call","id":"ts_1","call_id":"call_3","execution":"client"},
        {"content":[{"text":"yes","type":"output_text"},{"type":"refusal","refusal":"no"}],"role":"assistant","type":"message"},
        {"type":"function_call","id":"fc","call_id":"call_1","name":"f","arguments":"{}"},
        {"type":"custom_tool_call","id":"ct","call_id":"call_2","name":"g","input":"x"}]"#;

    #[test]
    fn a_whole_answer() {
        let facts = unary(
            OpenAiResponses,
            &format!(
                r#"{{"error":null,"id":"resp_1","incomplete_details":null,"model":"m","output":{OUTPUT},"status":"completed",
                "tools":[{{"type":"function","name":"f"}}],"instructions":"be brief","text":{{"format":{{"type":"text"}}}},
                "usage":{{"input_tokens":10,"input_tokens_details":{{"cached_tokens":6,"cache_write_tokens":0}},
                "output_tokens":5,"output_tokens_details":{{"reasoning_tokens":3}},"total_tokens":15}}}}"#
            ),
        );
        assert_eq!((facts.id.as_deref(), facts.model.as_deref()), (Some("resp_1"), Some("m")));
        assert_eq!((facts.finish_reasons(), facts.choices.len()), (Some(vec!["completed"]), 1));
        assert_eq!(tools(&facts.tool_calls), ["call_3:tool_search_call", "call_1:f", "call_2:g"]);
        assert_eq!(facts.tool_calls[2].arguments.as_deref(), Some("x"));
        assert_eq!(tools(&facts.server_tool_calls), ["ws_1:web_search_call", "mcp_1:ask"]);
        assert_eq!((facts.text(), facts.choices[0].refusal.as_deref()), (Some("yes"), Some("no")));
        assert_eq!(facts.choices[0].reasoning.as_deref(), Some("hm"));
        assert_eq!((facts.usage.input, facts.usage.output), (Some(10), Some(5)));
        assert_eq!((facts.usage.cache_read, facts.usage.cache_write), (Some(6), None));
        assert_eq!((facts.usage.reasoning, facts.error), (Some(3), None));
    }

    #[test]
    fn a_reason_for_the_end_is_better_than_a_status_and_none_while_it_runs() {
        let reason = |rest: &str| {
            let facts = unary(OpenAiResponses, &format!("{{\"id\":\"r\",{rest}}}"));
            assert_eq!(facts.choices.len(), 1);
            facts.finish_reasons().map(|reasons| reasons.concat())
        };
        let cut = r#""status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}"#;
        assert_eq!(reason(cut).as_deref(), Some("max_output_tokens"));
        assert_eq!(reason(r#""status":"failed","incomplete_details":null"#).as_deref(), Some("failed"));
        assert_eq!(reason(r#""status":"queued","usage":null"#), None);
        assert_eq!(reason(r#""status":"in_progress""#), None);
    }

    fn deltas() -> Vec<&'static str> {
        vec![
            r#"{"type":"response.created","response":{"id":"resp_1","model":"m","status":"in_progress","output":[],"usage":null}}"#,
            r#"{"type":"response.output_item.added","output_index":0,"item":{"type":"message","content":[]}}"#,
            r#"{"type":"response.output_text.delta","output_index":0,"delta":"ye"}"#,
            r#"{"type":"response.output_text.delta","output_index":0,"delta":"s"}"#,
            r#"{"type":"response.output_text.done","output_index":0,"text":"yes"}"#,
            r#"{"type":"response.output_item.done","output_index":0,"item":{"type":"message","content":[{"type":"output_text","text":"yes"}]}}"#,
            r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","call_id":"c","name":"f","arguments":""}}"#,
            r#"{"type":"response.function_call_arguments.delta","output_index":1,"delta":"{}"}"#,
            r#"{"type":"response.output_item.done","output_index":1,"item":{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}}"#,
        ]
    }

    #[test]
    fn a_stream_says_all_once_though_events_say_it_again() {
        let end = r#"{"response":{"output":[{"type":"message","content":[{"type":"output_text","text":"yes"}]},
            {"type":"function_call","call_id":"c","name":"f","arguments":"{}"}],"id":"resp_1","status":"completed",
            "usage":{"input_tokens":1,"output_tokens":2}},"type":"response.completed"}"#;
        let mut events = deltas();
        for is_whole in [false, true] {
            if is_whole {
                let end = end.replace('\n', " ");
                events.push(end.leak());
            }
            let facts = sse(OpenAiResponses, &events);
            assert_eq!((facts.text(), tools(&facts.tool_calls)), (Some("yes"), vec!["c:f".to_owned()]));
            assert_eq!(facts.tool_calls[0].arguments.as_deref(), Some("{}"));
            assert_eq!(facts.stream_complete, Some(is_whole));
            assert_eq!(facts.usage.output, is_whole.then_some(2));
            assert_eq!(facts.finish_reasons(), is_whole.then(|| vec!["completed"]));
        }
    }

    #[test]
    fn errors_of_a_stream() {
        for event in [
            r#"{"type":"error","code":"server_error","message":"m"}"#,
            r#"{"type":"error","error":{"type":"t","code":"server_error","message":"m"}}"#,
            r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"m"}}}"#,
        ] {
            let facts = sse(OpenAiResponses, &[event]);
            assert_eq!(facts.error.unwrap().names[0], "server_error", "{event}");
        }
    }

    #[test]
    fn a_request() {
        let facts = ask(
            OpenAiResponses,
            r#"{"input":[{"role":"user","content":"hi"}],"instructions":"be brief","model":"m","max_output_tokens":9,
                "reasoning":{"effort":"high"},"previous_response_id":"resp_0","text":{"format":{"type":"json_object"}},"stream":false}"#,
        );
        assert_eq!((facts.max_tokens, facts.reasoning_level.as_deref()), (Some(9), Some("high")));
        assert_eq!(
            (facts.previous_response_id.as_deref(), facts.output_type),
            (Some("resp_0"), Some("json"))
        );
        assert_eq!(kept(facts.content.system), Some("be brief"));
        assert_eq!(kept(facts.content.input), Some(r#"[{"role":"user","content":"hi"}]"#));
    }
}
