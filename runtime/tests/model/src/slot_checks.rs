//! The slot's protocol: what is added to an open span is in the finished one or was refused, and never meets the next span.

use loom::sync::Arc;
use loom::thread;

use crate::Check;
use crate::slot::{Slot, Started};

pub(crate) const ALL: [Check; 7] = [
    ("slot: an attribute is in its span or was refused", in_its_span_or_refused),
    ("slot: nothing is left for the next span", nothing_for_the_next),
    ("slot: two setters and an end", two_setters),
    ("slot: whoever finds a span finds the whole of it", found_whole),
    ("slot: what two spans inherit does not mix", flags_are_cleared),
    ("slot: an open span is reported or finished, never both, never neither", reported_or_finished),
    ("slot: a report is of one span, and the next one is not late", reports_do_not_mix),
];

type Spans = Slot<Vec<u64>>;

fn span(id: u64) -> Started {
    Started { id, trace_id: (id, id), parent_id: id, parent_is_remote: false, epoch: 1, site: 1, start: id }
}

/// Adds `mark` to span `id`, if it is there.
fn setter(slot: &Arc<Spans>, id: u64, mark: u64) -> thread::JoinHandle<bool> {
    let slot = Arc::clone(slot);
    thread::spawn(move || {
        slot.find(id).is_some_and(|mut details| {
            details.push(mark);
            true
        })
    })
}

fn ended(slot: &Spans) -> Vec<u64> {
    slot.close().unwrap_or_default()
}

fn in_its_span_or_refused() {
    let slot = Arc::new(Spans::default());
    slot.open(&span(1));
    let setter = setter(&slot, 1, 10);
    let first = ended(&slot);
    let accepted = setter.join().unwrap();
    assert_eq!(first, if accepted { vec![10] } else { vec![] });
    assert_eq!(ended(&slot), []);
}

fn nothing_for_the_next() {
    let slot = Arc::new(Spans::default());
    slot.open(&span(1));
    let setter = setter(&slot, 1, 10);
    let first = ended(&slot);
    // The place is taken again at once, by a span that touches its details itself.
    slot.open(&span(2));
    slot.touch().push(20);
    let second = ended(&slot);
    slot.open(&span(3));
    let third = ended(&slot);
    let accepted = setter.join().unwrap();
    assert_eq!(first, if accepted { vec![10] } else { vec![] });
    assert_eq!((second, third), (vec![20], vec![]));
}

fn two_setters() {
    let slot = Arc::new(Spans::default());
    slot.open(&span(1));
    let setters = [setter(&slot, 1, 10), setter(&slot, 2, 20)];
    let mut first = ended(&slot);
    slot.open(&span(2));
    let second = ended(&slot);
    let accepted = setters.map(|setter| setter.join().unwrap());
    first.sort_unstable();
    assert_eq!(first, if accepted[0] { vec![10] } else { vec![] });
    assert_eq!(second, if accepted[1] { vec![20] } else { vec![] });
}

fn found_whole() {
    let slot = Arc::new(Spans::default());
    let reader = {
        let slot = Arc::clone(&slot);
        thread::spawn(move || {
            // As `scope::find` does: the trace id is compared while the details are held.
            if let Some(details) = slot.find(2) {
                assert_eq!(slot.trace_id(), (2, 2), "the trace of the span that was found");
                assert_eq!(slot.started().parent_id, 2);
                drop(details);
            }
        })
    };
    slot.open(&span(1));
    ended(&slot);
    slot.open(&span(2));
    ended(&slot);
    slot.open(&span(3));
    reader.join().unwrap();
}

fn flags_are_cleared() {
    use crate::sync::Ordering;
    let slot = Arc::new(Spans::default());
    slot.open(&span(1));
    let setter = {
        let slot = Arc::clone(&slot);
        // As `inherit::change_own` does: the flag is set while the details are held.
        thread::spawn(move || {
            if let Some(mut details) = slot.find(1) {
                details.push(10);
                slot.inherits.store(true, Ordering::Relaxed);
            }
        })
    };
    ended(&slot);
    slot.open(&span(2));
    let details = slot.find(2).expect("it is open");
    assert_eq!((details.len(), slot.inherits.load(Ordering::Relaxed)), (0, false));
    drop(details);
    setter.join().unwrap();
}

/// What stands for "it has gone out as incomplete" in the details.
const REPORTED: u64 = 99;

/// As `scope::unfinished` does: looks in, and says in the details that it has. Which span it has reported.
fn reporter(slot: &Arc<Spans>) -> thread::JoinHandle<Option<u64>> {
    let slot = Arc::clone(slot);
    thread::spawn(move || {
        let (span, mut details) = slot.look(1)?;
        assert_eq!((span.trace_id, span.parent_id, span.start), ((span.id, span.id), span.id, span.id));
        assert!(!details.contains(&REPORTED), "reported once before");
        details.push(REPORTED);
        Some(span.id)
    })
}

fn reported_or_finished() {
    let slot = Arc::new(Spans::default());
    slot.open(&span(1));
    let reporter = reporter(&slot);
    let is_late = ended(&slot).contains(&REPORTED);
    let reported = reporter.join().unwrap();
    // Late is what its owner calls it, who then sends nothing: exactly one of the two sends it.
    assert_eq!(is_late, reported == Some(1));
    assert_eq!(ended(&slot), [], "nothing is left for the next one");
}

fn reports_do_not_mix() {
    let slot = Arc::new(Spans::default());
    slot.open(&span(1));
    let reporter = reporter(&slot);
    let setter = setter(&slot, 2, 20);
    let first = ended(&slot);
    slot.open(&span(2));
    let second = ended(&slot);
    let (reported, accepted) = (reporter.join().unwrap(), setter.join().unwrap());
    let late: Vec<_> = [(1, &first), (2, &second)]
        .into_iter()
        .filter(|(_, details)| details.contains(&REPORTED))
        .map(|(id, _)| id)
        .collect();
    assert_eq!(late, Vec::from_iter(reported));
    assert_eq!(second.contains(&20), accepted);
    assert!(!first.contains(&20));
}
