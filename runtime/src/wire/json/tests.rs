//! The parser against another one, and its bounds.

use serde_json::Value as Other;

use super::{Document, Side, Value};
use crate::wire::words::Word;

fn parsed(text: &str, size: usize) -> Document {
    let mut document = Document::new(Side::Response, 1 << 20);
    for piece in text.as_bytes().chunks(size) {
        document.push(piece);
    }
    document.end();
    document
}

const WORDS: [(&str, Word); 4] =
    [("id", Word::Id), ("content", Word::Content), ("usage", Word::Usage), ("index", Word::Index)];

/// Everything that `found`, under `word`, says is what the other parser says.
fn compare(found: Value<'_>, word: Word, right: &Other) {
    match right {
        Other::Object(map) => {
            assert!(found.is_object());
            for (key, value) in map {
                if let Some((_, word)) = WORDS.iter().find(|(text, _)| text == key) {
                    compare(found.get(*word), *word, value);
                }
            }
        }
        Other::Array(list) => {
            assert_eq!(found.members(), Some(list.len() as u64));
            let containers =
                list.iter().filter(|item| item.is_object() || item.is_array() || item.is_string());
            for (found, right) in found.items().zip(containers) {
                compare(found, word, right);
            }
        }
        Other::String(text) => {
            let is_kept = matches!(word, Word::Id | Word::Content);
            assert_eq!(found.string().unwrap_or_default(), if is_kept { text.as_str() } else { "" });
            assert_eq!(found.has_text(), !text.is_empty());
        }
        Other::Number(number) => {
            assert_eq!(found.int().filter(|_| number.is_i64()), number.as_i64(), "{number}");
            assert_eq!(found.float(), number.as_f64(), "{number}");
        }
        Other::Bool(bool) => assert_eq!(found.bool(), Some(*bool)),
        Other::Null => assert!(!found.exists()),
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn text(random: &mut Random) -> &'static str {
    const TEXTS: [&str; 9] = [
        r#""""#,
        r#""plain""#,
        r#""\u00e4\ud83d\ude00 \n\t\"\\\/\b\f\r""#,
        r#""äöü 🙂""#,
        r#""[{,:}]""#,
        r#""\u0000""#,
        r#""a\\""#,
        r#""\uFFFF\u00E9""#,
        r#""==""#,
    ];
    TEXTS[usize::try_from(random.below(9)).unwrap()]
}

fn document(random: &mut Random, depth: u64) -> String {
    let space = ["", " ", "\n", "\t \r\n"][usize::try_from(random.below(4)).unwrap()];
    let kind = random.below(if depth > 5 { 5 } else { 8 });
    let value = match kind {
        0 => text(random).to_owned(),
        1 => ["0", "-0", "12", "-7", "1.5", "1e3", "-2.5E-3", "123456789012"]
            [usize::try_from(random.below(8)).unwrap()]
        .to_owned(),
        2 => "true".to_owned(),
        3 => "false".to_owned(),
        4 => "null".to_owned(),
        5 => {
            // A list of one kind: numbers and literals in lists are only counted.
            let items: Vec<String> = (0..random.below(4)).map(|_| document(random, depth + 1)).collect();
            format!("[{space}{}]", items.join(","))
        }
        _ => {
            let mut members = Vec::new();
            for (key, _) in WORDS {
                if random.below(2) == 0 {
                    members.push(format!("\"{key}\"{space}:{}", document(random, depth + 1)));
                }
                if random.below(4) == 0 {
                    members.push(format!("\"other {key}\":{}", document(random, depth + 1)));
                }
            }
            format!("{{{}{space}}}", members.join(","))
        }
    };
    format!("{space}{value}{space}")
}

#[test]
fn it_agrees_with_another_parser_at_any_cut() {
    let mut objects = 0;
    for seed in 0..2_000 {
        let text = document(&mut Random(seed), 0);
        let right: Other = serde_json::from_str(&text).unwrap();
        objects += u32::from(right.is_object());
        for size in [1, 2, 5, 1000] {
            let found = parsed(&text, size);
            assert!(found.is_done(), "seed {seed}: {text}");
            compare(found.root(), Word::Root, &right);
        }
    }
    assert!(objects > 300, "{objects}");
}

#[test]
fn what_is_no_json_is_not_done() {
    for text in [
        "",
        "{",
        "[",
        "[1",
        "{\"id\"",
        "{\"id\":",
        "{\"id\":1",
        "\"a",
        "tru",
        "nul",
        "{id:1}",
        "[1 2]",
        "{\"id\" 1}",
        "{,}",
        "[,]",
        "]",
        "}",
        "[}",
        "{]",
        "{\"id\":1,}x",
        "{\"id\":1]",
        ",",
        "truex",
        "\"\\u12g4\"",
    ] {
        for size in [1, 100] {
            assert!(!parsed(text, size).is_done(), "{text}");
        }
    }
}

#[test]
fn what_is_passed_over_may_be_deep_and_is_counted_out_right() {
    for depth in [1, 40, 47, 48, 49, 100_000] {
        let inner = format!("{}\"]}}\\\"\"{}", "[".repeat(depth), "]".repeat(depth));
        for key in ["id", "usage", "other"] {
            let text = format!("{{\"{key}\":{inner},\"index\":7}}");
            let document = parsed(&text, 64);
            assert!(document.is_done(), "{key} {depth}");
            assert_eq!(document.root().get(Word::Index).count(), Some(7), "{key} {depth}");
            assert!(document.memory() < 16 * 1024);
        }
    }
}

#[test]
fn long_lists_leave_room_for_what_follows() {
    let item = r#"{"id":"x","index":1,"content":[{"id":"y"},{"id":"z"}]}"#;
    let text = format!("{{\"data\":[{}],\"usage\":{{\"total_tokens\":9}}}}", vec![item; 5_000].join(","));
    let document = parsed(&text, 4096);
    assert_eq!(document.root().get(Word::Data).members(), Some(5_000));
    assert_eq!(document.root().get(Word::Data).items().count(), 256);
    assert_eq!(document.root().get(Word::Usage).get(Word::TotalTokens).count(), Some(9));
    let many = vec![r#"{"id":"x"}"#; 250].join(",");
    let nested = vec![format!("[{many}]"); 250].join(",");
    let document = parsed(&format!("{{\"choices\":[{nested}],\"usage\":{{\"total_tokens\":9}}}}"), 4096);
    assert_eq!(document.root().get(Word::Usage).get(Word::TotalTokens).count(), Some(9), "values ran out");
}

#[test]
fn content_kept_as_json_stays_json() {
    let long = "\\ud83d\\ude00é\\\\\\\"x".repeat(10_000);
    for shift in 0..12 {
        let text = format!("{{\"input\":{{\"a\":[\"{}{long}\",1]}}}}", "y".repeat(shift));
        for size in [1, 4096] {
            let document = parsed(&text, size);
            let kept = document.root().get(Word::Input).content().unwrap().into_owned();
            assert!(kept.len() < 70_000, "{}", kept.len());
            let value: Other = serde_json::from_str(&kept).unwrap();
            assert_eq!(value["a"][1], 1);
            assert!(value["a"][0].as_str().unwrap().len() > 10_000);
        }
    }
}

#[test]
fn content_that_was_cut_is_closed_behind_its_last_whole_member() {
    let input = r#"[{"role":"user","content":[{"type":"text","text":"a \"]}, b"},{"x":[1,[2,{}],{"y":null}]}]},{"role":"b","n":-1.5e3}]"#;
    let right: Other = serde_json::from_str(input).unwrap();
    let text = format!("{{\"input\":{input}}}");
    let mut lengths = Vec::new();
    for bytes in 1..=input.len() + 1 {
        let mut document = Document::new(Side::Response, bytes);
        document.push(text.as_bytes());
        let kept = document.root().get(Word::Input).content().unwrap().into_owned();
        let value: Other =
            serde_json::from_str(&kept).unwrap_or_else(|error| panic!("{bytes}: {kept}: {error}"));
        assert!(is_front(&value, &right), "{bytes}: {kept}");
        lengths.push(kept.len());
    }
    assert_eq!((lengths.first(), lengths.last()), (Some(&2), Some(&input.len())));
    assert!(lengths.iter().filter(|length| **length > input.len() / 2).count() > input.len() / 3);
}

/// `cut` says nothing that `whole` does not say in the same place.
fn is_front(cut: &Other, whole: &Other) -> bool {
    match (cut, whole) {
        (Other::Object(cut), Other::Object(whole)) => {
            cut.iter().all(|(key, value)| whole.get(key).is_some_and(|whole| is_front(value, whole)))
        }
        (Other::Array(cut), Other::Array(whole)) => {
            cut.len() <= whole.len() && cut.iter().zip(whole).all(|(cut, whole)| is_front(cut, whole))
        }
        _ => cut == whole,
    }
}
