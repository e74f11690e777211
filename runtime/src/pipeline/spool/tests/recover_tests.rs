//! What a process leaves is found, whatever became of the bytes; and files of bytes that nobody of ours has written.

#![allow(clippy::cast_possible_truncation, reason = "random numbers are cut to what is asked for")]

use super::codec_tests::Random;
use super::*;

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
    last.spans.read(0..1, &mut |_, record| unfinished.push(shown(record)));
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
fn what_is_through_is_not_recovered_by_who_comes_next() {
    let folder = Folder::new();
    let spool = folder.spool(MIN_BYTES);
    let place = spool.register();
    for id in 1..=1_000 {
        push(&spool, &place, plain(id));
    }
    // Batches of the usual size, and such that a block is in several of them.
    for max_spans in [512, 10] {
        let left = folder.left();
        let mut recovery = Recovery::new(&left.0, HOUR);
        let mut found = Vec::new();
        while recovery.step(&Anchor::new(), max_spans, &mut found) {}
        let gone: Vec<u64> = found.iter().take(found.len() / 2).flat_map(|found| ids(&found.spans)).collect();
        for found in found.iter().take(found.len() / 2) {
            found.spans.done();
        }
        // It ends here.
        drop((found, recovery));
        let next = recovered_ids(&recover(&left.0, false));
        // A block that is in several batches comes again as a whole until all of them are through.
        let again = gone.iter().filter(|id| next.contains(id)).count();
        assert!(!gone.is_empty() && again < 63, "{again} of {} came again", gone.len());
        assert!((1..=1_000).filter(|id| !gone.contains(id)).all(|id| next.contains(&id)));
    }
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
    let left = folder.left();
    assert_eq!(recovered_ids(&recover(&left.0, false)), (201..=210).collect::<Vec<_>>());
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
fn damage_costs_what_was_damaged() {
    let mut random = Random::new("damage_costs_what_was_damaged");
    for _ in 0..100 {
        let length = random.below(1_500);
        let plan: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        anything::damage(&plan);
    }
}
