//! The slab: an index has one owner, the limit holds, what is given back can be taken.

use loom::sync::Arc;
use loom::sync::atomic::AtomicUsize;
use loom::thread;

use crate::Check;
use crate::slab::{FreeList, Slab};
use crate::sync::Ordering;

pub(crate) const ALL: [Check; 4] = [
    ("slab: an index never has two owners", one_owner),
    ("slab: the limit holds over all threads", the_limit_holds),
    ("slab: what an ended thread held is there for others", a_thread_ends),
    ("slab: an index that others gave back has one owner", given_back_elsewhere),
];

/// A slot knows how many think that it is theirs.
type Owners = AtomicUsize;

/// Made on a thread of the system's: the table is larger than the stacks of loom's threads.
fn slab() -> Arc<Slab<Owners>> {
    let made = std::thread::spawn(|| std::sync::Arc::new(Slab::new())).join();
    let slab = Arc::from_std(made.expect("making a slab does not panic"));
    // Brings its parts to life before other threads see them.
    assert_eq!(slab.take(&mut FreeList::default(), 0), None);
    assert!(slab.peek(0).is_none());
    slab
}

/// Owns a slot for a moment.
fn own(slab: &Slab<Owners>, list: &mut FreeList, limit: usize) -> Option<u32> {
    let index = slab.take(list, limit)?;
    assert_eq!(slab.slot(index).fetch_add(1, Ordering::Relaxed), 0, "{index} has an owner");
    Some(index)
}

fn disown(slab: &Slab<Owners>, list: &mut FreeList, index: u32) {
    assert_eq!(slab.slot(index).fetch_sub(1, Ordering::Relaxed), 1);
    slab.release(list, index);
}

fn one_owner() {
    let slab = slab();
    let work = |slab: Arc<Slab<Owners>>| {
        move || {
            let mut list = FreeList::default();
            let first = own(&slab, &mut list, 1 << 20).unwrap();
            let second = own(&slab, &mut list, 1 << 20).unwrap();
            disown(&slab, &mut list, first);
            let third = own(&slab, &mut list, 1 << 20).unwrap();
            disown(&slab, &mut list, second);
            disown(&slab, &mut list, third);
            slab.release_all(&mut list);
        }
    };
    let other = thread::spawn(work(Arc::clone(&slab)));
    work(slab)();
    other.join().unwrap();
}

fn the_limit_holds() {
    let slab = slab();
    let work = |slab: Arc<Slab<Owners>>| {
        move || {
            let mut list = FreeList::default();
            (0..3).filter_map(|_| own(&slab, &mut list, 2)).collect::<Vec<_>>()
        }
    };
    let other = thread::spawn(work(Arc::clone(&slab)));
    let mut taken = work(slab)();
    taken.extend(other.join().unwrap());
    taken.sort_unstable();
    assert_eq!(taken, [0, 1]);
}

fn a_thread_ends() {
    let slab = slab();
    let work = |slab: Arc<Slab<Owners>>| {
        move || {
            let mut list = FreeList::default();
            if let Some(index) = own(&slab, &mut list, 2) {
                disown(&slab, &mut list, index);
            }
            slab.release_all(&mut list);
        }
    };
    let threads = [thread::spawn(work(Arc::clone(&slab))), thread::spawn(work(Arc::clone(&slab)))];
    for thread in threads {
        thread.join().unwrap();
    }
    let mut list = FreeList::default();
    let mut taken: Vec<_> = (0..3).filter_map(|_| own(&slab, &mut list, 2)).collect();
    taken.sort_unstable();
    assert_eq!(taken, [0, 1], "nothing is lost");
}

fn given_back_elsewhere() {
    let slab = slab();
    let mut list = FreeList::default();
    let index = own(&slab, &mut list, 1).unwrap();
    let other = {
        let slab = Arc::clone(&slab);
        // A thread-local destructor: no list of its own.
        thread::spawn(move || {
            assert_eq!(slab.slot(index).fetch_sub(1, Ordering::Relaxed), 1);
            slab.release_shared(index);
        })
    };
    let early = own(&slab, &mut list, 1);
    other.join().unwrap();
    let late = own(&slab, &mut list, 1);
    assert_eq!([early, late].into_iter().flatten().collect::<Vec<_>>(), [index], "once, early or late");
}
