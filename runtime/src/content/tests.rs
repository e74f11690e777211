//! What values become, whatever their code does: every text here is read back as JSON.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Debug, Display};
use std::sync::atomic::{AtomicUsize, Ordering};

use opentelemetry::Value as AttributeText;
use serde::ser::{Error as _, SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::*;

fn limits(value_bytes: usize) -> Limits {
    Limits { value_bytes, ..Limits::default() }
}

/// The text of `value`, by the rules of a program that has set nothing.
fn text(value: &dyn Capture) -> Box<str> {
    text_within(&Limits::default(), value)
}

fn text_within(limits: &Limits, value: &dyn Capture) -> Box<str> {
    let text = Rules { limits, redactor: &Redactor::new() }.value(value).unwrap();
    assert!(text.len() <= limits.content_bytes().max(16), "{} bytes", text.len());
    text
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

macro_rules! captured {
    ($value:expr) => {
        parsed(&text(&(&&&&Captured(&$value)).llmetry_capture()))
    };
}

macro_rules! within {
    ($value_bytes:expr, $value:expr) => {
        parsed(&text_within(&limits($value_bytes), &(&&&&Captured(&$value)).llmetry_capture()))
    };
}

macro_rules! succeeded {
    ($value:expr) => {
        (&&Success(&$value)).llmetry_success().map(|value| captured!(*value))
    };
}

macro_rules! field {
    ($value:expr) => {
        (&&&&&Captured(&$value)).llmetry_attribute().attribute_value(200)
    };
}

#[derive(Debug, Serialize)]
enum Shape {
    Unit,
    Newtype(i32),
    Tuple(u8, &'static str),
    Struct { a: Option<bool> },
}

#[derive(Serialize)]
struct Unit;

#[derive(Serialize)]
struct Wrapped(f64);

#[derive(Serialize)]
struct Many {
    shapes: Vec<Shape>,
    unit: Unit,
    wrapped: Wrapped,
    large: u128,
    small: i128,
    odd: [f32; 3],
    quoted: char,
    text: String,
}

#[test]
fn compact_json_as_serde_says() {
    let value = Many {
        shapes: vec![Shape::Unit, Shape::Newtype(-1), Shape::Tuple(2, "x"), Shape::Struct { a: Some(true) }],
        unit: Unit,
        wrapped: Wrapped(1e300),
        large: u128::MAX,
        small: i128::MIN,
        odd: [f32::NAN, f32::NEG_INFINITY, 0.1],
        quoted: '"',
        text: "a\\\n\t\u{1}\u{7f}ü".to_owned(),
    };
    let expected = concat!(
        r#"{"shapes":["Unit",{"Newtype":-1},{"Tuple":[2,"x"]},{"Struct":{"a":true}}],"unit":null,"wrapped":1e300,"#,
        r#""large":340282366920938463463374607431768211455,"small":-170141183460469231731687303715884105728,"#,
        r#""odd":["NaN","-inf",0.1],"quoted":"\"","text":"a\\\n\t\u0001"#,
        "\u{7f}ü\"}"
    );
    assert_eq!(&*text(&(&&&&Captured(&value)).llmetry_capture()), expected);
    parsed(expected);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
struct Point {
    x: u8,
}

#[test]
fn keys_of_any_type_become_texts() {
    let odd: HashMap<(u8, char), i32> = [((1, 'a'), 1)].into();
    assert_eq!(captured!(odd), json!({ "[1,\"a\"]": 1 }));
    assert_eq!(captured!(BTreeMap::from([(Point { x: 1 }, 2)])), json!({ "{\"x\":1}": 2 }));
    assert_eq!(captured!(BTreeMap::from([(true, 2), (false, 1)])), json!({ "false": 1, "true": 2 }));
    assert_eq!(captured!(BTreeMap::from([(None, 0), (Some("a\"b"), 1)])), json!({ "null": 0, "a\"b": 1 }));
    assert_eq!(captured!(BTreeMap::from([(-7_i64, 0)])), json!({ "-7": 0 }));
}

#[test]
fn bytes_are_counted() {
    struct Bytes(Vec<u8>);
    impl Serialize for Bytes {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(&self.0)
        }
    }
    assert_eq!(captured!(Bytes(vec![0; 1234])), json!("<1234 bytes>"));
}

/// Fails in ways that the world knows.
enum Bad {
    Errors,
    Panics,
    EndsEarly,
    Forgets,
    Recurses,
    Swallows,
}

impl Serialize for Bad {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Errors => Err(S::Error::custom("sk-canary-4711")),
            Self::Panics => panic!("on purpose"),
            Self::EndsEarly => {
                let mut items = serializer.serialize_seq(None)?;
                items.serialize_element(&1)?;
                Err(S::Error::custom("half-way"))
            }
            Self::Forgets => {
                let mut map = serializer.serialize_map(None)?;
                map.serialize_key("a")?;
                map.serialize_key("b")?;
                map.end()
            }
            Self::Recurses => serializer.serialize_newtype_struct("Bad", self),
            Self::Swallows => {
                let mut items = serializer.serialize_seq(None)?;
                for _ in 0..100_000 {
                    let _ = items.serialize_element("again and again");
                }
                items.end()
            }
        }
    }
}

fn is_mark(value: &Value, mark: &str) -> bool {
    value.as_str().is_some_and(|text| text.starts_with(mark))
}

#[test]
fn what_cannot_be_written_leaves_a_mark_and_its_siblings() {
    let value = captured!(vec![(1, Bad::Errors), (2, Bad::EndsEarly), (3, Bad::Forgets)]);
    assert!(
        is_mark(&value[0][1], "[cannot be written: ") && value[0][1].as_str().unwrap().ends_with("Bad]"),
        "{value}"
    );
    assert!(is_mark(&value[1][1], "[cannot be written: "), "{value}");
    assert_eq!(value[2], json!([3, { "a": null, "b": null }]));
    assert!(!value.to_string().contains("canary"));
}

#[cfg(unix)]
#[test]
fn a_path_that_is_not_utf8_leaves_a_mark() {
    use std::os::unix::ffi::OsStringExt;
    let path = std::path::PathBuf::from(std::ffi::OsString::from_vec(vec![b'/', 0xff]));
    let value = captured!(BTreeMap::from([("bad", path), ("good", "/etc".into())]));
    assert!(is_mark(&value["bad"], "[cannot be written: std::path::PathBuf"), "{value}");
    assert_eq!(value["good"], json!("/etc"));
}

#[test]
fn a_panic_stays_inside_its_argument() {
    let rules = Rules { limits: &Limits::default(), redactor: &Redactor::new() };
    let (bad, good) = ([Bad::Panics], 1);
    let text = rules
        .object(&[
            ("bad", &(&&&&Captured(&bad)).llmetry_capture()),
            ("good", &(&&&&Captured(&good)).llmetry_capture()),
        ])
        .unwrap();
    let value = parsed(&text);
    assert!(is_mark(&value["bad"], "[cannot be written: "), "{value}");
    assert_eq!(value["good"], json!(1));
}

#[test]
fn recursion_has_an_end() {
    struct Nested;
    impl Serialize for Nested {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq([Nested, Nested])
        }
    }
    struct Cycle;
    impl Debug for Cycle {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_list().entry(self).finish()
        }
    }

    assert_eq!(captured!(vec![Bad::Recurses, Bad::Forgets]), json!(["[too deep]", { "a": null, "b": null }]));

    let value = text(&(&&&&Captured(&Nested)).llmetry_capture());
    assert!(value.contains("[too deep]"));

    assert_eq!(captured!(Cycle), json!("[too deep]"));
}

/// Counts how many of its items were asked for.
struct Endless<'a>(&'a AtomicUsize);

impl Serialize for Endless<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((0..100_000_000_u32).inspect(|_| {
            self.0.fetch_add(1, Ordering::Relaxed);
        }))
    }
}

#[test]
fn the_walk_ends_where_there_is_no_room() {
    let asked = AtomicUsize::new(0);
    let value = captured!(vec![("first", Endless(&asked)), ("second", Endless(&asked))]);
    assert_eq!(value.as_array().unwrap().len(), 1);
    let items = value[0][1].as_array().unwrap();
    assert_eq!(items.last(), Some(&json!("[cut]")));
    // The last of them had no room any more.
    assert_eq!(asked.load(Ordering::Relaxed), items.len());
    let swallowed = captured!(Bad::Swallows);
    assert!(swallowed.as_array().is_some_and(|items| (1_000..10_000).contains(&items.len())), "{swallowed}");
}

#[test]
fn texts_are_cut_between_characters_and_say_how_long_they_were() {
    struct Debugged(&'static str);
    impl Debug for Debugged {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            for _ in 0..1_000_000 {
                f.write_str(self.0)?;
            }
            panic!("nobody stopped it");
        }
    }

    let long = "ä".repeat(50_000_000);
    let value = captured!([&long, "short"]);
    let cut = value[0].as_str().unwrap();
    assert_eq!(cut, format!("{}…[cut, 100000000 bytes]", "ä".repeat(16_384)));
    assert_eq!(value[1], json!("short"));
    assert_eq!(within!(31, "ü".repeat(20)), json!(format!("{}…[cut, 40 bytes]", "ü".repeat(15))));
    // Control characters are six times as long in JSON.
    assert_eq!(
        within!(100, "\u{1}".repeat(200)).as_str().unwrap().chars().filter(|c| *c == '\u{1}').count() / 10,
        5
    );
    assert_eq!(within!(30, Debugged("0123456789")), json!("012345678901234567890123456789…[cut]"));
}

#[test]
fn every_limit_gives_valid_json() {
    let value = BTreeMap::from([
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaa", vec![Some("bbb\n\"bbbbbb"), None]),
        ("cc\u{1}ccc", vec![Some("däääääääääääääääääääääää"); 20]),
        ("{}", vec![]),
    ]);
    let keyed: Vec<BTreeMap<(u8, &str), Shape>> = (0..9)
        .map(|n| {
            BTreeMap::from([
                ((n, "key \" key"), Shape::Tuple(n, "text")),
                ((n, "z"), Shape::Struct { a: None }),
            ])
        })
        .collect();
    for limit in 0..600 {
        within!(limit, value);
        within!(limit, keyed);
        within!(limit, (1.5, u128::MAX, 'x', [[[[()]]]]));
    }
}

struct Plain(u8);

struct Name(&'static str);

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        self.0
    }
}

#[derive(Debug)]
struct Shown;

fn visible<T: Debug, U>(debug: &T, nothing: &U) -> (Value, Value) {
    (captured!(*debug), captured!(*nothing))
}

fn all_of_them<T: Serialize + Debug + AsRef<str> + ?Sized>(value: &T) -> Value {
    captured!(*value)
}

fn anonymous(value: impl Display + Debug) -> Value {
    captured!(value)
}

#[test]
fn the_way_is_chosen_by_what_is_visible() {
    assert_eq!(captured!(Point { x: 1 }), json!({ "x": 1 }));
    assert_eq!(captured!(Shown), json!("Shown"));
    assert_eq!(captured!(Name("by name")), json!("by name"));
    assert!(captured!(Plain(1)).as_str().unwrap().ends_with("tests::Plain"));
    assert_eq!(Plain(1).0, 1);
    // With a value of both, and wrapped.
    assert_eq!(captured!(Shape::Unit), json!("Unit"));
    assert_eq!(captured!(Some(Shown)), json!("Some(Shown)"));
    assert_eq!(captured!(vec![Shown]), json!("[Shown]"));
    assert_eq!(captured!(Some(1)), json!(1));
    assert!(captured!(vec![Plain(1)]).as_str().unwrap().starts_with("alloc::vec::Vec<"));
    // Through references, and of types without a size.
    assert_eq!(captured!(&&&Point { x: 1 }), json!({ "x": 1 }));
    assert_eq!(captured!(*"text"), json!("text"));
    assert_eq!(captured!([1, 2][..]), json!([1, 2]));
    assert_eq!(captured!([Shown][..]), json!("[Shown]"));
    let dynamic: &dyn Debug = &Shown;
    assert_eq!(captured!(*dynamic), json!("Shown"));
    assert_eq!(captured!(dynamic), json!("Shown"));
    // In a generic function only the bounds count.
    let (debug, nothing) = visible(&"x", &"y");
    assert_eq!((debug, nothing), (json!("\"x\""), json!("&str")));
    assert_eq!(all_of_them("x"), json!("x"));
    assert_eq!(anonymous("x"), json!("\"x\""));
}

#[test]
fn of_a_result_the_ok_is_captured() {
    let results: [Result<u8, Shown>; 2] = [Ok(1), Err(Shown)];
    assert_eq!((succeeded!(results[0]), succeeded!(results[1])), (Some(json!(1)), None));
    assert_eq!(succeeded!(Some(1)), Some(json!(1)));
    assert_eq!(succeeded!(*"x"), Some(json!("x")));
}

#[derive(Clone, Debug, Serialize)]
struct Id(u64);

#[test]
fn fields_stay_what_an_attribute_can_hold() {
    assert_eq!(field!(7_u8), AttributeText::I64(7));
    assert_eq!(field!(7), AttributeText::I64(7));
    assert_eq!(field!(0.5), AttributeText::F64(0.5));
    assert_eq!(field!(None::<u8>), AttributeText::from("null"));
    assert_eq!(field!(&true), AttributeText::Bool(true));
    assert_eq!(field!("x".to_owned()), AttributeText::from("x"));
    assert_eq!(field!(*"x"), AttributeText::from("x"));
    assert_eq!(field!(vec![1.5]), AttributeText::Array(vec![1.5].into()));
    assert_eq!(field!(Id(7)), AttributeText::I64(7));
    assert_eq!(field!(Id(u64::MAX)), AttributeText::from("18446744073709551615"));
    assert_eq!(field!(Wrapped(0.5)), AttributeText::F64(0.5));
    assert_eq!(field!(Shape::Unit), AttributeText::from("Unit"));
    assert_eq!(field!(Point { x: 1 }), AttributeText::from("{\"x\":1}"));
    assert_eq!(field!(Shown), AttributeText::from("Shown"));
    assert_eq!(field!(Name("by name")), AttributeText::from("by name"));
    assert!(field!(Plain(1)).as_str().ends_with("tests::Plain"));
    // Its own choice: nothing is masked, but whatever its code does, the function goes on.
    assert_eq!(
        field!(BTreeMap::from([("token", "sk-1234567890abcdef")])).as_str(),
        "{\"token\":\"sk-1234567890abcdef\"}"
    );
    assert!(field!(Bad::Panics).as_str().starts_with("[cannot be written: "));
    assert!(parsed(&field!(vec!["x"; 1000]).as_str()).is_array());
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    name: &'static str,
    api_key: Option<&'static str>,
    nested: Nested,
    max_tokens: u32,
}

#[derive(Debug, Serialize)]
struct Nested {
    credentials: [u8; 3],
    headers: Vec<(&'static str, &'static str)>,
    auth: Auth,
}

#[derive(Debug, Serialize)]
enum Auth {
    Token(&'static str),
}

#[derive(Debug, Serialize)]
struct ApiKey(&'static str);

fn account() -> Account {
    Account {
        name: "ann",
        api_key: Some("canary"),
        nested: Nested {
            credentials: [77, 78, 79],
            headers: vec![("X-Api-Key", "canary"), ("Accept", "*/*")],
            auth: Auth::Token("canary"),
        },
        max_tokens: 5,
    }
}

#[test]
fn secrets_are_masked_by_their_keys_whatever_they_are() {
    assert_eq!(
        captured!(account()),
        json!({
            "name": "ann",
            "apiKey": "[redacted]",
            "nested": {
                "credentials": "[redacted]",
                "headers": [["X-Api-Key", "[redacted]"], ["Accept", "*/*"]],
                "auth": "[redacted]",
            },
            "maxTokens": 5,
        })
    );
    let map = HashMap::from([("db-password", Bad::Panics)]);
    assert_eq!(captured!(map), json!({ "db-password": "[redacted]" }));
    assert_eq!(captured!(Auth::Token("canary")), json!({ "Token": "[redacted]" }));
    assert_eq!(captured!([Some(ApiKey("canary"))]), json!(["[redacted]"]));
}

#[test]
fn secrets_are_masked_in_debug_texts() {
    let debug = |value: &dyn Debug| captured!(*value).as_str().unwrap().to_owned();
    let text = debug(&account());
    assert!(!text.contains("canary") && !text.contains("78"), "{text}");
    assert!(text.contains("name: \"ann\"") && text.contains("max_tokens: 5"), "{text}");
    assert!(!debug(&HashMap::from([("password", "canary")])).contains("canary"));
    assert!(!debug(&[Some(ApiKey("canary"))]).contains("canary"));
    assert!(!debug(&Auth::Token("canary")).contains("canary"));
    assert!(!debug(&"{\"password\":\"canary\"}").contains("canary"));
}

#[test]
fn an_argument_is_masked_by_its_name_and_not_even_read() {
    let rules = Rules { limits: &Limits::default(), redactor: &Redactor::new().key("patient_id") };
    let bad = Bad::Panics;
    let bad: &dyn Capture = &(&&&&Captured(&bad)).llmetry_capture();
    let text = rules.object(&[("api_key", bad), ("patientId", bad)]).unwrap();
    assert_eq!(&*text, r#"{"api_key":"[redacted]","patientId":"[redacted]"}"#);
}

#[test]
fn no_half_of_a_token_is_left_by_a_cut() {
    let secret = "sk-canary4711canary4711canary4711";
    for offset in 0..80 {
        let text = format!("{} {secret} {}", "x".repeat(offset), "y".repeat(200_000));
        let value = within!(50, text);
        assert!(!value.to_string().contains("canary"), "{offset}: {value}");
    }
    // Masks make a text shorter: what stood behind the cut does not move into sight.
    let text = format!("{}{}", format!("{secret} ").repeat(130), secret.repeat(3_000));
    for value_bytes in [20, 50, 100, 1_000, 3_000] {
        let value = within!(value_bytes, text);
        assert!(!value.to_string().contains("canary"), "{value}");
    }
}

#[test]
fn rules_of_the_users_come_after_ours_and_one_another() {
    let redactor = Redactor::new()
        .rule(|text| text.contains("PAT-").then(|| text.replace("PAT-", "P-")))
        .rule(|text| text.strip_prefix("P-").map(str::to_owned));
    let rules = Rules { limits: &Limits::default(), redactor: &redactor };
    let value = (&&&&Captured(&["PAT-1 sk-1234567890abcdef", "other"])).llmetry_capture();
    assert_eq!(&*rules.value(&value).unwrap(), r#"["1 [redacted]","other"]"#);
    assert_eq!(rules.message(&"PAT-2").unwrap().as_deref(), Some("2"));
}

#[test]
fn a_rule_that_panics_leaves_nothing() {
    let redactor = Redactor::new().rule(|text| if text == "bad" { panic!("on purpose") } else { None });
    let rules = Rules { limits: &Limits::default(), redactor: &redactor };
    let value = ["fine", "bad", "fine"];
    let value: &dyn Capture = &(&&&&Captured(&value)).llmetry_capture();
    assert_eq!(rules.value(value), Err(RulePanicked));
    assert_eq!(rules.object(&[("a", value)]), Err(RulePanicked));
    assert_eq!(
        rules.value(&(&&&&Captured(&BTreeMap::from([("bad", 1)]))).llmetry_capture()),
        Err(RulePanicked)
    );
    assert_eq!(rules.message(&"bad"), Err(RulePanicked));
}

#[test]
fn messages_are_plain_and_those_that_fail_are_left_out() {
    struct Fails;
    impl Display for Fails {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            Err(fmt::Error)
        }
    }
    let rules = Rules { limits: &limits(20), redactor: &Redactor::new() };
    assert_eq!(rules.message(&"said \"no\"\n").unwrap().as_deref(), Some("said \"no\"\n"));
    assert_eq!(rules.message(&Fails).unwrap(), None);
    assert_eq!(
        rules.message(&"x".repeat(30)).unwrap().unwrap(),
        format!("{}…[cut, 30 bytes]", "x".repeat(20))
    );
}
