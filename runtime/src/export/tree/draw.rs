//! One tree as text, made for 100 columns.
//!
//! In: the spans of a trace, reduced to nodes. Out: a heading, a line a span (kind, name, a bar that shows when in the trace it ran,
//! duration, tokens), a line below for an error. Does not: decide when a trace is printed.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanId, SpanKind, Status, TraceId};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

use crate::semconv::keys;

/// How everything is drawn.
pub(super) struct Style {
    pub(super) colour: bool,
    pub(super) service: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Completeness {
    Complete,
    /// Follows a trace that was printed.
    Late,
    /// Its root did not arrive before shutdown.
    Incomplete,
    /// Printed without its root, to make room; so many traces were, this one included.
    MadeRoom(u64),
}

/// What is shown of a span.
pub(super) struct Node {
    pub(super) id: SpanId,
    pub(super) parent: SpanId,
    pub(super) remote_parent: bool,
    start: SystemTime,
    end: SystemTime,
    kind: &'static str,
    name: String,
    tokens: Option<String>,
    /// `error.type` and message.
    error: Option<String>,
    /// `cancelled` or `incomplete`.
    outcome: Option<String>,
}

/// Columns of a line: tree with kind and name, bar, duration; then marks.
const NAME_WIDTH: usize = 44;
const BAR_WIDTH: usize = 24;
const DURATION_WIDTH: usize = 8;
const LINE_WIDTH: usize = 100;
/// Deeper levels are hinted at: their lines would leave no room for names.
const MAX_LEVELS: usize = 8;
/// Of a name or an error; they come from anywhere.
const MAX_TEXT_CHARS: usize = 400;

impl Node {
    pub(super) fn new(span: &SpanData) -> Self {
        let attributes = &span.attributes;
        let operation = text(attributes, keys::GEN_AI_OPERATION_NAME).unwrap_or_default();
        let model = text(attributes, keys::GEN_AI_RESPONSE_MODEL)
            .or_else(|| text(attributes, keys::GEN_AI_REQUEST_MODEL));
        let entity = text(attributes, keys::TRACELOOP_SPAN_KIND);
        // `execute_tool get_weather`, or `get_weather.tool`, is shown as tool and `get_weather`.
        let name = match &*operation {
            "invoke_workflow" | "invoke_agent" | "execute_tool" => span
                .name
                .strip_prefix(&*operation)
                .and_then(|rest| rest.strip_prefix(' '))
                .unwrap_or(&span.name),
            _ => &span.name,
        };
        let name = entity
            .as_deref()
            .and_then(|kind| name.strip_suffix(kind))
            .and_then(|rest| rest.strip_suffix('.'))
            .unwrap_or(name);
        let mut name = printable(name);
        if let Some(model) = model.map(|model| printable(&model)).filter(|model| !name.contains(model)) {
            // The kind says already that it is, for instance, an embedding.
            if name == operation { name = model } else { name = format!("{name} ({model})") }
        }
        Self {
            id: span.span_context.span_id(),
            parent: span.parent_span_id,
            remote_parent: span.parent_span_is_remote && span.parent_span_id != SpanId::INVALID,
            start: span.start_time,
            end: span.end_time.max(span.start_time),
            kind: match entity.as_deref() {
                Some("task") => "task",
                _ => kind(
                    &operation,
                    text(attributes, keys::OPENINFERENCE_SPAN_KIND).as_deref(),
                    &span.span_kind,
                ),
            },
            name,
            tokens: tokens(attributes),
            error: error(span),
            outcome: text(attributes, keys::LLMETRY_OUTCOME).map(|outcome| printable(&outcome)),
        }
    }

    fn duration(&self) -> Duration {
        self.end.duration_since(self.start).unwrap_or_default()
    }
}

/// Appends the tree of `nodes` and an empty line.
pub(super) fn draw(
    out: &mut String,
    style: &Style,
    trace_id: TraceId,
    completeness: Completeness,
    nodes: &[Node],
) {
    let (Some(begin), Some(end)) =
        (nodes.iter().map(|node| node.start).min(), nodes.iter().map(|node| node.end).max())
    else {
        return;
    };
    let window = Window { begin, length: end.duration_since(begin).unwrap_or_default() };
    heading(out, style, trace_id, completeness, nodes, window.length);

    let mut by_start: Vec<&Node> = nodes.iter().collect();
    by_start.sort_by_key(|node| node.start);
    let known: HashMap<SpanId, &Node> = nodes.iter().map(|node| (node.id, node)).collect();
    let mut children: HashMap<SpanId, Vec<&Node>> = HashMap::new();
    let mut tops: Vec<&Node> = Vec::new();
    for node in by_start {
        // A span that names itself, or one of two with the same id, would hang below nothing.
        if known.contains_key(&node.parent) && node.parent != node.id {
            children.entry(node.parent).or_default().push(node);
        } else {
            tops.push(node);
        }
    }
    // A stack, not recursion: traces may be deep. Reversed, so that the first child is taken first.
    let mut open: Vec<(&Node, usize, bool)> = tops.into_iter().rev().map(|node| (node, 0, true)).collect();
    // For each level above the current line, whether its span was the last child.
    let mut last_at: Vec<bool> = Vec::new();
    while let Some((node, level, is_last)) = open.pop() {
        last_at.truncate(level);
        last_at.push(is_last);
        // Taken, not looked up: ids that go in circles would never end.
        let inside = children.remove(&node.id).unwrap_or_default();
        let parent_missing = completeness == Completeness::Complete
            && level == 0
            && node.parent != SpanId::INVALID
            && !node.remote_parent;
        line(out, style, node, &last_at, window, parent_missing);
        if let Some(error) = &node.error {
            error_line(out, style, error, &last_at, !inside.is_empty());
        }
        let below = inside.into_iter().rev().enumerate();
        open.extend(below.map(|(from_end, child)| (child, level + 1, from_end == 0)));
    }
    out.push('\n');
}

/// The time that the bars stand for.
#[derive(Clone, Copy)]
struct Window {
    begin: SystemTime,
    length: Duration,
}

fn heading(
    out: &mut String,
    style: &Style,
    trace_id: TraceId,
    completeness: Completeness,
    nodes: &[Node],
    length: Duration,
) {
    let what = if completeness == Completeness::Late { "late in trace " } else { "trace " };
    let _ = write!(out, "{}", style.paint(BOLD, &format!("{what}{trace_id}")));
    if !style.service.is_empty() {
        let _ = write!(out, " · {}", cut(&printable(&style.service), 30));
    }
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let _ = write!(out, " · {} span{} · {}", nodes.len(), plural(nodes.len()), human(length));
    let errors = nodes.iter().filter(|node| node.error.is_some()).count();
    if errors > 0 {
        let _ = write!(out, " · {}", style.paint(RED, &format!("{errors} error{}", plural(errors))));
    }
    let incomplete = match completeness {
        Completeness::Complete | Completeness::Late => None,
        Completeness::Incomplete => Some("incomplete".to_owned()),
        Completeness::MadeRoom(count) => Some(format!("incomplete, to make room (no. {count})")),
    };
    if let Some(incomplete) = incomplete {
        let _ = write!(out, " · {}", style.paint(YELLOW, &incomplete));
    }
    out.push('\n');
}

fn line(
    out: &mut String,
    style: &Style,
    node: &Node,
    last_at: &[bool],
    window: Window,
    parent_missing: bool,
) {
    let branches = branches(last_at);
    let kind = if node.kind.is_empty() { String::new() } else { format!("{} ", node.kind) };
    let room = NAME_WIDTH.saturating_sub(width(&branches) + width(&kind)).max(8);
    let name = cut(&node.name, room);
    let used = width(&branches) + width(&kind) + width(&name);
    let colour = if node.error.is_some() { RED } else { colour_of(node.kind) };

    out.push_str(&style.paint(DIM, &branches));
    out.push_str(&style.paint(colour, &kind));
    out.push_str(&if last_at.len() == 1 { style.paint(BOLD, &name) } else { name });
    out.extend(std::iter::repeat_n(' ', NAME_WIDTH.saturating_sub(used) + 1));
    out.push_str(&style.paint(colour, &bar(node, window)));
    let _ = write!(out, " {:>DURATION_WIDTH$}", human(node.duration()));
    if let Some(tokens) = &node.tokens {
        let _ = write!(out, "  {}", style.paint(DIM, tokens));
    }
    if let Some(outcome) = &node.outcome {
        let _ = write!(out, "  {}", style.paint(YELLOW, &cut(outcome, 18)));
    }
    if parent_missing {
        let _ = write!(out, "  {}", style.paint(YELLOW, "parent not seen"));
    }
    out.push('\n');
}

fn error_line(out: &mut String, style: &Style, error: &str, last_at: &[bool], has_children: bool) {
    let mut below = continued(last_at);
    below.push_str(if has_children { "│  " } else { "   " });
    let text = cut(&format!("✗ {error}"), LINE_WIDTH.saturating_sub(width(&below)));
    out.push_str(&style.paint(DIM, &below));
    out.push_str(&style.paint(RED, &text));
    out.push('\n');
}

/// `│  ├─ ` in front of a span.
fn branches(last_at: &[bool]) -> String {
    let Some((is_last, above)) = last_at.split_last().filter(|_| last_at.len() > 1) else {
        return String::new();
    };
    let mut branches = continued(above);
    branches.push_str(if *is_last { "└─ " } else { "├─ " });
    branches
}

/// `│  │  ` in front of whatever else belongs to a span.
fn continued(last_at: &[bool]) -> String {
    // The roots of a trace are not connected.
    let levels = last_at.get(1..).unwrap_or_default();
    let hidden = levels.len().saturating_sub(MAX_LEVELS);
    let mut text = if hidden > 0 { format!("⋯{hidden} ") } else { String::new() };
    for is_last in &levels[hidden..] {
        text.push_str(if *is_last { "   " } else { "│  " });
    }
    text
}

/// When in the trace the span ran, to an eighth of a column.
fn bar(node: &Node, window: Window) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let total = window.length.as_nanos().max(1);
    let columns = BAR_WIDTH as u128;
    let before = node.start.duration_since(window.begin).unwrap_or_default().as_nanos();
    let start = usize::try_from(before * columns / total).unwrap_or(BAR_WIDTH).min(BAR_WIDTH - 1);
    // The start snaps to a column: only the right end of a block can be cut.
    let eighths = usize::try_from(node.duration().as_nanos() * columns * 8 / total).unwrap_or(BAR_WIDTH * 8);
    let eighths = eighths.clamp(1, (BAR_WIDTH - start) * 8);
    let mut bar = " ".repeat(start);
    bar.extend(std::iter::repeat_n('█', eighths / 8));
    if eighths % 8 > 0 {
        bar.push(EIGHTHS[eighths % 8]);
    }
    bar.extend(std::iter::repeat_n(' ', BAR_WIDTH - start - eighths.div_ceil(8)));
    bar
}

/// The word in front of the name.
fn kind(operation: &str, openinference: Option<&str>, span_kind: &SpanKind) -> &'static str {
    match operation {
        "invoke_workflow" => return "workflow",
        "invoke_agent" | "create_agent" => return "agent",
        "execute_tool" => return "tool",
        "chat" | "text_completion" | "generate_content" => return "llm",
        "embeddings" => return "embedding",
        "retrieval" => return "retriever",
        _ => {}
    }
    match (openinference, span_kind) {
        (Some("CHAIN"), _) => "task",
        (Some("AGENT"), _) => "agent",
        (Some("TOOL"), _) => "tool",
        (Some("LLM"), _) => "llm",
        (Some("EMBEDDING"), _) => "embedding",
        (Some("RETRIEVER"), _) => "retriever",
        (Some("RERANKER"), _) => "reranker",
        (Some("GUARDRAIL"), _) => "guardrail",
        (Some("EVALUATOR"), _) => "evaluator",
        (Some("PROMPT"), _) => "prompt",
        (_, SpanKind::Client) => "client",
        (_, SpanKind::Server) => "server",
        (_, SpanKind::Producer) => "producer",
        (_, SpanKind::Consumer) => "consumer",
        (_, SpanKind::Internal) => "",
    }
}

fn colour_of(kind: &str) -> &'static str {
    match kind {
        "workflow" => MAGENTA,
        "agent" => CYAN,
        "tool" => YELLOW,
        "llm" | "embedding" | "retriever" | "reranker" => GREEN,
        _ => BLUE,
    }
}

fn tokens(attributes: &[KeyValue]) -> Option<String> {
    let count = |key| match value(attributes, key) {
        Some(Value::I64(count)) => Some(count.to_string()),
        _ => None,
    };
    let (input, output) = (count(keys::GEN_AI_USAGE_INPUT_TOKENS), count(keys::GEN_AI_USAGE_OUTPUT_TOKENS));
    match (input, output) {
        (Some(input), Some(output)) => Some(format!("{input}→{output} tok")),
        // Vectors cost no tokens of their own.
        (Some(input), None) => Some(format!("{input} tok")),
        (None, Some(output)) => Some(format!("?→{output} tok")),
        (None, None) => None,
    }
}

fn error(span: &SpanData) -> Option<String> {
    let Status::Error { description } = &span.status else { return None };
    let error_type = text(&span.attributes, keys::ERROR_TYPE).unwrap_or_default();
    Some(match (&*error_type, &**description) {
        ("", "") => "error".to_owned(),
        (one, "") | ("", one) => printable(one),
        (error_type, message) if error_type == message => printable(message),
        (error_type, message) => printable(&format!("{error_type}: {message}")),
    })
}

fn value<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|attribute| attribute.key.as_str() == key).map(|attribute| &attribute.value)
}

fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    value(attributes, key).map(|value| value.as_str().into_owned()).filter(|text| !text.is_empty())
}

/// Three digits and a unit.
fn human(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    let scaled = |value: f64, unit: &str| {
        let decimals = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
        format!("{value:.decimals$} {unit}")
    };
    match duration.as_nanos() {
        nanos @ 0..1_000 => format!("{nanos} ns"),
        1_000..1_000_000 => scaled(seconds * 1e6, "µs"),
        1_000_000..1_000_000_000 => scaled(seconds * 1e3, "ms"),
        1_000_000_000..60_000_000_000 => scaled(seconds, "s"),
        _ => match duration.as_secs() {
            seconds @ 0..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
            seconds => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
        },
    }
}

/// `text` without anything that moves a cursor, changes colours or turns the direction of writing, and not too long.
fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len().min(MAX_TEXT_CHARS));
    for c in text.chars().take(MAX_TEXT_CHARS) {
        let is_harmful = c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if is_harmful { printable.extend(c.escape_default()) } else { printable.push(c) }
    }
    printable
}

/// `text` in at most `room` columns, with `…` where it was cut.
fn cut(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut used = 1; // the dots
    let mut cut: String = text
        .chars()
        .take_while(|c| {
            used += columns(*c);
            used <= room
        })
        .collect();
    cut.push('…');
    cut
}

fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// Columns of a character on a terminal: good enough for the scripts that names are written in, without a table of all of Unicode.
fn columns(c: char) -> usize {
    match u32::from(c) {
        0x300..=0x36f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

impl Style {
    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour && !text.trim().is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

const BOLD: &str = "1";
const DIM: &str = "2";
const RED: &str = "31";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const BLUE: &str = "34";
const MAGENTA: &str = "35";
const CYAN: &str = "36";
