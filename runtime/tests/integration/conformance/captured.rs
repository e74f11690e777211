//! Arguments and results as OpenLLMetry's decorators record them, and where that is on purpose not so here.

use std::fmt;
use std::sync::Arc;

use llmetry::export::MemoryExporter;
use llmetry::{Builder, Convention, task, tool, workflow};
use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::SpanData;
use serde_core::ser::{Error as _, SerializeStruct};
use serde_core::{Serialize, Serializer};
use tokio::task::yield_now;

use crate::program;
use crate::support::{LONG, attribute, current_thread, named};

/// The spans of `program` in the words of OpenLLMetry, with content on.
fn captured(program: impl FnOnce()) -> Vec<SpanData> {
    captured_with(|builder| builder.capture_content(true), program)
}

fn captured_with(settings: impl FnOnce(Builder) -> Builder, program: impl FnOnce()) -> Vec<SpanData> {
    let memory = MemoryExporter::new();
    let builder = llmetry::builder().exporter(memory.clone()).convention(Convention::Traceloop);
    let guard = settings(builder).init().unwrap();
    program();
    assert!(guard.shutdown(LONG).is_complete());
    memory.take()
}

const KEYS: [&str; 2] = ["traceloop.entity.input", "traceloop.entity.output"];

/// Input and output, `-` for what is not there.
fn content(span: &SpanData) -> [String; 2] {
    KEYS.map(|key| attribute(span, key).map_or("-".to_owned(), ToString::to_string))
}

#[task(capture(input, output))]
fn adds(a: u32, b: u32) -> u32 {
    a + b
}

#[task(capture(input, output))]
fn nothing() {}

struct Order {
    id: u32,
    item: &'static str,
}

impl Serialize for Order {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut order = serializer.serialize_struct("Order", 2)?;
        order.serialize_field("id", &self.id)?;
        order.serialize_field("item", self.item)?;
        order.end()
    }
}

#[workflow(capture(input, output))]
fn places(order: Order) -> Order {
    Order { id: order.id + 1, item: order.item }
}

struct Shop;

impl Shop {
    #[tool(capture(input, output))]
    async fn price(&self, item: &str) -> f64 {
        yield_now().await;
        if item.is_empty() { 0.0 } else { 2.5 }
    }
}

#[test]
fn arguments_are_an_object_by_name_and_the_result_is_json() {
    program::run(|| {
        let spans = captured(|| {
            adds(1, 3);
            nothing();
            places(Order { id: 7, item: "tea" });
            current_thread().block_on(Shop.price("tea"));
        });
        assert_eq!(content(named(&spans, "adds.task")), [r#"{"a":1,"b":3}"#, "4"]);
        assert_eq!(content(named(&spans, "nothing.task")), ["{}", "null"]);
        assert_eq!(
            content(named(&spans, "places.workflow")),
            [r#"{"order":{"id":7,"item":"tea"}}"#, r#"{"id":8,"item":"tea"}"#]
        );
        assert_eq!(content(named(&spans, "price.tool")), [r#"{"item":"tea"}"#, "2.5"], "no receiver");
    });
}

struct Opaque;

/// Fails in one way or the other.
enum Broken {
    Errs,
    Panics,
}

impl Serialize for Broken {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Errs => Err(S::Error::custom("no words for it")),
            Self::Panics => panic!("no words for it"),
        }
    }
}

#[task(capture(input, output))]
fn counts(first: &Broken, opaque: Opaque, last: u8) -> Opaque {
    let _ = first;
    assert_eq!(last, 9);
    opaque
}

#[test]
fn a_value_that_cannot_be_written_costs_neither_the_call_nor_its_siblings() {
    program::run(|| {
        std::panic::set_hook(Box::new(|_| ()));
        let mut calls = 0;
        let spans = captured(|| {
            for broken in [Broken::Errs, Broken::Panics] {
                counts(&broken, Opaque, 9);
                calls += 1;
            }
        });
        assert_eq!((calls, spans.len()), (2, 2));
        let opaque = std::any::type_name::<Opaque>();
        for span in &spans {
            assert_eq!(span.status, Status::Unset);
            let [input, output] = content(span);
            let input: serde_json::Value = serde_json::from_str(&input).unwrap();
            assert!(input["first"].as_str().unwrap().contains("Broken"), "{input}");
            assert_eq!((&input["opaque"], &input["last"]), (&opaque.into(), &9.into()));
            assert_eq!(output, format!("\"{opaque}\""));
        }
    });
}

#[task(capture(input, output))]
fn repeats(text: &str) -> String {
    text.repeat(2)
}

#[task(name = "repeats", capture(input, output))]
async fn repeats_later(text: &str) -> String {
    yield_now().await;
    text.repeat(2)
}

#[test]
fn a_limit_cuts_texts_between_characters_in_sync_and_async_functions() {
    program::run(|| {
        let text = "ä".repeat(60);
        let whole = [format!(r#"{{"text":"{text}"}}"#), format!("\"{}\"", text.repeat(2))];
        let run = || {
            repeats(&text);
            current_thread().block_on(repeats_later(&text));
        };
        for limit in [None, Some(1000), Some(101)] {
            let spans = captured_with(
                |builder| {
                    let builder = builder.capture_content(true);
                    match limit {
                        Some(limit) => builder.max_attribute_value_bytes(limit),
                        None => builder,
                    }
                },
                run,
            );
            let [one, other] = spans.try_into().unwrap();
            assert_eq!(content(&one), content(&other));
            if limit == Some(101) {
                for (cut, whole) in content(&one).iter().zip(&whole) {
                    let kept = cut.split_once('…').unwrap().0;
                    assert!(whole.starts_with(kept) && kept.ends_with('ä') && kept.len() <= 101 + 9, "{cut}");
                    assert!(serde_json::from_str::<serde_json::Value>(cut).is_ok(), "{cut}");
                }
            } else {
                assert_eq!(content(&one), whole);
            }
        }
    });
}

#[derive(Debug)]
struct Refused(Arc<str>);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused: {}", self.0)
    }
}

#[task(version = 3, capture(input, output))]
fn fails(n: u8) -> Result<u8, Refused> {
    if n == 0 { Err(Refused("zero".into())) } else { Ok(n) }
}

#[test]
fn a_call_that_fails_has_no_output() {
    program::run(|| {
        let spans = captured(|| {
            fails(0).unwrap_err();
            fails(1).unwrap();
        });
        assert_eq!(content(&spans[0]), [r#"{"n":0}"#, "-"]);
        assert_eq!(spans[0].status, Status::error("refused: zero"));
        assert_eq!(content(&spans[1]), [r#"{"n":1}"#, "1"], "the value, not the `Ok` around it");
    });
}

#[test]
fn without_content_everything_else_is_the_same() {
    program::run(|| {
        let run = || {
            adds(1, 3);
            fails(1).unwrap();
        };
        let (on, off) = (captured(run), captured_with(|builder| builder, run));
        let rest = |spans: &[SpanData]| -> Vec<String> {
            let rest = |span: &SpanData| {
                let kept = span.attributes.iter().filter(|known| !KEYS.contains(&known.key.as_str()));
                format!("{} {:?} {:?}", span.name, span.status, kept.collect::<Vec<_>>())
            };
            spans.iter().map(rest).collect()
        };
        assert!(off.iter().all(|span| content(span) == ["-", "-"]));
        assert_eq!(rest(&on), rest(&off));
        assert_eq!(off.len(), 2);
    });
}

#[workflow(capture(input, output))]
fn asks_first(agrees: bool) -> u32 {
    llmetry::current().capture_content(agrees);
    adds(1, 3)
}

#[test]
fn a_scope_may_overrule_the_switch_either_way() {
    program::run(|| {
        for switch in [false, true] {
            let spans = captured_with(
                |builder| builder.capture_content(switch),
                || {
                    asks_first(!switch);
                    adds(2, 2);
                },
            );
            let seen = |index: usize| content(&spans[index]);
            let [inside, asked, after] = [seen(0), seen(1), seen(2)];
            let says = |is_on: bool, text: &str| if is_on { text.to_owned() } else { "-".to_owned() };
            assert_eq!(inside, [says(!switch, r#"{"a":1,"b":3}"#), says(!switch, "4")]);
            // Its arguments came before it was asked.
            assert_eq!(asked, [says(switch, r#"{"agrees":false}"#), says(!switch, "4")]);
            assert_eq!(after, [says(switch, r#"{"a":2,"b":2}"#), says(switch, "4")]);
        }
    });
}
