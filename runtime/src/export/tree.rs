//! Traces as trees on stdout, for people: each one is printed when it is complete.
//!
//! In: batches. Out: a tree per trace once its local root (a span without parent, or whose parent is in another process) has arrived;
//! what comes later for a trace that was printed follows as late; what never completes is printed as incomplete when room is needed
//! or at shutdown. Does not: keep spans as such (a line's worth of each is enough), or grow without bound.

mod draw;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

use opentelemetry::Key;
use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use self::draw::{Completeness, Node, Style, draw};
use super::stdout::write_all;
use crate::sync::lock;

/// Bounds of what is remembered. A span's line takes a few hundred bytes.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// Spans of traces that are not complete.
    open_spans: usize,
    /// Traces that are not complete.
    open_traces: usize,
    /// Printed traces, so that late spans are known as such.
    printed_traces: usize,
    /// Spans of printed parts of traces that are rooted in other processes.
    printed_spans: usize,
}

const BOUNDS: Bounds =
    Bounds { open_spans: 16_384, open_traces: 1_024, printed_traces: 512, printed_spans: 65_536 };

/// Prints trees.
pub(crate) struct TreeExporter<W> {
    writer: Mutex<W>,
    forest: Mutex<Forest>,
    style: Style,
}

impl<W: Write> TreeExporter<W> {
    pub(crate) fn new(writer: W, colour: bool) -> Self {
        let style = Style { colour, service: String::new() };
        Self { writer: Mutex::new(writer), forest: Mutex::new(Forest::new(BOUNDS)), style }
    }
}

impl<W> fmt::Debug for TreeExporter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TreeExporter").finish_non_exhaustive()
    }
}

impl<W: Write + Send> SpanExporter for TreeExporter<W> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let trees = lock(&self.forest).add(&batch);
        self.print(&trees)
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        let trees = lock(&self.forest).take_all();
        self.print(&trees)
    }

    fn set_resource(&mut self, resource: &Resource) {
        let service = resource.get(&Key::from_static_str("service.name"));
        self.style.service = service.map(|name| name.to_string()).unwrap_or_default();
    }
}

impl<W: Write> TreeExporter<W> {
    fn print(&self, trees: &[Tree]) -> OTelSdkResult {
        if trees.is_empty() {
            return Ok(());
        }
        let mut text = String::new();
        for tree in trees {
            draw(&mut text, &self.style, tree.trace_id, tree.completeness, &tree.nodes);
        }
        write_all(&self.writer, text.as_bytes())
    }
}

/// Spans that are printed together.
struct Tree {
    trace_id: TraceId,
    completeness: Completeness,
    nodes: Vec<Node>,
}

/// All traces that are not complete, and a memory of those that were printed.
struct Forest {
    bounds: Bounds,
    open: HashMap<TraceId, OpenTrace>,
    open_spans: usize,
    /// Traces so far; tells the older one of two.
    traces: u64,
    /// Traces that were printed without their root because there were too many.
    made_room: u64,
    /// Oldest first.
    printed: VecDeque<Printed>,
    printed_spans: usize,
}

struct OpenTrace {
    number: u64,
    nodes: Vec<Node>,
}

struct Printed {
    trace_id: TraceId,
    /// The root of the whole trace was printed: whatever comes now is late.
    root: bool,
    /// Else, the spans that were printed: whatever hangs below one of them is late.
    spans: HashSet<SpanId>,
}

impl Forest {
    fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            open: HashMap::new(),
            open_spans: 0,
            traces: 0,
            made_room: 0,
            printed: VecDeque::new(),
            printed_spans: 0,
        }
    }

    /// Takes in a batch; gives back what can be printed now. Only at the batch's end, since a child may follow its parent in it.
    fn add(&mut self, batch: &[SpanData]) -> Vec<Tree> {
        let mut touched: Vec<TraceId> = Vec::new();
        for span in batch {
            let trace_id = span.span_context.trace_id();
            if !touched.contains(&trace_id) {
                touched.push(trace_id);
            }
            let trace = self.open.entry(trace_id).or_insert_with(|| {
                self.traces += 1;
                OpenTrace { number: self.traces, nodes: Vec::new() }
            });
            trace.nodes.push(Node::new(span));
            self.open_spans += 1;
        }
        let mut trees: Vec<Tree> =
            touched.into_iter().filter_map(|trace_id| self.completed(trace_id)).collect();
        while self.open.len() > self.bounds.open_traces || self.open_spans > self.bounds.open_spans {
            self.made_room += 1;
            let Some(tree) = self.oldest(Completeness::MadeRoom(self.made_room)) else { break };
            trees.push(tree);
        }
        trees
    }

    /// Everything that is left, oldest first.
    fn take_all(&mut self) -> Vec<Tree> {
        std::iter::from_fn(|| self.oldest(Completeness::Incomplete)).collect()
    }

    /// What can be printed of a trace, if anything.
    fn completed(&mut self, trace_id: TraceId) -> Option<Tree> {
        let nodes = &self.open.get(&trace_id)?.nodes;
        let printed = self.printed.iter().find(|printed| printed.trace_id == trace_id);
        let is_root = |node: &Node| node.parent == SpanId::INVALID;
        if nodes.iter().any(is_root) {
            return self.take(trace_id, Completeness::Complete, |_| true);
        }
        if printed.is_some_and(|printed| printed.root) {
            return self.take(trace_id, Completeness::Late, |_| true);
        }
        // The trace's root is in another process: each local root is complete with what hangs below it.
        let is_late = |node: &Node| printed.is_some_and(|printed| printed.spans.contains(&node.parent));
        let tops: Vec<SpanId> =
            nodes.iter().filter(|node| node.remote_parent || is_late(node)).map(|node| node.id).collect();
        if tops.is_empty() {
            return None;
        }
        let local_root = nodes.iter().any(|node| node.remote_parent);
        let completeness = if local_root { Completeness::Complete } else { Completeness::Late };
        let below = below(nodes, tops);
        self.take(trace_id, completeness, |node| below.contains(&node.id))
    }

    /// Gives up the trace that has waited longest.
    fn oldest(&mut self, completeness: Completeness) -> Option<Tree> {
        let (&trace_id, _) = self.open.iter().min_by_key(|(_, trace)| trace.number)?;
        self.take(trace_id, completeness, |_| true)
    }

    /// Takes the chosen spans out, and remembers that they were printed.
    fn take(
        &mut self,
        trace_id: TraceId,
        completeness: Completeness,
        chosen: impl Fn(&Node) -> bool,
    ) -> Option<Tree> {
        let trace = self.open.get_mut(&trace_id)?;
        let (nodes, rest): (Vec<Node>, Vec<Node>) =
            std::mem::take(&mut trace.nodes).into_iter().partition(chosen);
        self.open_spans -= nodes.len();
        if rest.is_empty() {
            self.open.remove(&trace_id);
        } else {
            trace.nodes = rest;
        }
        self.remember(trace_id, &nodes);
        Some(Tree { trace_id, completeness, nodes })
    }

    fn remember(&mut self, trace_id: TraceId, nodes: &[Node]) {
        let known = self.printed.iter().position(|printed| printed.trace_id == trace_id);
        let mut printed = known.and_then(|index| self.printed.remove(index)).unwrap_or_else(|| Printed {
            trace_id,
            root: false,
            spans: HashSet::new(),
        });
        self.printed_spans -= printed.spans.len();
        printed.root |= nodes.iter().any(|node| node.parent == SpanId::INVALID);
        if printed.root {
            printed.spans.clear();
        } else {
            printed.spans.extend(nodes.iter().map(|node| node.id));
        }
        self.printed_spans += printed.spans.len();
        self.printed.push_back(printed);
        while self.printed.len() > self.bounds.printed_traces
            || self.printed_spans > self.bounds.printed_spans
        {
            let Some(forgotten) = self.printed.pop_front() else { break };
            self.printed_spans -= forgotten.spans.len();
        }
    }
}

/// The spans `tops` and all spans below them.
fn below(nodes: &[Node], tops: Vec<SpanId>) -> HashSet<SpanId> {
    let mut children: HashMap<SpanId, Vec<SpanId>> = HashMap::new();
    for node in nodes {
        children.entry(node.parent).or_default().push(node.id);
    }
    let mut below = HashSet::new();
    let mut next = tops;
    while let Some(id) = next.pop() {
        if below.insert(id) {
            next.extend(children.get(&id).into_iter().flatten());
        }
    }
    below
}
