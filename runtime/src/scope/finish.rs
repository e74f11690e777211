//! The end of a span: its slot is emptied into a record, and the record goes into the intake.

use std::sync::atomic::Ordering;

use super::start::workflow_ended;
use super::{OpenSpans, Slot, clock, find, local, slot_of};
use crate::hub;
use crate::pipeline::Record;
use crate::record::{Ending, Kind, Site, SpanRecord};

/// Ends the span of `site` in slot `index`. Runs once a span: the `Open` that owns the slot is not `Clone` and ends here.
pub(super) fn finish(site: &'static Site, index: u32, ending: Ending) {
    let slot = OpenSpans::get().slot(index);
    let end = clock::ticks();
    let epoch = slot.epoch.load(Ordering::Relaxed);
    let span_id = slot.id.load(Ordering::Relaxed);
    let parent_id = slot.parent_id.load(Ordering::Relaxed);
    let details = slot.close();
    let (context, inherited, extra) = match details {
        None => (None, None, None),
        Some(details) => (details.context, details.inherited, details.extra),
    };
    if parent_id != 0 {
        let failed = extra.as_ref().and_then(|extra| extra.error.as_ref()).map(|error| error.fingerprint);
        tell_parent(slot, parent_id, failed);
    }
    if site.kind == Kind::Workflow {
        workflow_ended();
    }
    let bytes = SpanRecord::bytes_with(extra.as_deref());
    let record = || {
        Record::Own(SpanRecord {
            site,
            trace_id: (slot.trace_high.load(Ordering::Relaxed), slot.trace_low.load(Ordering::Relaxed)),
            span_id,
            parent_id,
            parent_is_remote: slot.parent_is_remote.load(Ordering::Relaxed),
            start: slot.start.load(Ordering::Relaxed),
            end,
            ending,
            inherited,
            extra,
        })
    };
    local::with_or_else(
        record,
        |local, record| {
            local.joined(epoch, |joined| joined.installed.intake.push(Some(&joined.shard), bytes, record));
            local.release_slot(index);
        },
        // A thread-local destructor that runs after ours.
        |record| {
            if let Some(installed) = hub::installed().filter(|installed| installed.epoch == epoch) {
                installed.intake.push(None, bytes, record);
            }
            OpenSpans::get().release_shared(index);
        },
    );
    // Last, and outside of every lock: a context holds values of the user's, whose destructors may trace.
    drop(context);
}

/// The root was not sampled; only its context stood in the slot.
pub(super) fn unpark(index: u32) {
    let context = OpenSpans::get().slot(index).close().and_then(|details| details.context);
    if local::with(|local| local.release_slot(index)).is_none() {
        OpenSpans::get().release_shared(index);
    }
    drop(context);
}

/// Tells an enclosing span of ours how its last child, in `slot`, ended, so that an error on its way up is recorded once.
#[inline]
fn tell_parent(slot: &Slot, parent_id: u64, failed: Option<u64>) {
    let Some(parent) = slot_of(parent_id) else { return };
    if failed.is_none() && !parent.child_failed.load(Ordering::Relaxed) {
        return;
    }
    if let Some(mut details) = find(slot.trace_id(), parent_id) {
        details.child_error = failed;
        parent.child_failed.store(failed.is_some(), Ordering::Relaxed);
    }
}
