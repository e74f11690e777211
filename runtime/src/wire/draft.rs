//! Facts as they grow: what the readers of formats write into, document by document.
//!
//! In: words, counts and pieces of content. Out: [`Facts`]. Everything in here is bounded.

use super::facts::{Choice, Content, Facts, ToolCall, Usage, WireError};
use super::format::Parts;
use super::json::Value;

/// Answers of one call.
const MAX_CHOICES: usize = 128;
/// Tools of one answer; there are APIs that allow 128.
const MAX_TOOLS: usize = 512;

/// Where in a stream a tool's call is put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    choice: u32,
    index: u64,
}

#[derive(Debug)]
struct Tool {
    place: Place,
    is_server: bool,
    call: ToolCall,
}

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) facts: Facts,
    tools: Vec<Tool>,
    /// Counts of a provider that says them bit by bit.
    pub(super) parts: Parts,
    /// Bytes of content that may still be kept.
    room: usize,
    /// The stream's own end mark came.
    pub(super) is_complete: bool,
    /// Something of the answer itself came: not only an id, a role, a ping.
    pub(super) has_content: bool,
}

impl Draft {
    pub(super) fn new(content: Content) -> Self {
        Self {
            facts: Facts::default(),
            tools: Vec::new(),
            parts: Parts::default(),
            room: content.bytes(),
            is_complete: false,
            has_content: false,
        }
    }

    /// The first id and model that are there: later documents of a stream repeat them.
    pub(super) fn id(&mut self, value: Value<'_>) {
        if self.facts.id.is_none() {
            self.facts.id = value.string();
        }
    }

    pub(super) fn model(&mut self, value: Value<'_>) {
        if self.facts.model.is_none() {
            self.facts.model = value.string();
        }
    }

    pub(super) fn choice(&mut self, index: u64) -> &mut Choice {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let choices = &mut self.facts.choices;
        let at = match choices.binary_search_by_key(&index, |choice| choice.index) {
            Ok(at) => at,
            Err(_) if choices.len() >= MAX_CHOICES => MAX_CHOICES - 1,
            Err(at) => {
                choices.insert(at, Choice { index, ..Choice::default() });
                at
            }
        };
        &mut choices[at]
    }

    pub(super) fn finish_reason(&mut self, choice: u64, value: Value<'_>) {
        if let Some(reason) = value.string() {
            self.choice(choice).finish_reason = Some(reason);
        }
    }

    /// A piece of what the model says.
    pub(super) fn text(&mut self, choice: u64, value: Value<'_>) {
        self.content(choice, value, |choice| &mut choice.text);
    }

    pub(super) fn reasoning(&mut self, choice: u64, value: Value<'_>) {
        self.content(choice, value, |choice| &mut choice.reasoning);
    }

    pub(super) fn refusal(&mut self, choice: u64, value: Value<'_>) {
        self.content(choice, value, |choice| &mut choice.refusal);
    }

    fn content(&mut self, choice: u64, value: Value<'_>, field: fn(&mut Choice) -> &mut Option<String>) {
        if !value.has_text() {
            return;
        }
        self.has_content = true;
        let mut room = self.room;
        if let (Some(piece), 1..) = (value.text(), room) {
            append(field(self.choice(choice)), &piece, &mut room);
            self.room = room;
        }
    }

    /// Everything said so far is said again.
    pub(super) fn forget_output(&mut self) {
        self.tools.clear();
        for choice in &mut self.facts.choices {
            for content in [&mut choice.text, &mut choice.reasoning, &mut choice.refusal] {
                self.room += content.take().map_or(0, |content| content.len());
            }
        }
    }

    /// A tool's call at a place of the answer; what is known already stays.
    pub(super) fn tool(&mut self, choice: u64, index: u64, id: Value<'_>, name: Value<'_>, is_server: bool) {
        self.tool_named(choice, index, id, name.string(), is_server);
    }

    pub(super) fn tool_named(
        &mut self,
        choice: u64,
        index: u64,
        id: Value<'_>,
        name: Option<String>,
        is_server: bool,
    ) {
        self.has_content |= name.is_some();
        let choice = u32::try_from(choice).unwrap_or(u32::MAX);
        let Some(tool) = self.tool_at(Place { choice, index }) else { return };
        tool.is_server = is_server;
        tool.call.choice = choice;
        if tool.call.id.is_none() {
            tool.call.id = id.string();
        }
        if tool.call.name.is_none() {
            tool.call.name = name;
        }
    }

    fn tool_at(&mut self, place: Place) -> Option<&mut Tool> {
        let at = match self.tools.iter().rposition(|tool| tool.place == place) {
            Some(at) => at,
            None if self.tools.len() >= MAX_TOOLS => return None,
            None => {
                self.tools.push(Tool { place, is_server: false, call: ToolCall::default() });
                self.tools.len() - 1
            }
        };
        self.tools.get_mut(at)
    }

    /// The number of a tool's call that stands in no list with numbers.
    pub(super) fn next_tool(&self) -> u64 {
        self.tools.len() as u64
    }

    /// A piece of a tool's arguments. Pieces of tools that nobody opened are dropped.
    pub(super) fn arguments(&mut self, choice: u64, index: u64, value: Value<'_>) {
        let place = Place { choice: u32::try_from(choice).unwrap_or(u32::MAX), index };
        let mut room = self.room;
        let Some(piece) = value.content().filter(|_| room > 0) else { return };
        if let Some(tool) = self.tools.iter_mut().rfind(|tool| tool.place == place) {
            append(&mut tool.call.arguments, &piece, &mut room);
            self.room = room;
        }
    }

    /// The same, where the piece is the whole and came before in parts.
    pub(super) fn whole_arguments(&mut self, choice: u64, index: u64, value: Value<'_>) {
        let place = Place { choice: u32::try_from(choice).unwrap_or(u32::MAX), index };
        if let Some(tool) = self.tools.iter_mut().rfind(|tool| tool.place == place) {
            self.room += tool.call.arguments.take().map_or(0, |arguments| arguments.len());
        }
        self.arguments(choice, index, value);
    }

    pub(super) fn usage(&mut self, usage: Usage) {
        self.facts.usage = usage;
    }

    pub(super) fn error(&mut self, error: WireError) {
        if self.facts.error.is_none() {
            self.facts.error = Some(error);
        }
    }

    /// Bytes held, roughly.
    pub(super) fn memory(&self) -> usize {
        let choices = self.facts.choices.iter().map(|choice| {
            let texts = [&choice.finish_reason, &choice.text, &choice.reasoning, &choice.refusal];
            size_of::<Choice>() + texts.into_iter().flatten().map(String::capacity).sum::<usize>()
        });
        let tools = self.tools.iter().map(|tool| {
            let texts = [&tool.call.id, &tool.call.name, &tool.call.arguments];
            size_of::<Tool>() + texts.into_iter().flatten().map(String::capacity).sum::<usize>()
        });
        choices.sum::<usize>() + tools.sum::<usize>()
    }

    pub(super) fn finish(self) -> Facts {
        let mut facts = self.facts;
        let mut tools = self.tools;
        // In order of choices; within one, as they came.
        tools.sort_by_key(|tool| tool.place.choice);
        // Some say an empty call where there is none.
        tools.retain(|tool| tool.call.id.is_some() || tool.call.name.is_some());
        for tool in tools {
            let list = if tool.is_server { &mut facts.server_tool_calls } else { &mut facts.tool_calls };
            list.push(tool.call);
        }
        facts
    }
}

fn append(text: &mut Option<String>, piece: &str, room: &mut usize) {
    let mut end = piece.len().min(*room);
    while !piece.is_char_boundary(end) {
        end -= 1;
    }
    *room -= end;
    text.get_or_insert_default().push_str(&piece[..end]);
}
