//! The reader of the wire against recorded exchanges of providers: every fact, at any cutting. README.md beside this file says where
//! they come from.

mod exchange;

use std::collections::BTreeSet;
use std::path::Path;

use exchange::Exchange;
use llmetry::wire::{Content, Format, Operation};

/// Fields where the recording and the documented rules differ, by exchange; README.md explains each.
const DIFFERENCES: &[(&str, &[&str])] = &[
    ("pai.snowflake.snowflake_openai_model.0.8c5567", &["response_model"]),
    (
        "olm.langchain.llms.custom_llm.0.0ab04c",
        &["choices", "finish_reasons", "operation", "output_tokens", "text"],
    ),
    (
        "olm.replicate.llama.replicate_llama_stream_legacy.0.36f688",
        &["operation", "request_model", "response_id", "response_model", "stream"],
    ),
    (
        "pai.openai_responses.background_mode_with_tool_vcr.4.da92a6",
        &["finish_reasons", "response_id", "response_model"],
    ),
    ("pai.tool_search.openai_client_tool_search_streaming.0.b81261", &["tool_calls", "server_tool_calls"]),
];

fn exchanges() -> Vec<Exchange> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/exchanges");
    let found = exchange::below(&folder).expect("the exchanges are there");
    assert!(found.len() >= 60, "{}", found.len());
    found
}

fn is_expected(id: &str, field: &str) -> bool {
    DIFFERENCES.iter().any(|(other, fields)| *other == id && fields.contains(&field))
}

#[test]
fn every_fact_is_read_from_pieces_of_any_length() {
    let mut wrong = Vec::new();
    for exchange in exchanges() {
        for length in [1, 7, 4096] {
            let found = exchange.read(|| length);
            for (field, is_same) in exchange::compare(&exchange.facts, &found) {
                if is_same == is_expected(&exchange.id, field) {
                    let (right, found) = (exchange.facts.get(field), found.get(field));
                    wrong.push(format!("{} {length} {field}: {right:?} {found:?}", exchange.id));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// A generator of pseudo-random numbers (xorshift); the seed makes a failure repeatable.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound).expect("small bounds only")
    }
}

#[test]
fn any_cutting_gives_the_same_facts() {
    for exchange in exchanges() {
        let (_, request, facts) = exchange.read_with(Content::Keep { bytes: 1 << 20 }, &mut || usize::MAX);
        for seed in 1..=4_u64 {
            let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let bound = [3, 40, 400, 4000][usize::try_from(seed - 1).unwrap()];
            let mut lengths = || 1 + random.below(bound);
            let (_, again, facts_again) = exchange.read_with(Content::Keep { bytes: 1 << 20 }, &mut lengths);
            assert_eq!(request, again, "{} seed {seed}", exchange.id);
            assert_eq!(facts, facts_again, "{} seed {seed}", exchange.id);
        }
    }
}

/// Changes a few bytes, cuts some out, or says some again.
fn spoilt(body: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let Ok(length) = u64::try_from(body.len()) else { return };
        if length < 2 {
            return;
        }
        let (from, count) = (random.below(length - 1), random.below(length.min(64)));
        let range = from..(from + count).min(body.len());
        match random.below(4) {
            0 => body[from] = random.below(256).to_le_bytes()[0],
            1 => drop(body.drain(range)),
            2 => {
                let again = body[range].to_vec();
                drop(body.splice(from..from, again));
            }
            _ => body[from] = b"{}[]\",:\\\n\r \0"[random.below(12)],
        }
    }
}

#[test]
fn spoilt_exchanges_are_read_as_far_as_they_go_and_the_same_at_any_cutting() {
    for exchange in exchanges() {
        for seed in 1..=20_u64 {
            let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let mut spoilt_exchange = exchange.clone();
            spoilt(&mut spoilt_exchange.request, &mut random);
            spoilt(&mut spoilt_exchange.response, &mut random);
            let whole = spoilt_exchange.read_with(Content::Keep { bytes: 4096 }, &mut || usize::MAX);
            let pieces =
                spoilt_exchange.read_with(Content::Keep { bytes: 4096 }, &mut || 1 + random.below(64));
            assert_eq!(whole, pieces, "{} seed {seed}", exchange.id);
        }
    }
}

#[test]
fn without_content_the_same_facts_and_no_text() {
    for exchange in exchanges() {
        let (_, mut request, mut facts) = exchange.read_with(Content::Keep { bytes: 1 << 20 }, &mut || 64);
        let (_, request_off, facts_off) = exchange.read_with(Content::Off, &mut || 64);
        request.content = llmetry::wire::RequestContent::default();
        for choice in &mut facts.choices {
            (choice.text, choice.reasoning, choice.refusal) = (None, None, None);
        }
        for call in facts.tool_calls.iter_mut().chain(&mut facts.server_tool_calls) {
            call.arguments = None;
        }
        if let Some(error) = &mut facts.error {
            error.message = None;
        }
        assert_eq!((request_off, facts_off), (request, facts), "{}", exchange.id);
    }
}

#[test]
fn the_exchanges_cover_every_format_unary_and_in_streams() {
    let (mut formats, mut streams, mut operations) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for exchange in exchanges() {
        let (route, request, facts) = exchange.read_with(Content::Off, &mut || 4096);
        let Some(format) = route.format else { continue };
        formats.insert(format.name());
        operations.extend(request.operation.map(Operation::name));
        if facts.stream_complete.is_some() {
            streams.insert(format.name());
        }
    }
    let all: BTreeSet<&str> = Format::ALL.iter().map(|format| format.name()).collect();
    assert_eq!(formats, all);
    let without = BTreeSet::from(["openai_embeddings"]);
    assert_eq!(streams, &all - &without);
    assert_eq!(operations, BTreeSet::from(["chat", "embeddings", "generate_content", "text_completion"]));
}
