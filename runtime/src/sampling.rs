//! Which traces are recorded: the samplers of the OpenTelemetry specification, decided once at a trace's root.
//!
//! In: a trace id and, for a child, whether its parent is sampled. Out: yes or no. Does not: look at attributes.

/// Decides which traces are recorded.
///
/// Default: parent-based, all roots recorded. Environment: `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.
///
/// ```
/// use llmetry::Sampler;
/// // One trace in ten; whoever calls us with a decision of their own keeps it.
/// let sampler = Sampler::parent_based(Sampler::TraceIdRatio(0.1));
/// assert_eq!(sampler, Sampler::ParentBased(Box::new(Sampler::TraceIdRatio(0.1))));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Sampler {
    /// Every span is recorded.
    AlwaysOn,
    /// No span is recorded.
    AlwaysOff,
    /// This share of all traces, `0.0` to `1.0`, by trace id: the same traces in every process that uses the same share.
    TraceIdRatio(f64),
    /// A child follows its parent, local or remote; the inner sampler decides about roots.
    ParentBased(Box<Sampler>),
}

impl Default for Sampler {
    fn default() -> Self {
        Self::parent_based(Self::AlwaysOn)
    }
}

impl Sampler {
    /// A sampler that follows the parent's decision and asks `root` where there is no parent.
    #[must_use]
    pub fn parent_based(root: Self) -> Self {
        Self::ParentBased(Box::new(root))
    }

    /// Whether the span of `trace_id` is recorded; `parent` is the parent's decision, `None` for a root.
    pub(crate) fn samples(&self, trace_id: u128, parent: Option<bool>) -> bool {
        match self {
            Self::AlwaysOn => true,
            Self::AlwaysOff => false,
            Self::TraceIdRatio(ratio) => ratio_samples(*ratio, trace_id),
            Self::ParentBased(root) => parent.unwrap_or_else(|| root.samples(trace_id, None)),
        }
    }

    /// The same rule for spans that foreign code starts through the OpenTelemetry API.
    #[cfg(feature = "sdk")]
    pub(crate) fn to_sdk(&self) -> opentelemetry_sdk::trace::Sampler {
        use opentelemetry_sdk::trace::Sampler as Sdk;
        match self {
            Self::AlwaysOn => Sdk::AlwaysOn,
            Self::AlwaysOff => Sdk::AlwaysOff,
            Self::TraceIdRatio(ratio) => Sdk::TraceIdRatioBased(*ratio),
            Self::ParentBased(root) => Sdk::ParentBased(Box::new(root.to_sdk())),
        }
    }
}

/// The arithmetic of the OpenTelemetry SDKs: the low 63 bits of the trace id against a bound.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "the SDKs do the same"
)]
fn ratio_samples(ratio: f64, trace_id: u128) -> bool {
    if ratio >= 1.0 {
        return true;
    }
    let bound = (ratio.max(0.0) * (1_u64 << 63) as f64) as u64;
    ((trace_id as u64) >> 1) < bound
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_follows_its_parent() {
        let sampler = Sampler::parent_based(Sampler::AlwaysOff);
        assert!(sampler.samples(1, Some(true)));
        assert!(!sampler.samples(1, Some(false)));
        assert!(!sampler.samples(1, None));
        assert!(!Sampler::AlwaysOff.samples(1, Some(true)));
    }

    #[cfg(feature = "sdk")]
    #[test]
    fn the_ratio_agrees_with_the_sdk() {
        use opentelemetry_sdk::trace::ShouldSample;
        for ratio in [0.0, 0.001, 0.25, 0.5, 0.999, 1.0] {
            let sdk = Sampler::TraceIdRatio(ratio).to_sdk();
            let mut id: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834;
            for _ in 0..2_000 {
                id = id.wrapping_mul(0xda94_2042_e4dd_58b5).wrapping_add(1);
                let theirs = sdk.should_sample(
                    None,
                    opentelemetry::trace::TraceId::from(id),
                    "",
                    &opentelemetry::trace::SpanKind::Internal,
                    &[],
                    &[],
                );
                let theirs = theirs.decision == opentelemetry_sdk::trace::SamplingDecision::RecordAndSample;
                assert_eq!(Sampler::TraceIdRatio(ratio).samples(id, None), theirs, "{ratio} {id:x}");
            }
        }
    }
}
