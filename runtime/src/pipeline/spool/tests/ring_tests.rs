//! What goes in comes out of the living file, and its room is used again.

use super::*;
use crate::record::{Extra, Kind};

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
        stored.read(100..200, &mut |_, record| some.push(record.span_id()));
        assert_eq!(some, (first + 100..first + 200).collect::<Vec<_>>());
        stored.done();
    }
    spool.put_away();
    assert_eq!(spool.push(Some(&place), plain(1), || false), queue::Pushed::Closed);
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
            stored.read(0..2, &mut |_, record| read.push(shown(record)));
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
    let left = folder.left();
    for found in recover(&left.0, false) {
        found.spans.read(0..found.spans.len(), &mut |_, record| {
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
