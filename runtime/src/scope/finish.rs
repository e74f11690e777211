//! The end of a span: its slot is emptied into a record, and the record goes into the intake.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::slot::Started;
use super::start::workflow_ended;
use super::{Details, OpenSpans, clock, local, slot_of};
use crate::hub;
use crate::pipeline::Record;
use crate::record::{Ending, Extra, Inherited, Kind, Site, SpanRecord};

/// Ends the span of `site` in slot `index`. Runs once a span: the `Open` that owns the slot is not `Clone` and ends here.
pub(super) fn finish(site: &'static Site, index: u32, ending: Ending) {
    let slot = OpenSpans::get().slot(index);
    let ended = Ended { end: clock::ticks(), site, span: slot.started(), index, ending };
    // Two ways, so that the usual one moves nothing that it does not have.
    match slot.close() {
        None => ended.hand_over(None, SpanRecord::bytes_with(None, None), || ended.record(None, None)),
        Some(details) => finish_touched(&ended, details),
    }
}

#[inline(never)]
fn finish_touched(ended: &Ended, details: Details) {
    let Details { context, inherited, extra, reported, .. } = details;
    let failed = extra.as_ref().and_then(|extra| extra.error.as_ref()).map(|error| error.fingerprint);
    let bytes = SpanRecord::bytes_with(inherited.as_deref(), extra.as_deref());
    if reported {
        ended.is_late();
    } else {
        ended.hand_over(failed, bytes, || ended.record(inherited, extra));
    }
    // Last, and outside of every lock: a context holds values of the user's, whose destructors may trace.
    drop(context);
}

/// What every span has when it ends.
struct Ended {
    end: u64,
    site: &'static Site,
    span: Started,
    index: u32,
    ending: Ending,
}

impl Ended {
    #[inline]
    fn record(&self, inherited: Option<Arc<Inherited>>, extra: Option<Box<Extra>>) -> Record {
        let span = &self.span;
        Record::Own(SpanRecord {
            site: self.site,
            trace_id: span.trace_id,
            span_id: span.id,
            parent_id: span.parent_id,
            parent_is_remote: span.parent_is_remote,
            start: span.start,
            end: self.end,
            ending: self.ending,
            inherited,
            extra,
        })
    }

    /// The span has gone out as incomplete: it is counted, and the slot given back.
    #[cold]
    fn is_late(&self) {
        if self.site.kind == Kind::Workflow {
            workflow_ended(self.span.epoch);
        }
        if let Some(intake) = hub::intake_of(self.span.epoch) {
            intake.count_late();
        }
        release(self.index);
    }

    /// Puts the record into the intake and gives the slot back.
    #[inline]
    fn hand_over(&self, failed: Option<u64>, bytes: usize, record: impl FnOnce() -> Record) {
        if self.span.parent_id != 0 {
            tell_parent(&self.span, failed);
        }
        if self.site.kind == Kind::Workflow {
            workflow_ended(self.span.epoch);
        }
        let epoch = self.span.epoch;
        local::with_or_else(
            record,
            |local, record| {
                local.joined(epoch, |joined| {
                    joined.installed.intake.push(Some(&joined.seat), bytes, record);
                    joined.installed.intake.closed(self.index);
                });
                local.release_slot(self.index);
            },
            // A thread-local destructor that runs after ours.
            |record| {
                if let Some(installed) = hub::installed().filter(|installed| installed.epoch == epoch) {
                    installed.intake.push(None, bytes, record);
                    installed.intake.closed(self.index);
                }
                OpenSpans::get().release_shared(self.index);
            },
        );
    }
}

/// The root was not sampled; only its context stood in the slot.
pub(super) fn unpark(index: u32) {
    let context = OpenSpans::get().slot(index).close().and_then(|details| details.context);
    release(index);
    drop(context);
}

#[cold]
fn release(index: u32) {
    if local::with(|local| local.release_slot(index)).is_none() {
        OpenSpans::get().release_shared(index);
    }
}

/// Tells an enclosing span of ours how its last child ended, so that an error on its way up is recorded once.
#[inline]
fn tell_parent(span: &Started, failed: Option<u64>) {
    let Some(parent) = slot_of(span.parent_id) else { return };
    if failed.is_none() && !parent.child_failed.load(Ordering::Relaxed) {
        return;
    }
    if let Some(mut details) = parent.find(span.parent_id) {
        details.child_error = failed;
        parent.child_failed.store(failed.is_some(), Ordering::Relaxed);
    }
}
