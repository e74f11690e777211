//! A span of ours, and the site that it is of.
//!
//! In: a [`SpanRecord`], or a [`Site`]. Out: bytes, the first seven words of a span always the same ones; and back. Does not: know where a
//! site's number leads.

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::StringValue;

use super::Intern;
use super::WORD;
use super::values::{In, Out};
use crate::record::{
    Ending, EntityPath, ErrorInfo, Event, Extra, Inherited, Kind, Site, SpanRecord, attribute_bytes,
};

/// Bytes of a span to which nothing was added.
pub(in super::super) const PLAIN: usize = 7 * WORD;

// The first word: the site's number, what follows, how it ended, and where its parent is.
pub(super) const SHAPE: u64 = 0xff << 32;
const PLAIN_OWN: u64 = 1 << 32;
const FULL_OWN: u64 = 2 << 32;
pub(super) const FOREIGN: u64 = 3 << 32;
const ENDING: u32 = 40;
const REMOTE: u64 = 1 << 48;
/// The site stands in the frame: the table has no room for it.
const INLINE: u64 = 1 << 49;

/// A span of ours to which nothing was added and whose site stands in the table.
#[inline]
pub(in super::super) fn plain(record: &SpanRecord) -> [u8; PLAIN] {
    own_words(record, PLAIN_OWN)
}

#[inline]
fn own_words(record: &SpanRecord, shape: u64) -> [u8; PLAIN] {
    let first = u64::from(record.site.number())
        | shape
        | ending_code(record.ending) << ENDING
        | if record.parent_is_remote { REMOTE } else { 0 };
    let words = [
        first,
        record.trace_id.0,
        record.trace_id.1,
        record.span_id,
        record.parent_id,
        record.start,
        record.end,
    ];
    let mut bytes = [0; PLAIN];
    for (place, word) in bytes.chunks_exact_mut(WORD).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    bytes
}

const fn ending_code(ending: Ending) -> u64 {
    match ending {
        Ending::Returned => 0,
        Ending::Panicked => 1,
        Ending::Cancelled => 2,
        Ending::Incomplete { failed: false } => 3,
        Ending::Incomplete { failed: true } => 4,
    }
}

const fn ending_of(code: u64) -> Option<Ending> {
    Some(match code {
        0 => Ending::Returned,
        1 => Ending::Panicked,
        2 => Ending::Cancelled,
        3 => Ending::Incomplete { failed: false },
        4 => Ending::Incomplete { failed: true },
        _ => return None,
    })
}

/// Any span of ours. `inline`: with all that is known of its site.
pub(super) fn write(out: &mut Out, record: &SpanRecord, inline: bool) {
    out.0.extend(own_words(record, if inline { FULL_OWN | INLINE } else { FULL_OWN }));
    if inline {
        out.site(record.site);
    }
    out.option(record.inherited.as_deref(), Out::inherited);
    out.option(record.extra.as_deref(), Out::extra);
}

/// The span whose first word is `first`; `site` knows the table.
pub(super) fn read(
    first: u64,
    input: &mut In<'_>,
    site: &dyn Fn(u32) -> Option<&'static Site>,
    sites: &mut dyn Intern,
) -> Option<SpanRecord> {
    let trace_id = (input.u64()?, input.u64()?);
    let (span_id, parent_id) = (input.u64()?, input.u64()?);
    let (start, end) = (input.u64()?, input.u64()?);
    let site = if first & INLINE == 0 {
        site(u32::try_from(first & 0xffff_ffff).ok()?)?
    } else {
        sites.intern(input.site()?)?
    };
    let (inherited, extra) = match first & SHAPE {
        PLAIN_OWN => (None, None),
        FULL_OWN => (input.option(In::inherited)?, input.option(In::extra)?),
        _ => return None,
    };
    Some(SpanRecord {
        site,
        trace_id,
        span_id,
        parent_id,
        start,
        end,
        parent_is_remote: first & REMOTE != 0,
        ending: ending_of(first >> ENDING & 0xff)?,
        inherited: inherited.map(Arc::new),
        extra: extra.map(Box::new),
    })
}

/// What a file says of a site.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) struct SiteFacts {
    pub(in super::super) kind: u8,
    pub(in super::super) name: String,
    pub(in super::super) version: Option<u64>,
    pub(in super::super) err_is_error: bool,
    pub(in super::super) file: String,
    pub(in super::super) line: u32,
}

const KINDS: [Kind; 5] = [Kind::Workflow, Kind::Task, Kind::Agent, Kind::Tool, Kind::Call];

impl SiteFacts {
    pub(in super::super) fn kind(&self) -> Option<Kind> {
        KINDS.get(usize::from(self.kind)).copied()
    }
}

/// An entry of the table of sites.
pub(in super::super) fn site_entry(site: &'static Site) -> Vec<u8> {
    let mut out = Out(Vec::with_capacity(128));
    out.u32(site.number());
    out.site(site);
    out.into_words()
}

/// The site's number and what is said of it.
pub(in super::super) fn decode_site_entry(bytes: &[u8]) -> Option<(u32, SiteFacts)> {
    let mut input = In(bytes);
    Some((input.u32()?, input.site()?))
}

impl Out {
    fn site(&mut self, site: &Site) {
        self.u8(KINDS
            .iter()
            .position(|kind| *kind == site.kind)
            .and_then(|kind| u8::try_from(kind).ok())
            .unwrap_or(0));
        self.u8(u8::from(site.err_is_error));
        self.option(site.version, Self::u64);
        self.u32(site.line);
        self.text(site.name);
        self.text(site.file);
    }

    fn inherited(&mut self, inherited: &Inherited) {
        for text in
            [&inherited.conversation_id, &inherited.user_id, &inherited.agent_name, &inherited.workflow_name]
        {
            self.option(text.as_ref(), |out, text| out.text(text.as_str()));
        }
        self.option(inherited.path.as_ref(), |out, path| {
            out.length(path.around);
            out.text(&path.text);
        });
        self.list(&inherited.properties, |out, (key, value)| {
            out.text(key.as_str());
            out.value(value);
        });
    }

    fn extra(&mut self, extra: &Extra) {
        self.attributes(&extra.attributes);
        self.u32(extra.dropped_attributes);
        self.list(&extra.events, |out, event| {
            out.text(&event.name);
            out.time(event.time);
            out.attributes(&event.attributes);
        });
        self.u32(extra.dropped_events);
        self.list(&extra.links, |out, (context, attributes)| {
            out.context(context);
            out.attributes(attributes);
        });
        self.u32(extra.dropped_links);
        self.option(extra.error.as_ref(), |out, error| {
            out.text(&error.type_name);
            out.option(error.message.as_deref(), Self::text);
            out.u64(error.fingerprint);
            out.u8(u8::from(error.with_event));
        });
        self.option(extra.input.as_deref(), Self::text);
        self.option(extra.output.as_deref(), Self::text);
        self.option(extra.status.as_ref(), Self::status);
        self.option(extra.name.as_deref(), Self::text);
        self.text(&extra.trace_state.header());
    }
}

impl In<'_> {
    fn site(&mut self) -> Option<SiteFacts> {
        let kind = self.u8()?;
        let err_is_error = self.bool()?;
        let version = self.option(Self::u64)?;
        let line = self.u32()?;
        Some(SiteFacts { kind, name: self.text()?, version, err_is_error, file: self.text()?, line })
    }

    fn inherited(&mut self) -> Option<Inherited> {
        let mut word = || self.option(|input| input.text().map(StringValue::from));
        let (conversation_id, user_id, agent_name, workflow_name) = (word()?, word()?, word()?, word()?);
        let path = self.option(|input| {
            let around = input.u32()? as usize;
            let text = input.str()?;
            // Whoever takes the path cuts it there.
            text.is_char_boundary(around).then(|| EntityPath { text: text.into(), around })
        })?;
        let properties = self.list(|input| Some((input.text()?.into(), input.value()?)))?;
        Some(Inherited {
            conversation_id,
            user_id,
            agent_name,
            workflow_name,
            path,
            properties,
            content: None,
        })
    }

    fn extra(&mut self) -> Option<Extra> {
        let before = self.0.len();
        let attributes = self.attributes()?;
        let dropped_attributes = self.u32()?;
        let events = self.list(|input| {
            Some(Event {
                name: Cow::Owned(input.text()?),
                time: input.time()?,
                attributes: input.attributes()?,
            })
        })?;
        let dropped_events = self.u32()?;
        let links = self.list(|input| Some((input.context()?, input.attributes()?)))?;
        let dropped_links = self.u32()?;
        let error = self.option(|input| {
            Some(ErrorInfo {
                type_name: Cow::Owned(input.text()?),
                message: input.option(Self::text)?,
                fingerprint: input.u64()?,
                with_event: input.bool()?,
            })
        })?;
        let input = self.option(Self::text)?.map(String::into_boxed_str);
        let output = self.option(Self::text)?.map(String::into_boxed_str);
        let status = self.option(Self::status)?;
        let name = self.option(Self::text)?.map(Cow::Owned);
        let trace_state = self.trace_state()?;
        let heap_bytes = attributes.iter().map(attribute_bytes).sum::<usize>() + (before - self.0.len());
        Some(Extra {
            attributes,
            dropped_attributes,
            events,
            dropped_events,
            links,
            dropped_links,
            error,
            input,
            output,
            status,
            name,
            trace_state,
            heap_bytes,
        })
    }
}
