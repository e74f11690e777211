//! What a model has answered: a message a choice.
//!
//! In: facts of an answer that was read with content. Out: the list of messages.

use std::collections::BTreeSet;

use super::json::Json;
use super::message::{self, ASSISTANT, Message};
use crate::wire::{Facts, ToolCall};

pub(super) fn messages(facts: &Facts) -> Option<Json> {
    let calls = facts.tool_calls.iter().chain(&facts.server_tool_calls).map(|call| call.choice);
    // An answer that broke off may have tools, and no choice yet.
    let choices: BTreeSet<u32> = facts.choices.iter().map(|choice| choice.index).chain(calls).collect();
    let messages: Vec<_> = choices.into_iter().map(|choice| message(choice, facts)).collect();
    (!messages.is_empty()).then_some(Json::List(messages))
}

fn message(index: u32, facts: &Facts) -> Json {
    let choice = facts.choices.iter().find(|choice| choice.index == index);
    let mut parts = Vec::new();
    if let Some(choice) = choice {
        message::push_reasoning(&mut parts, choice.reasoning.as_deref());
        message::push_text(&mut parts, choice.text.as_deref());
        message::push_text(&mut parts, choice.refusal.as_deref());
    }
    let of_choice = |call: &&ToolCall| call.choice == index;
    for call in facts.server_tool_calls.iter().filter(of_choice) {
        let arguments = call.arguments.as_deref().map(Json::from);
        parts.push(message::server_tool_call(call.id.as_deref(), call.name.as_deref(), arguments.as_ref()));
    }
    for call in facts.tool_calls.iter().filter(of_choice) {
        let arguments = call.arguments.as_deref().map(Json::from);
        parts.push(message::tool_call(call.id.as_deref(), call.name.as_deref(), arguments.as_ref()));
    }
    let reason = choice.and_then(|choice| choice.finish_reason.as_deref());
    Message::new(ASSISTANT, parts).json(reason.map(finish_reason))
}

/// The schema's word for a provider's; an unknown one stays.
fn finish_reason(word: &str) -> Json {
    Json::Word(match word.to_ascii_lowercase().as_str() {
        "stop" | "end_turn" | "stop_sequence" | "complete" | "completed" | "finish" | "eos" => "stop",
        "length" | "max_tokens" | "max_output_tokens" | "model_length" | "model_context_window_exceeded" => {
            "length"
        }
        "content_filter"
        | "content_filtered"
        | "guardrail_intervened"
        | "refusal"
        | "safety"
        | "recitation"
        | "blocklist"
        | "prohibited_content"
        | "spii"
        | "image_safety"
        | "error_toxic" => "content_filter",
        "tool_calls" | "tool_call" | "tool_use" | "function_call" => "tool_call",
        "compaction" => "compaction",
        "error" | "failed" | "malformed_function_call" => "error",
        _ => return word.into(),
    })
}
