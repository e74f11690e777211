//! The room as a whole: what goes in comes out, from the living file and from the one that a process has left; and files that nobody of
//! ours has written.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "random numbers are cut to what is asked for"
)]

use std::borrow::Cow;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    Event as OtelEvent, Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{Array, InstrumentationScope, KeyValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::*;
use crate::record::{Ending, EntityPath, ErrorInfo, Event, Extra, Inherited, Kind};

static TASK: Site = Site::new(Kind::Task, "summarise").version(3).location("src/main.rs", 7);
const MIN_BYTES: u64 = crate::pipeline::MIN_SPOOL_BYTES;

static CALL: Site = Site::new(Kind::Call, "chat").err(false);

/// xorshift; its seed is printed by whoever fails.
struct Random(u64);

impl Random {
    fn new(name: &str) -> Self {
        let seed = dir::random() | 1;
        println!("{name}: seed {seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn bool(&mut self) -> bool {
        self.next() & 64 != 0
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.bool().then(|| make(self))
    }

    fn many<T>(&mut self, most: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }

    fn text(&mut self) -> String {
        let most = if self.below(20) == 0 { 3_000 } else { 20 };
        self.many(most, |random| ['a', 'ü', '\n', '𝄞', '"'][random.below(5)]).into_iter().collect()
    }

    fn time(&mut self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(self.next() >> 2)
    }

    fn value(&mut self) -> Value {
        match self.below(8) {
            0 => self.bool().into(),
            1 => self.next().cast_signed().into(),
            2 => f64::from_bits(self.next()).into(),
            3 => Value::Array(Array::Bool(self.many(3, Self::bool))),
            4 => Value::Array(Array::I64(self.many(3, |random| random.next().cast_signed()))),
            5 => Value::Array(Array::F64(self.many(3, |random| random.next() as f64))),
            6 => Value::Array(Array::String(self.many(3, |random| random.text().into()))),
            _ => self.text().into(),
        }
    }

    fn attributes(&mut self) -> Vec<KeyValue> {
        self.many(5, |random| KeyValue::new(random.text(), random.value()))
    }

    fn context(&mut self) -> SpanContext {
        let state = match self.below(3) {
            0 => TraceState::from_key_value([("vendor", "v1"), ("other", "2")]).unwrap(),
            _ => TraceState::NONE,
        };
        let (trace, span) = (u128::from(self.next()), self.next());
        let flags = TraceFlags::new((self.next() & 1) as u8);
        SpanContext::new(TraceId::from(trace), SpanId::from(span), flags, self.bool(), state)
    }

    fn status(&mut self) -> Status {
        match self.below(3) {
            0 => Status::Unset,
            1 => Status::Ok,
            _ => Status::error(self.text()),
        }
    }

    fn extra(&mut self) -> Extra {
        Extra {
            attributes: self.attributes(),
            dropped_attributes: self.next() as u32,
            events: self.many(3, |random| Event {
                name: random.text().into(),
                time: random.time(),
                attributes: random.attributes(),
            }),
            dropped_events: self.next() as u32,
            links: self.many(2, |random| (random.context(), random.attributes())),
            dropped_links: 2,
            error: self.maybe(|random| ErrorInfo {
                type_name: random.text().into(),
                message: random.maybe(Self::text),
                fingerprint: random.next(),
                with_event: random.bool(),
            }),
            input: self.maybe(|random| random.text().into()),
            output: self.maybe(|random| random.text().into()),
            status: self.maybe(Self::status),
            name: self.maybe(|random| random.text().into()),
            trace_state: self.context().trace_state().clone(),
            heap_bytes: 0,
        }
    }

    fn inherited(&mut self) -> Inherited {
        Inherited {
            conversation_id: self.maybe(|random| random.text().into()),
            user_id: self.maybe(|random| random.text().into()),
            agent_name: self.maybe(|random| random.text().into()),
            workflow_name: self.maybe(|random| random.text().into()),
            path: self.maybe(|random| {
                let text = random.text();
                EntityPath { around: text.len(), text: text.into() }
            }),
            properties: self.many(3, |random| (random.text().into(), random.value())),
            content: None,
        }
    }

    fn own(&mut self) -> SpanRecord {
        let ending = [
            Ending::Returned,
            Ending::Panicked,
            Ending::Cancelled,
            Ending::Incomplete { failed: true },
            Ending::Incomplete { failed: false },
        ][self.below(5)];
        SpanRecord {
            site: if self.bool() { &TASK } else { &CALL },
            trace_id: (self.next(), self.next()),
            span_id: self.next(),
            parent_id: self.next(),
            start: self.next(),
            end: self.next(),
            parent_is_remote: self.bool(),
            ending,
            inherited: self.maybe(Self::inherited).map(Arc::new),
            extra: self.maybe(Self::extra).map(Box::new),
        }
    }

    fn foreign(&mut self) -> SpanData {
        let mut events = SpanEvents::default();
        events.events = self.many(3, |random| {
            OtelEvent::new(random.text(), random.time(), random.attributes(), random.next() as u32)
        });
        events.dropped_count = 5;
        let mut links = SpanLinks::default();
        links.links = self.many(3, |random| Link::new(random.context(), random.attributes(), 4));
        links.dropped_count = 6;
        let mut scope = InstrumentationScope::builder(self.text()).with_attributes(self.attributes());
        if self.bool() {
            scope = scope.with_version(self.text()).with_schema_url(self.text());
        }
        SpanData {
            span_context: self.context(),
            parent_span_id: SpanId::from(self.next()),
            parent_span_is_remote: self.bool(),
            span_kind: [SpanKind::Client, SpanKind::Server, SpanKind::Internal][self.below(3)].clone(),
            name: Cow::Owned(self.text()),
            start_time: self.time(),
            end_time: self.time(),
            attributes: self.attributes(),
            dropped_attributes_count: 9,
            events,
            links,
            status: self.status(),
            instrumentation_scope: scope.build(),
        }
    }

    fn record(&mut self) -> Record {
        if self.below(4) == 0 { Record::Foreign(Box::new(self.foreign())) } else { Record::Own(self.own()) }
    }
}

fn plain(id: u64) -> Record {
    Record::Own(SpanRecord {
        site: &TASK,
        trace_id: (1, 2),
        span_id: id,
        parent_id: 3,
        start: 10,
        end: 20,
        parent_is_remote: false,
        ending: Ending::Returned,
        inherited: None,
        extra: None,
    })
}

/// As text, without what is an estimate.
fn shown(record: &Record) -> String {
    let text = format!("{record:?}");
    let (mut shown, mut rest) = (String::new(), text.as_str());
    while let Some((before, after)) = rest.split_once("heap_bytes: ") {
        shown.push_str(before);
        rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    shown + rest
}

/// A directory of this test's, gone at its end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("llmetry-test-{:016x}", dir::random()));
        dir::prepare(&path).unwrap();
        Self(path)
    }

    fn spool(&self, bytes: u64) -> Arc<Spool> {
        open(&self.0, bytes).unwrap()
    }

    /// The file as it is now, in a directory of its own: what would be left if the process ended here.
    fn left(&self) -> Self {
        let left = Self::new();
        for path in dir::names(&self.0) {
            fs::copy(&path, left.0.join(path.file_name().unwrap())).unwrap();
        }
        left
    }

    fn file(&self) -> PathBuf {
        let [path] = dir::names(&self.0).try_into().unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn open(path: &Path, bytes: u64) -> Result<Arc<Spool>> {
    let setting = SpoolSetting { directory: path.to_owned(), bytes, variable: None };
    let resource = Resource::builder_empty()
        .with_attributes([KeyValue::new("service.name", "bot"), KeyValue::new("n", 5)])
        .build();
    Spool::open(&setting, &resource, Convention::Traceloop, 2048)
}

fn push(spool: &Spool, place: &Place, record: Record) -> bool {
    matches!(spool.push(Some(place), record, || false), queue::Pushed::Kept | queue::Pushed::KeptAndWake)
}

fn drain(spool: &Arc<Spool>) -> Stored {
    let mut chunks = Vec::new();
    spool.drain(true, &mut chunks);
    Stored::own(spool, chunks)
}

fn ids(stored: &Stored) -> Vec<u64> {
    let mut ids = Vec::new();
    stored.read(0..stored.len(), &mut |record| ids.push(codec::span_id(record)));
    ids
}

/// All that is found in a directory; batches are let go at once.
fn recover(folder: &Path, done: bool) -> Vec<Found> {
    let (mut recovery, own) = (Recovery::new(folder), Anchor::new());
    let mut all = Vec::new();
    while !recovery.is_over() {
        let mut found = Vec::new();
        let goes_on = recovery.step(&own, 512, &mut found);
        for found in &found {
            if done {
                found.spans.done();
            }
        }
        all.append(&mut found);
        if !goes_on && !done {
            break;
        }
    }
    all
}

fn recovered_ids(found: &[Found]) -> Vec<u64> {
    let mut all: Vec<u64> = found.iter().flat_map(|found| ids(&found.spans)).collect();
    all.sort_unstable();
    all
}

#[test]
fn every_record_comes_back_as_it_was() {
    let mut random = Random::new("every_record_comes_back_as_it_was");
    for _ in 0..2_000 {
        let record = random.record();
        let inline = random.bool();
        let bytes = codec::full(&record, inline);
        assert_eq!(bytes.len() % WORD, 0);
        let again = codec::decode(&bytes, &Site::numbered, &mut Own).expect("our own bytes are read");
        let (mut expected, mut found) = (shown(&record), shown(&again));
        // Once from the table, once from the frame: another static of the same content.
        for text in [&mut expected, &mut found] {
            if let Some(at) = text.find("number: ") {
                let end = at + text[at..].find('}').unwrap();
                text.replace_range(at..end, "");
            }
        }
        assert_eq!(found, expected);
        // Cut short it may be another record, never a panic.
        let _ = codec::decode(&bytes[..random.below(bytes.len())], &Site::numbered, &mut Own);
    }
}

#[test]
fn what_is_pushed_is_read_and_its_room_is_used_again() {
    let folder = Folder::new();
    let spool = folder.spool(MIN_BYTES);
    let place = spool.register();
    // Several times what fits.
    for round in 0..10 {
        let first = round * 10_000;
        for id in first..first + 10_000 {
            assert!(push(&spool, &place, plain(id)), "{id}");
        }
        assert_eq!(spool.waiting(), 10_000);
        let stored = drain(&spool);
        assert_eq!((stored.len(), spool.waiting()), (10_000, 0));
        assert_eq!(ids(&stored), (first..first + 10_000).collect::<Vec<_>>());
        let mut some = Vec::new();
        stored.read(100..200, &mut |record| some.push(codec::span_id(record)));
        assert_eq!(some, (first + 100..first + 200).collect::<Vec<_>>());
        stored.done();
    }
    spool.close();
    assert_eq!(spool.push(Some(&place), plain(1), || false), queue::Pushed::Closed);
    spool.remove_if_empty();
    assert_eq!(dir::names(&folder.0), Vec::<PathBuf>::new());
}

#[test]
fn a_full_spool_refuses_and_loses_nothing_that_it_has() {
    let folder = Folder::new();
    let spool = folder.spool(MIN_BYTES);
    let place = spool.register();
    let mut kept = 0;
    while push(&spool, &place, plain(kept + 1)) {
        kept += 1;
    }
    // 4 MiB less what stands before the blocks, 63 in each.
    assert_eq!(kept, 63 * u64::from(spool.header.blocks()));
    let mut asked = 0;
    let pushed = spool.push(Some(&place), plain(0), || {
        asked += 1;
        if asked == 2 {
            drain(&spool).done();
        }
        asked < 3
    });
    assert_eq!((pushed, asked), (queue::Pushed::Kept, 2));
}

#[test]
fn a_large_record_takes_several_blocks_and_gives_them_back() {
    let folder = Folder::new();
    let spool = folder.spool(MIN_BYTES);
    let place = spool.register();
    let large = |bytes: usize| {
        let Record::Own(mut record) = plain(bytes as u64) else { unreachable!() };
        record.extra = Some(Box::new(Extra { input: Some("x".repeat(bytes).into()), ..Extra::default() }));
        Record::Own(record)
    };
    for bytes in [3_900, 3_960, 3_968, 4_000, 5_000, 100_000, 2_000_000] {
        // More of them than fit at once.
        for _ in 0..3 {
            assert!(push(&spool, &place, large(bytes)));
            assert!(push(&spool, &place, plain(1)));
            let stored = drain(&spool);
            let mut read: Vec<String> = Vec::new();
            stored.read(0..2, &mut |record| read.push(shown(record)));
            read.sort();
            let mut expected = [shown(&large(bytes)), shown(&plain(1))];
            expected.sort();
            assert_eq!(read, expected);
            let left = folder.left();
            let mut expected = vec![1, bytes as u64];
            expected.sort_unstable();
            assert_eq!(recovered_ids(&recover(&left.0, false)), expected);
            stored.done();
        }
    }
    assert!(!push(&spool, &place, large(5_000_000)), "more than the whole");
    assert!(push(&spool, &place, plain(1)));
    drain(&spool).done();
    assert!(spool.ring.is_empty());
}

#[test]
fn chunks_can_be_cut() {
    let folder = Folder::new();
    let spool = folder.spool(MIN_BYTES);
    let place = spool.register();
    for id in 1..=10 {
        push(&spool, &place, plain(id));
    }
    let mut chunks = Vec::new();
    spool.drain(true, &mut chunks);
    let (first, rest) = spool.split(chunks[0], 4);
    let (second, third) = spool.split(rest, 5);
    let parts = [first, second, third].map(|chunk| Stored::own(&spool, vec![chunk]));
    assert_eq!(parts.each_ref().map(ids), [vec![1, 2, 3, 4], vec![5, 6, 7, 8, 9], vec![10]]);
    parts[1].done();
    parts[0].done();
    assert!(!spool.ring.is_empty());
    parts[2].done();
    assert!(spool.ring.is_empty());
}

#[test]
fn what_a_process_leaves_is_recovered_once_and_its_file_goes() {
    let folder = Folder::new();
    let spool = folder.spool(MIN_BYTES);
    let place = spool.register();
    for id in 1..=1_000 {
        let start = Start { id, trace_id: (1, 2), parent_id: 3, parent_is_remote: false, ticks: 10 };
        spool.started(7, &TASK, &start);
        push(&spool, &place, plain(id));
        // The last one is killed between the two.
        if id < 1_000 {
            spool.ended(7);
        }
    }
    let open = Start { id: 5_000, trace_id: (8, 9), parent_id: 4, parent_is_remote: true, ticks: 30 };
    spool.started(8, &CALL, &open);
    spool.started(9, &CALL, &Start { id: 5_001, ..open });
    spool.ended(9);
    let left = folder.left();
    let found = recover(&left.0, false);
    let last = found.last().expect("the open span");
    let mut unfinished = Vec::new();
    last.spans.read(0..1, &mut |record| unfinished.push(shown(record)));
    for part in
        ["Incomplete { failed: false }", "span_id: 5000", "trace_id: (8, 9)", "parent_id: 4", "\"chat\""]
    {
        assert!(unfinished[0].contains(part), "{unfinished:?}");
    }
    assert_eq!(recovered_ids(&found), (1..=1_000).chain([5_000]).collect::<Vec<_>>());
    assert!(found.iter().all(|found| found.spans.is_recovered() && found.spans.len() <= 512));
    let one = &found[0];
    assert_eq!(one.convention, Convention::Traceloop);
    assert_eq!(one.resource.len(), 2);
    assert_eq!(one.resource.get(&"service.name".into()), Some("bot".into()));
    // Locked while it is being sent, and once it is through it goes.
    assert_eq!(recover(&left.0, true).len(), 0);
    assert_eq!(dir::names(&left.0).len(), 1);
    for found in &found {
        found.spans.done();
    }
    assert_eq!(dir::names(&left.0).len(), 0);
}

#[test]
fn what_was_released_is_not_recovered() {
    let folder = Folder::new();
    let spool = folder.spool(MIN_BYTES);
    let place = spool.register();
    for id in 1..=200 {
        push(&spool, &place, plain(id));
    }
    drain(&spool).done();
    for id in 201..=210 {
        push(&spool, &place, plain(id));
    }
    assert_eq!(recovered_ids(&recover(&folder.left().0, true)), (201..=210).collect::<Vec<_>>());
}

#[test]
fn a_living_process_keeps_its_file() {
    let folder = Folder::new();
    let one = folder.spool(MIN_BYTES);
    let two = folder.spool(MIN_BYTES);
    push(&one, &one.register(), plain(1));
    assert!(recover(&folder.0, true).is_empty());
    assert_eq!(dir::names(&folder.0).len(), 2);
    drop(two);
    assert_eq!(dir::names(&folder.0).len(), 1);
}

#[test]
fn torn_bytes_cost_few_spans() {
    const TORN: usize = 4_000;
    let mut random = Random::new("torn_bytes_cost_few_spans");
    let folder = Folder::new();
    let spool = folder.spool(MIN_BYTES);
    let place = spool.register();
    for id in 1..=TORN {
        push(&spool, &place, plain(id as u64));
    }
    let whole = fs::read(folder.file()).unwrap();
    let lost = |bytes: &[u8]| TORN - read(bytes);
    assert_eq!(lost(&whole), 0);
    let used = BLOCKS + TORN / 63 * layout::BLOCK;
    for round in 0..90 {
        // The heads, and the edges of blocks, more often than chance would have it.
        let at = match round % 3 {
            0 => random.below(2 * HEAD),
            1 => BLOCKS + random.below(TORN / 63) * layout::BLOCK + layout::BLOCK - 1 - random.below(40),
            _ => random.below(used),
        };
        let mut torn = whole.clone();
        for byte in &mut torn[at..at + 37] {
            *byte = random.next() as u8;
        }
        let lost = lost(&torn);
        assert!(lost <= 64, "37 bytes at {at} cost {lost} spans");
    }
}

#[test]
fn damage_costs_what_was_damaged() {
    let mut random = Random::new("damage_costs_what_was_damaged");
    for _ in 0..100 {
        let length = random.below(1_500);
        let plan: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        anything::damage(&plan);
    }
}

#[test]
fn threads_that_come_and_go_share_blocks() {
    let folder = Folder::new();
    let spool = folder.spool(MIN_BYTES);
    // Far more than there are blocks; nobody drains.
    for id in 1..=3_000 {
        assert!(push(&spool, &spool.register(), plain(id)), "thread {id}");
    }
    assert_eq!(spool.waiting(), 3_000);
    let (one, other) = (spool.register(), spool.register());
    assert!(!Arc::ptr_eq(&one, &other), "threads that live at once do not");
    let waits = drain(&spool);
    assert_eq!(ids(&waits), (1..=3_000).collect::<Vec<_>>());
    assert_eq!(spool.waiting(), 0);
    waits.done();
    assert!(spool.ring.is_empty());
}

/// How many spans the file of these bytes has, read as a left one is.
fn read(bytes: &[u8]) -> usize {
    let folder = Folder::new();
    fs::write(folder.0.join("llmetry-1-0123456789abcdef.spool"), bytes).unwrap();
    let found = recover(&folder.0, true);
    for found in &found {
        assert_eq!(found.resource.get(&"service.name".into()), Some("bot".into()));
    }
    found.iter().map(|found| found.spans.len()).sum()
}

#[test]
fn hostile_bytes_do_no_harm() {
    let mut random = Random::new("hostile_bytes_do_no_harm");
    let folder = Folder::new();
    let spool = folder.spool(MIN_BYTES);
    let place = spool.register();
    for _ in 0..200 {
        push(&spool, &place, random.record());
    }
    spool.started(
        3,
        &TASK,
        &Start { id: 1, trace_id: (1, 1), parent_id: 0, parent_is_remote: false, ticks: 1 },
    );
    let whole = fs::read(folder.file()).unwrap();
    assert_eq!(anything::read_anything(&whole), 201);
    for _ in 0..200 {
        let mut bytes = whole.clone();
        for _ in 0..=random.below(50) {
            let at = if random.bool() { random.below(bytes.len()) } else { BLOCKS + random.below(64 * 1024) };
            bytes[at] = random.next() as u8;
        }
        bytes.truncate(if random.bool() { bytes.len() } else { random.below(bytes.len()) });
        assert!(anything::read_anything(&bytes) <= 201);
    }
    let noise: Vec<u8> = (0..100_000).map(|_| random.next() as u8).collect();
    assert_eq!(anything::read_anything(&noise), 0);
    // Its author knows the key: whole frames of nonsense.
    let key = spool.header.key;
    let mut forged = whole.clone();
    for block in 0..100_u32 {
        let at = BLOCKS + block as usize * layout::BLOCK;
        forged[at..at + WORD].copy_from_slice(&9_u64.to_le_bytes());
        forged[at + WORD..at + 2 * WORD].copy_from_slice(&(1 + random.next() % 3).to_le_bytes());
        let mut from = 64;
        while from < 3_000 {
            let length = WORD * (1 + random.below(60));
            let mut payload: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
            payload[4] = 1 + random.below(3) as u8;
            payload[5] = 0;
            if length > 64 {
                payload[56..64].copy_from_slice(&[1, 1, 255, 255, 255, 255, 1, 1]);
            }
            let sealed = seal(key, 9, (at + from) as u64, &payload);
            forged[at + from..at + from + WORD].copy_from_slice(&sealed.to_le_bytes());
            forged[at + from + WORD..at + from + WORD + length].copy_from_slice(&payload);
            from += WORD + length;
        }
    }
    anything::read_anything(&forged);
    for _ in 0..2_000 {
        let mut bytes: Vec<u8> = (0..random.below(3 * 4096)).map(|_| random.next() as u8).collect();
        for block in bytes.chunks_mut(4096).filter(|block| block.len() > 16) {
            block[8..12].copy_from_slice(&(1 + random.next() as u32 % 3).to_le_bytes());
            block[12..16].copy_from_slice(&(random.next() as u32 % 4).to_le_bytes());
        }
        anything::read_everywhere(&bytes);
    }
}

#[test]
fn files_that_are_not_ours_are_left_alone() {
    let folder = Folder::new();
    let name = |digit: u8| folder.0.join(format!("llmetry-1-{digit:016x}.spool"));
    let spool = folder.spool(MIN_BYTES);
    let mut other = fs::read(folder.file()).unwrap();
    drop(spool);
    for head in 0..HEADS {
        other[head * HEAD + WORD] = 99;
    }
    let target = folder.0.join("precious");
    fs::write(&target, "precious").unwrap();
    fs::write(name(1), &other).unwrap();
    fs::write(
        name(2),
        "hello, this is a text that somebody else has written, and it is long enough for a header",
    )
    .unwrap();
    symlink(&target, name(3)).unwrap();
    fs::hard_link(&target, name(4)).unwrap();
    fs::create_dir(name(5)).unwrap();
    fs::write(folder.0.join("llmetry-x-1.spool"), &other).unwrap();
    // Never used: this one is ours, and goes.
    fs::write(name(6), vec![0; 4096]).unwrap();
    assert!(recover(&folder.0, true).is_empty());
    assert_eq!(fs::read(name(1)).unwrap(), other);
    assert!(name(2).exists() && name(4).exists() && name(5).exists() && !name(6).exists());
    assert!(fs::symlink_metadata(name(3)).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
}

#[test]
fn a_directory_that_cannot_be_used_is_an_error_that_says_why() {
    let folder = Folder::new();
    let said = |path: &Path| open(path, MIN_BYTES).unwrap_err().to_string();
    let file = folder.0.join("file");
    fs::write(&file, "").unwrap();
    assert!(said(&file).contains("it is a file"), "{}", said(&file));
    let link = folder.0.join("link");
    symlink(std::env::temp_dir(), &link).unwrap();
    assert!(said(&link).contains("it is a link"), "{}", said(&link));
    let shared = folder.0.join("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o770)).unwrap();
    let text = said(&shared);
    assert!(text.starts_with("Builder::spool(") && text.contains("its mode is 770"), "{text}");
    assert!(said(Path::new("/dev/null/spool")).contains("cannot be"));
    let below = folder.0.join("a/b");
    drop(open(&below, MIN_BYTES).unwrap());
    assert_eq!(fs::metadata(&below).unwrap().permissions().mode() & 0o777, 0o700);
    // More than any disk has.
    let text = open(&folder.0, u64::MAX / 4).map(drop);
    if let Err(error) = text {
        assert!(error.to_string().contains("that can take a file of"), "{error}");
    }
    assert!(dir::names(&folder.0).is_empty());
}

#[test]
fn files_are_private_and_their_space_is_reserved() {
    use std::os::unix::fs::MetadataExt;
    let folder = Folder::new();
    let spool = folder.spool(MIN_BYTES);
    let metadata = fs::metadata(folder.file()).unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    assert_eq!(metadata.len(), spool.header.bytes);
    assert!(
        metadata.blocks() * 512 >= spool.header.bytes,
        "{} of {}",
        metadata.blocks() * 512,
        metadata.len()
    );
}

#[test]
fn sites_without_room_stand_in_their_frames() {
    let folder = Folder::new();
    let spool = folder.spool(MIN_BYTES);
    let place = spool.register();
    for index in 0..5_000_u64 {
        let name: &'static str = format!("a_function_with_a_name_of_{index}").leak();
        let site: &'static Site = Box::leak(Box::new(Site::new(Kind::Agent, name)));
        let Record::Own(mut record) = plain(index) else { unreachable!() };
        record.site = site;
        if (10..=4_990).contains(&index) {
            spool.has_site(site);
        } else {
            assert!(push(&spool, &place, Record::Own(record)));
        }
    }
    let mut names = Vec::new();
    for found in recover(&folder.left().0, true) {
        found.spans.read(0..found.spans.len(), &mut |record| {
            if let Record::Own(record) = record {
                names.push(record.site.name.to_owned());
            }
        });
    }
    let expected = (0..5_000).filter(|index| *index < 10 || *index > 4_990);
    assert_eq!(names, expected.map(|index| format!("a_function_with_a_name_of_{index}")).collect::<Vec<_>>());
}

#[test]
fn threads_write_at_once() {
    let folder = Folder::new();
    let spool = folder.spool(8 * MIN_BYTES);
    let threads: Vec<_> = (0..4_u64)
        .map(|thread| {
            let spool = Arc::clone(&spool);
            std::thread::spawn(move || {
                let place = spool.register();
                for id in 0..20_000 {
                    assert!(push(&spool, &place, plain(1 + thread * 20_000 + id)));
                }
            })
        })
        .collect();
    let mut seen = Vec::new();
    while seen.len() < 80_000 {
        let stored = drain(&spool);
        seen.extend(ids(&stored));
        stored.done();
    }
    for thread in threads {
        thread.join().unwrap();
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..=80_000).collect::<Vec<_>>());
    drain(&spool);
    assert_eq!(spool.waiting(), 0);
    assert!(spool.ring.is_empty());
}
