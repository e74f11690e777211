//! Which hosts a rule is meant for, and the rules of what goes with outgoing requests.

use std::net::IpAddr;

/// Host patterns: an exact name, `*.example.com` for all below it, `*` for every host. Loopback is always in.
#[cfg(feature = "propagation")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HostPatterns(Vec<String>);

/// What goes with outgoing requests.
#[cfg(feature = "propagation")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Hosts that baggage may go to.
    pub(crate) baggage: HostPatterns,
    /// Hosts that trace context may go to.
    pub(crate) trace_context: HostPatterns,
    /// Whether trace context that a program has set by hand gives way to that of an observed call.
    #[cfg(feature = "llm")]
    pub(crate) replaces_trace_context: bool,
    /// Whether streams are asked to end with token counts.
    #[cfg(feature = "llm")]
    pub(crate) forces_stream_usage: bool,
}

#[cfg(feature = "propagation")]
impl Default for Policy {
    fn default() -> Self {
        Self {
            baggage: HostPatterns::default(),
            trace_context: HostPatterns(vec![EVERY.to_owned()]),
            #[cfg(feature = "llm")]
            replaces_trace_context: false,
            #[cfg(feature = "llm")]
            forces_stream_usage: false,
        }
    }
}

#[cfg(feature = "propagation")]
const EVERY: &str = "*";

#[cfg(feature = "propagation")]
impl HostPatterns {
    /// Patterns as the user wrote them; names are compared without regard to case.
    pub(crate) fn new(patterns: impl IntoIterator<Item = String>) -> Self {
        Self(patterns.into_iter().map(|pattern| pattern.to_ascii_lowercase()).collect())
    }

    /// Whether every host is meant, one that is not known too.
    pub(crate) fn is_every(&self) -> bool {
        self.0.iter().any(|pattern| pattern == EVERY)
    }

    /// Whether `host` (without port; IPv6 with or without brackets) is meant.
    pub(crate) fn matches(&self, host: &str) -> bool {
        let host = bare(host);
        is_loopback(&host)
            || self.0.iter().any(|pattern| match pattern.strip_prefix('*') {
                Some("") => true,
                Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix),
                None => host == *pattern,
            })
    }
}

/// `host` without brackets and final dot, in lower case.
fn bare(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase()
}

/// Whether `host` (IPv6 with or without brackets) is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = bare(host);
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(all(test, feature = "propagation"))]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_always_in_and_others_only_by_pattern() {
        let none = HostPatterns::default();
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "::1", "[::1]", "app.localhost"] {
            assert!(none.matches(host), "{host}");
        }
        for host in ["localhost.example.com", "10.0.0.1", "api.openai.com", "", "127.0.0.1.example.com"] {
            assert!(!none.matches(host), "{host}");
        }
        let some = HostPatterns::new(["*.internal".to_owned(), "Gateway".to_owned()]);
        assert!(some.matches("a.b.internal"));
        assert!(some.matches("gateway"));
        assert!(!some.matches(".internal"));
        assert!(!some.matches("internal"));
        assert!(!some.matches("notinternal"));
        assert!(!none.is_every() && !some.is_every());
        let every = Policy::default().trace_context;
        assert!(every.is_every() && every.matches("api.openai.com"));
    }
}
