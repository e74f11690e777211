//! Token counts, by the rules of the GenAI convention.
//!
//! Providers differ in whether their count of input tokens has the cached ones in it, and the count of output tokens the reasoning.
//! Here both are brought to the convention's form. A zero of a part (cached, reasoning) is not said.

use crate::wire::facts::Usage;
use crate::wire::json::Value;
use crate::wire::words::Word;

/// The first of `words` under which there is a count.
pub(super) fn first(value: Value<'_>, words: &[Word]) -> Option<u64> {
    words.iter().find_map(|word| value.get(*word).count())
}

/// The same, a zero being none.
pub(super) fn part(value: Value<'_>, words: &[Word]) -> Option<u64> {
    words.iter().find_map(|word| value.get(*word).count().filter(|count| *count > 0))
}

/// OpenAI's chat completions, completions and embeddings. Cached tokens are in the prompt's, reasoning in the completion's. Where the
/// cached ones stand is every vendor's own choice: `prompt_tokens_details.cached_tokens` (OpenAI), `num_cached_tokens` (Mistral),
/// `prompt_cache_hit_tokens` (`DeepSeek`), `cached_tokens` (some Groq models, Moonshot). xAI counts reasoning beside the completion; its
/// total tells.
pub(super) fn openai(usage: Value<'_>) -> Option<Usage> {
    if !usage.is_object() {
        return None;
    }
    let input = [usage.get(Word::PromptTokensDetails), usage.get(Word::PromptTokenDetails)];
    let output = [usage.get(Word::CompletionTokensDetails), usage.get(Word::CompletionTokenDetails)];
    let flat = [Word::NumCachedTokens, Word::PromptCacheHitTokens, Word::CachedTokens];
    let reasoning = output
        .iter()
        .find_map(|details| part(*details, &[Word::ReasoningTokens]))
        .or_else(|| part(usage, &[Word::ReasoningTokens]));
    let mut found = Usage {
        input: usage.get(Word::PromptTokens).count(),
        output: usage.get(Word::CompletionTokens).count(),
        cache_read: input
            .iter()
            .find_map(|details| part(*details, &[Word::CachedTokens]))
            .or_else(|| part(usage, &flat)),
        cache_write: input.iter().find_map(|details| part(*details, &[Word::CacheWriteTokens])),
        reasoning,
        total: usage.get(Word::TotalTokens).count(),
        cost: usage.get(Word::Cost).float(),
    };
    if reasoning.is_some() && found.unexplained_total() == reasoning {
        found.output =
            found.output.zip(reasoning).map(|(output, reasoning)| output.saturating_add(reasoning));
    }
    Some(found)
}

/// OpenAI's Responses: the same under other names.
pub(super) fn responses(usage: Value<'_>) -> Option<Usage> {
    if !usage.is_object() {
        return None;
    }
    let input = usage.get(Word::InputTokensDetails);
    Some(Usage {
        input: usage.get(Word::InputTokens).count(),
        output: usage.get(Word::OutputTokens).count(),
        cache_read: part(input, &[Word::CachedTokens]),
        cache_write: part(input, &[Word::CacheWriteTokens]),
        reasoning: part(usage.get(Word::OutputTokensDetails), &[Word::ReasoningTokens]),
        total: usage.get(Word::TotalTokens).count(),
        cost: usage.get(Word::Cost).float(),
    })
}

/// Anthropic: `input_tokens` leaves out what was read from and written to the cache. A stream says it twice; what comes later
/// overwrites, count by count, since a delta may leave counts out.
pub(super) fn anthropic(usage: Value<'_>, before: &mut Parts) {
    let counts = [
        (&mut before.fresh, Word::InputTokens),
        (&mut before.output, Word::OutputTokens),
        (&mut before.read, Word::CacheRead),
        (&mut before.write, Word::CacheCreation),
    ];
    for (count, word) in counts {
        *count = usage.get(word).count().or(*count);
    }
    let thinking = usage.get(Word::OutputTokensDetails).get(Word::ThinkingTokens).count();
    before.reasoning = thinking.or(before.reasoning);
}

/// Counts of a provider whose input tokens leave the cached ones out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Parts {
    pub(super) fresh: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) read: Option<u64>,
    pub(super) write: Option<u64>,
    pub(super) reasoning: Option<u64>,
}

impl Parts {
    pub(super) fn usage(self) -> Usage {
        let cached = self.read.unwrap_or(0).saturating_add(self.write.unwrap_or(0));
        Usage {
            input: self.fresh.map(|fresh| fresh.saturating_add(cached)),
            output: self.output,
            cache_read: self.read.filter(|count| *count > 0),
            cache_write: self.write.filter(|count| *count > 0),
            reasoning: self.reasoning.filter(|count| *count > 0),
            ..Usage::default()
        }
    }
}

/// Bedrock: the cached tokens are left out of `inputTokens`, and come under two names, which are one count.
pub(super) fn bedrock(usage: Value<'_>) -> Option<Usage> {
    usage.is_object().then(|| {
        Parts {
            fresh: usage.get(Word::InputTokensCamel).count(),
            output: usage.get(Word::OutputTokensCamel).count(),
            read: first(usage, &[Word::CacheReadCamel, Word::CacheReadCount]),
            write: first(usage, &[Word::CacheWriteCamel, Word::CacheWriteCount]),
            reasoning: None,
        }
        .usage()
    })
}

/// Gemini: the prompt of a tool's use is input besides, the thoughts are output besides the candidates.
pub(super) fn gemini(usage: Value<'_>) -> Option<Usage> {
    if !usage.is_object() {
        return None;
    }
    let sum = |one: Option<u64>, other: Option<u64>| match (one, other) {
        (None, None) => None,
        (one, other) => Some(one.unwrap_or(0).saturating_add(other.unwrap_or(0))),
    };
    let thoughts = usage.get(Word::ThoughtsTokenCount).count();
    Some(Usage {
        input: sum(
            usage.get(Word::PromptTokenCount).count(),
            usage.get(Word::ToolUsePromptTokenCount).count(),
        ),
        output: sum(usage.get(Word::CandidatesTokenCount).count(), thoughts),
        cache_read: part(usage, &[Word::CachedContentTokenCount]),
        cache_write: None,
        reasoning: thoughts.filter(|count| *count > 0),
        total: usage.get(Word::TotalTokenCount).count(),
        cost: None,
    })
}

/// Cohere: the convention asks for the billed count; the consumed one stands in where there is no other.
pub(super) fn cohere(usage: Value<'_>) -> Option<Usage> {
    let (billed, tokens) = (usage.get(Word::BilledUnits), usage.get(Word::Tokens));
    let count = |word| billed.get(word).count().or_else(|| tokens.get(word).count());
    (billed.exists() || tokens.exists()).then(|| Usage {
        input: count(Word::InputTokens),
        output: count(Word::OutputTokens),
        cache_read: part(usage, &[Word::CachedTokens]),
        cache_write: None,
        reasoning: part(tokens, &[Word::ReasoningTokens]),
        ..Usage::default()
    })
}
