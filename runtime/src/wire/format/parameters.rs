//! Parameters of requests that several formats have, under the spellings that they have there.

use crate::wire::facts::{RequestContent, RequestFacts};
use crate::wire::json::Value;
use crate::wire::words::Word;

/// What stands under the first of `words` that says something.
pub(super) fn first<'a, T>(value: Value<'a>, words: &[Word], read: fn(Value<'a>) -> Option<T>) -> Option<T> {
    words.iter().find_map(|word| read(value.get(*word)))
}

/// The parameters of sampling that stand in `place`, in any spelling.
pub(super) fn sampling(place: Value<'_>, facts: &mut RequestFacts) {
    let float = |before: Option<f64>, words: &[Word]| before.or_else(|| first(place, words, Value::float));
    let int = |before: Option<i64>, words: &[Word]| before.or_else(|| first(place, words, Value::int));
    facts.temperature = float(facts.temperature, &[Word::Temperature]);
    facts.top_p = float(facts.top_p, &[Word::TopP, Word::TopPCamel, Word::P]);
    facts.top_k = int(facts.top_k, &[Word::TopK, Word::TopKCamel, Word::K]);
    facts.max_tokens = int(
        facts.max_tokens,
        &[
            Word::MaxCompletionTokens,
            Word::MaxTokens,
            Word::MaxOutputTokens,
            Word::MaxOutputTokensCamel,
            Word::MaxTokensCamel,
            Word::MaxTokenCount,
            Word::MaxTokensToSample,
            Word::MaxGenLen,
            Word::MaxNewTokens,
            Word::MaxNewTokensCamel,
            Word::NumPredict,
        ],
    );
    facts.frequency_penalty =
        float(facts.frequency_penalty, &[Word::FrequencyPenalty, Word::FrequencyPenaltyCamel]);
    facts.presence_penalty =
        float(facts.presence_penalty, &[Word::PresencePenalty, Word::PresencePenaltyCamel]);
    facts.seed = int(facts.seed, &[Word::Seed]);
    if facts.stop_sequences.is_empty() {
        let words = [Word::Stop, Word::StopSequences, Word::StopSequencesCamel];
        let found = words.iter().map(|word| place.get(*word).texts()).find(|texts| !texts.is_empty());
        facts.stop_sequences = found.unwrap_or_default();
    }
    facts.choice_count = int(facts.choice_count, &[Word::N, Word::CandidateCount, Word::NumGenerations]);
}

/// Model and stream flag, which most bodies have at their top.
pub(super) fn top(root: Value<'_>, facts: &mut RequestFacts) {
    facts.model = root.get(Word::Model).string().or(facts.model.take());
    if let Some(stream) = root.get(Word::Stream).bool() {
        facts.stream = stream;
    }
    facts.service_tier = root.get(Word::ServiceTier).string();
    facts.stream_usage = root.get(Word::StreamOptions).get(Word::IncludeUsage).bool();
}

/// `text`, `json_object`, `json_schema`, `grammar` … in the convention's words.
pub(super) fn output_type(word: &str) -> Option<&'static str> {
    match word {
        "text" | "text/plain" => Some("text"),
        "json" | "json_object" | "json_schema" | "application/json" => Some("json"),
        _ => None,
    }
}

/// What is content, from the first of each words that is there.
pub(super) fn content(place: Value<'_>, system: &[Word], input: &[Word], facts: &mut RequestFacts) {
    let read = |words: &[Word]| words.iter().find_map(|word| place.get(*word).kept());
    facts.content = RequestContent {
        system: read(system),
        history: read(&[Word::ChatHistory]),
        input: read(input),
        tools: read(&[Word::Tools, Word::ToolConfig, Word::Functions]),
    };
}
