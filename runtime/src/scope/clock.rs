//! Time for spans: one cheap reading on the caller, turned into wall-clock time on the pipeline's thread.
//!
//! Out: [`ticks`], a counter that never goes back while the system runs, so that no span is negative when somebody sets the wall
//! clock; and [`Anchor`], which turns ticks into `SystemTime`. Does not: calibrate anything at start-up. The counter's rate is measured
//! between the first anchor and the present one, so it is known no worse than the moments it is used for.
//!
//! Where the processor has a time-stamp counter that the kernel trusts, ticks are its cycles (9 ns a reading where the system's
//! clock takes 31: a fifth of a span's whole cost). Elsewhere they are nanoseconds of the monotonic clock.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod tsc {
    //! The time-stamp counter of `x86_64`, if it can serve as a clock.

    /// Constant rate, never stopping, and the same on all cores: the processor says the first two, and a kernel that found
    /// the third wanting takes the counter off its list.
    pub(super) fn is_reliable() -> bool {
        is_invariant()
            && std::fs::read_to_string("/sys/devices/system/clocksource/clocksource0/available_clocksource")
                .is_ok_and(|sources| sources.split_whitespace().any(|source| source == "tsc"))
    }

    #[expect(
        unsafe_code,
        reason = "the processor's identification has no safe interface in std on every supported toolchain"
    )]
    #[allow(unused_unsafe, reason = "later toolchains declare it safe")]
    fn is_invariant() -> bool {
        use std::arch::x86_64::__cpuid;
        // SAFETY: every x86_64 processor has the CPUID instruction, and leaf 0x8000_0000 says which others it has.
        unsafe { __cpuid(0x8000_0000).eax >= 0x8000_0007 && __cpuid(0x8000_0007).edx & (1 << 8) != 0 }
    }

    #[inline]
    #[expect(unsafe_code, reason = "the counter has no safe interface in std")]
    pub(super) fn read() -> u64 {
        // SAFETY: every x86_64 processor has the instruction; it reads a counter and touches no memory. A system that forbids it
        // to programs does not list the counter as a clock source, and then this is not called.
        unsafe { std::arch::x86_64::_rdtsc() }
    }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
mod tsc {
    //! No time-stamp counter is used on this platform.

    pub(super) fn is_reliable() -> bool {
        false
    }

    pub(super) fn read() -> u64 {
        0
    }
}

/// How this process reads its ticks; decided once, at the first installation.
#[derive(Clone, Copy, Debug)]
enum Source {
    Counter,
    /// Nanoseconds since this moment.
    Monotonic(Instant),
}

static SOURCE: OnceLock<Source> = OnceLock::new();

fn source() -> Source {
    *SOURCE
        .get_or_init(|| if tsc::is_reliable() { Source::Counter } else { Source::Monotonic(Instant::now()) })
}

/// The present moment, in ticks.
#[inline]
pub(crate) fn ticks() -> u64 {
    match source() {
        Source::Counter => tsc::read(),
        // 584 years of nanoseconds fit.
        Source::Monotonic(base) => {
            let elapsed = base.elapsed();
            elapsed.as_secs() * 1_000_000_000 + u64::from(elapsed.subsec_nanos())
        }
    }
}

/// One moment on all three clocks.
#[derive(Clone, Copy, Debug)]
struct Moment {
    ticks: u64,
    monotonic: Instant,
    wall: SystemTime,
}

impl Moment {
    fn now() -> Self {
        Self { ticks: ticks(), monotonic: Instant::now(), wall: SystemTime::now() }
    }
}

/// Maps ticks to wall-clock time; taken again from time to time, so that a corrected wall clock is followed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anchor {
    /// Where the measurement of the rate begins.
    base: Moment,
    now: Moment,
    nanos_per_tick: f64,
}

#[cfg_attr(not(feature = "spool"), allow(dead_code, reason = "what is kept is for the spool"))]
impl Anchor {
    pub(crate) fn new() -> Self {
        let now = Moment::now();
        Self { base: now, now, nanos_per_tick: 1.0 }
    }

    /// As words that can be kept, for a later process that reads ticks of this one: ticks and wall clock (nanoseconds since 1970) of the
    /// present moment, the rate, and how many nanoseconds long it was measured.
    pub(crate) fn to_words(self) -> [u64; 4] {
        let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let measured = match source() {
            Source::Monotonic(_) => u64::MAX,
            Source::Counter => nanos(self.now.monotonic.saturating_duration_since(self.base.monotonic)),
        };
        let wall = self.now.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        [self.now.ticks, nanos(wall), self.nanos_per_tick.to_bits(), measured]
    }

    /// The anchor that was kept as `words`; `None` when it is none. `same_run`: an anchor of this process, if the system has not been started
    /// anew since, whose rate holds if it was measured for longer.
    pub(crate) fn from_words(words: [u64; 4], same_run: Option<&Self>) -> Option<Self> {
        let [ticks, wall, rate, measured] = words;
        let mut nanos_per_tick = f64::from_bits(rate);
        // Ours is the counter's; the system may have taken that off its list between the two processes.
        if let Some(own) = same_run
            && matches!(source(), Source::Counter)
            && own.to_words()[3] > measured
        {
            nanos_per_tick = own.nanos_per_tick;
        }
        let wall = SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(wall))?;
        let now = Moment { ticks, monotonic: Instant::now(), wall };
        // From a counter of 1 THz to one of 1 kHz.
        (1e-3..=1e6).contains(&nanos_per_tick).then_some(Self { base: now, now, nanos_per_tick })
    }

    /// The ticks of the present moment, as far as the anchor knows.
    pub(crate) fn ticks(&self) -> u64 {
        self.now.ticks
    }

    /// Follows the clocks to the present moment, before ticks up to now are mapped.
    pub(crate) fn advance(&mut self) {
        self.advance_to(Moment::now());
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "52 bits of nanoseconds are 52 days; the rate needs no more digits"
    )]
    fn advance_to(&mut self, now: Moment) {
        let ticks = now.ticks.saturating_sub(self.base.ticks);
        let nanos = now.monotonic.saturating_duration_since(self.base.monotonic).as_nanos();
        if matches!(source(), Source::Monotonic(_)) {
            self.nanos_per_tick = 1.0;
        } else if ticks == 0 || now.ticks < self.now.ticks {
            // The counter was set back (a suspended machine): measure anew, with the rate known so far.
            self.base = now;
        } else {
            self.nanos_per_tick = nanos as f64 / ticks as f64;
        }
        self.now = now;
    }

    /// The wall-clock time of `ticks`.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "distances from the anchor, in nanoseconds, as non-negative floats"
    )]
    pub(crate) fn wall(&self, ticks: u64) -> SystemTime {
        let distance = |ticks: u64| Duration::from_nanos((ticks as f64 * self.nanos_per_tick) as u64);
        if ticks >= self.now.ticks {
            self.now.wall + distance(ticks - self.now.ticks)
        } else {
            self.now.wall.checked_sub(distance(self.now.ticks - ticks)).unwrap_or(SystemTime::UNIX_EPOCH)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_never_go_back() {
        let mut last = ticks();
        for _ in 0..1_000 {
            let now = ticks();
            assert!(now >= last);
            last = now;
        }
    }

    #[test]
    fn an_anchor_maps_ticks_to_the_wall_clock() {
        let mut anchor = Anchor::new();
        let before = SystemTime::now();
        let tick = ticks();
        let after = SystemTime::now();
        while anchor.now.monotonic.elapsed() < Duration::from_millis(5) {}
        anchor.advance();
        let slack = Duration::from_millis(2);
        let wall = anchor.wall(tick);
        assert!(wall + slack >= before && wall <= after + slack, "{before:?} {wall:?} {after:?}");
    }

    #[test]
    fn an_anchor_can_be_kept() {
        let mut anchor = Anchor::new();
        while anchor.now.monotonic.elapsed() < Duration::from_millis(5) {}
        anchor.advance();
        let kept = Anchor::from_words(anchor.to_words(), None).unwrap();
        let tick = anchor.now.ticks - 1_000;
        assert_eq!(kept.ticks(), anchor.ticks());
        let wall =
            |anchor: &Anchor| anchor.wall(tick).duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
        assert_eq!(wall(&kept), wall(&anchor));
        let [ticks, time, _, measured] = anchor.to_words();
        for rate in [f64::NAN, -1.0, 0.0, 1e30] {
            assert!(Anchor::from_words([ticks, time, rate.to_bits(), measured], None).is_none(), "{rate}");
        }
        let ours = Anchor::from_words([ticks, time, 0, 0], Some(&anchor));
        assert_eq!(
            ours.is_some(),
            matches!(source(), Source::Counter),
            "our own rate is better, if we have one"
        );
        assert!(Anchor::from_words([u64::MAX, u64::MAX, 1_f64.to_bits(), 0], None).is_some());
    }

    #[test]
    fn a_counter_that_was_set_back_does_not_break_the_rate() {
        let mut anchor = Anchor::new();
        let second = Duration::from_secs(1);
        let moment = |ticks, seconds: u32| Moment {
            ticks,
            monotonic: anchor.base.monotonic + second * seconds,
            wall: anchor.base.wall + second * seconds,
        };
        let base = anchor.base.ticks;
        let (ahead, back, later) = (moment(base + 2_000_000_000, 1), moment(5, 2), moment(2_000_000_005, 3));
        anchor.advance_to(ahead);
        let rate = anchor.nanos_per_tick;
        anchor.advance_to(back);
        assert!((anchor.nanos_per_tick - rate).abs() < f64::EPSILON);
        anchor.advance_to(later);
        assert!((anchor.nanos_per_tick - rate).abs() < 0.01 * rate);
    }
}
