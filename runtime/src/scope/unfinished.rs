//! What is still open when the process ends.
//!
//! In: the number of an installation, and whether its process failed. Out: a record of each of its open spans, as complete as it is at
//! this moment. Does not: end them. Whoever owns one may still end it; it has gone out then, and is counted as late.
//!
//! Each span is reported or finished, never both and never neither: whoever reports holds the details, says so in them, and the owner, who
//! has to take them at the end, reads it there (see `slot`). Spans that foreign code holds are not seen: OpenTelemetry does not give them
//! out before they end.

use super::{OpenSpans, Slot, clock};
use crate::pipeline::Record;
use crate::record::{Ending, Site, SpanRecord};

/// The open spans of installation `epoch`, marked as reported.
pub(crate) fn unfinished(epoch: u32, failed: bool) -> Vec<Record> {
    OpenSpans::get().all().filter_map(|slot| report(slot, epoch, failed)).collect()
}

fn report(slot: &Slot, epoch: u32, failed: bool) -> Option<Record> {
    let (span, mut details) = slot.look(epoch)?;
    // A span whose site has no number stays open in the account.
    let site = Site::numbered(span.site).filter(|_| !details.reported)?;
    details.reported = true;
    Some(Record::Own(SpanRecord {
        site,
        trace_id: span.trace_id,
        span_id: span.id,
        parent_id: span.parent_id,
        parent_is_remote: span.parent_is_remote,
        start: span.start,
        end: clock::ticks(),
        ending: Ending::Incomplete { failed },
        inherited: details.inherited.clone(),
        extra: details.extra.clone(),
    }))
}
