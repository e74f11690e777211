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
