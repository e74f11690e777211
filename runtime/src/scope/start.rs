//! The start of a span: who is the parent, is it recorded, which ids, since when.
//!
//! In: a function's [`Site`]. Out: [`Started`], with our span current. Does not: know how long it will be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::{Context, ContextGuard};

use super::local::{self, Joined, Local};
use super::own::OwnSpan;
use super::{OpenSpans, clock, halves, inherit, slot};
use crate::diag;
use crate::hub;
use crate::pipeline::spool::Start;
use crate::pipeline::stats::DropReason;
use crate::record::{Inherited, Kind, Site};
use crate::semconv::{self, Convention};

/// What a start came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Started {
    /// The span is open in this slot.
    Recorded(u32),
    /// A trace that is not recorded begins here; the context carries its ids with the sampled flag off, so that every header of
    /// the trace says the same.
    Unsampled,
    /// Nothing: an unsampled trace goes on, telemetry is suppressed, nobody is listening, or there is no room.
    Nothing,
}

/// A trace id that the next root takes instead of a random one, and records: `testing::record` follows its spans by it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForcedTrace(pub(crate) u128);

/// Workflows that are open: a task or tool that begins a trace of its own meanwhile has probably lost its parent.
static OPEN_WORKFLOWS: AtomicUsize = AtomicUsize::new(0);

/// Opens the span of `site` under whatever is current, and makes it current.
pub(super) fn start(site: &'static Site, epoch: u32, started: &mut Started) -> Option<ContextGuard> {
    *started = Started::Nothing;
    local::with(|local| {
        local.joined(epoch, |joined| {
            // Written in place: an `Option<Context>` handed back is moved in pieces that the processor waits for.
            let mut context = Context::new();
            Context::map_current(|current| start_in(site, local, joined, current, started, &mut context));
            match started {
                Started::Nothing => None,
                Started::Recorded(_) | Started::Unsampled => Some(context.attach()),
            }
        })
    })??
}

#[inline]
fn start_in(
    site: &'static Site,
    local: &Local,
    joined: &Joined,
    current: &Context,
    started: &mut Started,
    context: &mut Context,
) {
    if current.is_telemetry_suppressed() {
        return;
    }
    let installed = &*joined.installed;
    let span = current.span();
    let parent = span.span_context();
    let (trace_id, parent_id) = if parent.is_valid() {
        let trace_id = u128::from_be_bytes(parent.trace_id().to_bytes());
        if !installed.sampler.samples(trace_id, Some(parent.is_sampled())) {
            return;
        }
        (trace_id, u64::from_be_bytes(parent.span_id().to_bytes()))
    } else {
        match root_trace_id(local, current) {
            Ok(forced) => (forced, 0),
            Err(random) if installed.sampler.samples(random, None) => (random, 0),
            Err(random) => {
                *started = Started::Unsampled;
                *context = current.with_remote_span_context(unsampled(local, random));
                return;
            }
        }
    };
    let Some(index) = local.take_slot(installed.limits.open_spans) else {
        joined.seat.count_started();
        installed.intake.count_drop(DropReason::TooManyOpen);
        return;
    };
    let id = local.ids.span_id(index);
    let trace_state = parent.trace_state();
    *context = current
        .with_span(OwnSpan::new(span_context(trace_id, id, TraceFlags::SAMPLED, trace_state.clone()), index));
    let around = inherit::around(parent, trace_id, parent_id, current);
    let inherited = handed_on(installed.convention, site, around);
    joined.seat.count_started();
    match site.kind {
        Kind::Workflow => {
            OPEN_WORKFLOWS.fetch_add(1, Ordering::Relaxed);
        }
        Kind::Task | Kind::Tool if parent_id == 0 => note_orphan(site, joined),
        _ => {}
    }
    let slot = OpenSpans::get().slot(index);
    if inherited.is_some() || *trace_state != TraceState::NONE {
        slot.inherits.store(inherited.is_some(), Ordering::Relaxed);
        let mut details = slot.touch();
        details.inherited = inherited;
        if *trace_state != TraceState::NONE {
            details.extra().trace_state = trace_state.clone();
        }
    }
    let opened = slot::Started {
        id,
        trace_id: halves(trace_id),
        parent_id,
        parent_is_remote: parent.is_remote(),
        epoch: installed.epoch,
        site: site.number(),
        // Late, so that our own work is not in the span.
        start: clock::ticks(),
    };
    let start = Start {
        id,
        trace_id: opened.trace_id,
        parent_id,
        parent_is_remote: opened.parent_is_remote,
        ticks: opened.start,
    };
    // First: who finds the span in its slot and reports it takes its start out of the spool again.
    installed.intake.opened(index, site, &start);
    slot.open(&opened);
    *started = Started::Recorded(index);
}

/// The ids of a root that is not recorded. Its span id names a slot too, but the slot's own id is another one.
fn unsampled(local: &Local, trace_id: u128) -> SpanContext {
    span_context(trace_id, local.ids.span_id(0), TraceFlags::NOT_SAMPLED, TraceState::NONE)
}

/// A context for what goes on inside of a root that is not recorded, when the one of its call is gone.
pub(super) fn unsampled_root() -> Option<Context> {
    let current = local::current_context()?;
    let ids = local::with(|local| unsampled(local, local.ids.trace_id()))?;
    Some(current.with_remote_span_context(ids))
}

/// `Ok`: a trace id that somebody asked for. `Err`: a random one.
fn root_trace_id(local: &Local, current: &Context) -> Result<u128, u128> {
    match current.get::<ForcedTrace>() {
        Some(ForcedTrace(id)) => Ok(*id),
        None => Err(local.ids.trace_id()),
    }
}

fn span_context(trace_id: u128, span_id: u64, flags: TraceFlags, trace_state: TraceState) -> SpanContext {
    SpanContext::new(TraceId::from(trace_id), SpanId::from(span_id), flags, false, trace_state)
}

/// What the span hands on: what it took over from around it, and perhaps something of its own.
#[inline]
fn handed_on(
    convention: Convention,
    site: &'static Site,
    around: Option<Arc<Inherited>>,
) -> Option<Arc<Inherited>> {
    if semconv::adds_to_inherited(convention, site.kind) {
        return Some(Arc::new(semconv::handed_on(convention, site, around.as_deref())));
    }
    around
}

#[cold]
fn note_orphan(site: &'static Site, joined: &Joined) {
    if OPEN_WORKFLOWS.load(Ordering::Relaxed) == 0 {
        return;
    }
    joined.installed.intake.count_orphan();
    diag::once(
        "orphan",
        &format!(
            "`{}` ({}:{}) began a trace of its own while a workflow was open; if it was spawned inside, use `llmetry::spawn` or \
             `.in_current_trace()` so that it stays in the workflow's trace (said once; `stats().orphans` counts)",
            site.name, site.file, site.line
        ),
    );
}

/// Called when a recorded workflow of installation `epoch` has ended.
pub(super) fn workflow_ended(epoch: u32) {
    if hub::is_own(epoch) {
        OPEN_WORKFLOWS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// In the child of a fork: the workflows of its parent are not its own.
#[cfg(feature = "sdk")]
pub(super) fn forked() {
    OPEN_WORKFLOWS.store(0, Ordering::Relaxed);
}
