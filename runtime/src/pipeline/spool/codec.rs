//! A span as bytes, and back.
//!
//! In: a [`Record`]. Out: whole words of bytes, for a frame; and from bytes that may have come from anywhere the record, or nothing. Does
//! not: believe a length, or allocate more than the bytes that are there, times the size of an attribute.
//!
//! `values` is the alphabet, `own` a span of ours, `foreign` one of others.

mod foreign;
mod own;
mod values;

use opentelemetry::{KeyValue, Value};

use self::own::{FOREIGN, SHAPE};
pub(super) use self::own::{SiteFacts, decode_site_entry, plain, site_entry};
use self::values::{In, Out};
use super::layout::WORD;
use crate::pipeline::Record;
use crate::record::Site;

/// Any record, whole words. `inline`: with all that is known of its site.
pub(super) fn full(record: &Record, inline: bool) -> Vec<u8> {
    let mut out = Out(Vec::with_capacity(512));
    match record {
        Record::Own(record) => own::write(&mut out, record, inline),
        Record::Foreign(data) => {
            out.u64(FOREIGN);
            out.foreign(data);
        }
    }
    out.into_words()
}

/// The record in `bytes`; `site` knows the table.
pub(super) fn decode(
    bytes: &[u8],
    site: &dyn Fn(u32) -> Option<&'static Site>,
    sites: &mut dyn Intern,
) -> Option<Record> {
    let mut input = In(bytes);
    let first = input.u64()?;
    if first & SHAPE == FOREIGN {
        return Some(Record::Foreign(Box::new(input.foreign()?)));
    }
    own::read(first, &mut input, site, sites).map(Record::Own)
}

/// Makes sites of what files say of them.
pub(super) trait Intern {
    fn intern(&mut self, facts: SiteFacts) -> Option<&'static Site>;
}

/// A list of attributes, whole words.
pub(super) fn attributes<'a>(attributes: impl Iterator<Item = (&'a str, &'a Value)>) -> Vec<u8> {
    let mut out = Out(Vec::with_capacity(512));
    let attributes: Vec<_> = attributes.collect();
    out.length(attributes.len());
    for (key, value) in attributes {
        out.text(key);
        out.value(value);
    }
    out.into_words()
}

pub(super) fn decode_attributes(bytes: &[u8]) -> Option<Vec<KeyValue>> {
    In(bytes).attributes()
}
