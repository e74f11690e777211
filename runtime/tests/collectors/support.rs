//! What every scenario needs: the program's environment, spans to lose, and the account that has to add up.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use llmetry::{Builder, Guard, Report, Stats, task};
use opentelemetry::trace::TraceContextExt;
use opentelemetry::{Context, SpanId};

use crate::receiver::{Answer, Asked, Protocol, Receiver};

/// Long enough for two slow cores; nothing waits so long unless it is broken.
pub(crate) const LONG: Duration = Duration::from_secs(20);
/// Several times the first wait before an attempt is repeated.
pub(crate) const A_WHILE: Duration = Duration::from_millis(400);

/// Where the program finds what the test has chosen for it.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
/// Plays a random scenario again.
pub(crate) const SEED: &str = "LLMETRY_TEST_SEED";
/// Ports that no system hands out by itself.
const PORTS: u16 = 10_000;
const FIRST_PORT: u16 = 20_000;

/// Makes of each scenario two tests, `http::…` and `grpc::…`, in processes of their own. `with` gives more variables.
macro_rules! scenarios {
    ($($name:ident $(with $variables:expr)?;)*) => {
        mod http {
            $(
                #[test]
                fn $name() {
                    let environment = $crate::support::Environment::new($crate::receiver::Protocol::Http);
                    $(let environment = environment.and(&$variables);)?
                    $crate::program::with_env(&environment.variables(), || {
                        super::$name($crate::receiver::Protocol::Http);
                    });
                }
            )*
        }
        mod grpc {
            $(
                #[test]
                fn $name() {
                    let environment = $crate::support::Environment::new($crate::receiver::Protocol::Grpc);
                    $(let environment = environment.and(&$variables);)?
                    $crate::program::with_env(&environment.variables(), || {
                        super::$name($crate::receiver::Protocol::Grpc);
                    });
                }
            )*
        }
    };
}
pub(crate) use scenarios;

/// What a program is told about its receiver; holds the port for as long as it lives.
pub(crate) struct Environment {
    variables: Vec<(String, String)>,
    _port: UdpSocket,
}

impl Environment {
    pub(crate) fn new(protocol: Protocol) -> Self {
        let (port, reserved) = port();
        let variables = [
            (ENDPOINT, format!("http://127.0.0.1:{port}")),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.name().to_owned()),
        ];
        // The seed is for the programs, which inherit no variable of ours.
        let seed = std::env::var(SEED).ok().map(|seed| (SEED, seed));
        let variables =
            variables.into_iter().chain(seed).map(|(name, value)| (name.to_owned(), value)).collect();
        Self { variables, _port: reserved }
    }

    /// The same with more variables, which overrule.
    pub(crate) fn and(mut self, more: &[(&str, &str)]) -> Self {
        self.variables.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self
    }

    /// The same over https.
    pub(crate) fn over_tls(mut self) -> Self {
        let (_, endpoint) = &mut self.variables[0];
        *endpoint = endpoint.replace("http://", "https://");
        self
    }

    pub(crate) fn variables(&self) -> Vec<(&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}

/// A port where nobody listens, and what keeps other tests from choosing it: its namesake of UDP.
fn port() -> (u16, UdpSocket) {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    for _ in 0..PORTS {
        let next = process::id() + u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = FIRST_PORT + u16::try_from(next % u32::from(PORTS)).unwrap();
        let Ok(reserved) = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)) else { continue };
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return (port, reserved);
        }
    }
    panic!("no port is free");
}

/// Where the program's exporter looks for its receiver.
pub(crate) fn address() -> SocketAddr {
    let endpoint = std::env::var(ENDPOINT).unwrap();
    endpoint.split_once("://").unwrap().1.parse().unwrap()
}

/// A receiver where the program looks for it.
pub(crate) fn receiver(
    protocol: Protocol,
    script: impl Fn(Asked) -> Answer + Send + Sync + 'static,
) -> Receiver {
    Receiver::up(address(), protocol, script)
}

/// These answers, one a request, and then spans are taken.
pub(crate) fn first<const N: usize>(answers: [Answer; N]) -> impl Fn(Asked) -> Answer + Send + Sync {
    move |asked| answers.get(asked.number).cloned().unwrap_or(Answer::take())
}

/// Always the same.
pub(crate) fn always(answer: Answer) -> impl Fn(Asked) -> Answer + Send + Sync {
    move |_| answer.clone()
}

/// Batches only when they are asked for, or full.
pub(crate) fn patient() -> Builder {
    llmetry::builder().service_name("collectors").schedule_delay(Duration::from_secs(3600))
}

/// Small batches, at once.
pub(crate) fn eager() -> Builder {
    llmetry::builder()
        .service_name("collectors")
        .schedule_delay(Duration::from_millis(10))
        .max_export_batch_size(64)
}

#[task]
fn step() -> SpanId {
    Context::current().span().span_context().span_id()
}

/// So many spans.
pub(crate) fn make(count: usize) -> Vec<SpanId> {
    (0..count).map(|_| step()).collect()
}

#[task]
fn heavy_step(bytes: usize) -> SpanId {
    llmetry::current().set_attribute("weight", "x".repeat(bytes));
    Context::current().span().span_context().span_id()
}

/// A span with a text of so many bytes.
pub(crate) fn make_heavy(bytes: usize) -> SpanId {
    heavy_step(bytes)
}

/// Waits for it; fails when it does not come.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < LONG, "in vain: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// Waits until so many spans are exported, without asking for it.
#[track_caller]
pub(crate) fn until_exported(guard: &Guard, count: usize) {
    until("exported", || guard.stats().exported >= count as u64);
    assert_eq!(guard.stats().exported, count as u64);
}

/// Every span is in exactly one place.
#[track_caller]
pub(crate) fn assert_adds_up(stats: &Stats) {
    let places =
        stats.exported + stats.failed + stats.dropped_total() + stats.queued + stats.spooled + stats.open;
    assert_eq!(stats.started, places, "{stats:?}");
}

/// Ends the program: all that was made is there, once, and nothing was sent after it had been confirmed.
#[track_caller]
pub(crate) fn ends_complete(guard: Guard, receiver: &Receiver, made: &[SpanId]) {
    let report = guard.shutdown(LONG);
    assert!(report.is_complete(), "{report}");
    assert_settled(&report, receiver, made);
    let store = receiver.store();
    assert_eq!(store.ids(), made.iter().copied().collect::<HashSet<_>>());
    assert_eq!(store.doubles(), 0, "there are spans that came twice, in requests of {:?}", store.sizes);
}

/// What holds whatever the receiver does: the account adds up to what was made, the spans that it calls exported are those that the
/// receiver has stored and confirmed, and what was confirmed never came again.
#[track_caller]
pub(crate) fn assert_settled(report: &Report, receiver: &Receiver, made: &[SpanId]) {
    let stats = &report.stats;
    assert!(report.in_time, "{report}");
    assert_adds_up(stats);
    assert_eq!((stats.started, stats.queued, stats.open), (made.len() as u64, 0, 0), "{stats:?}");
    let store = receiver.store();
    assert_eq!(store.again, 0, "confirmed, and sent again; {stats:?}");
    let made: HashSet<SpanId> = made.iter().copied().collect();
    assert!(store.ids().is_subset(&made), "the receiver has spans that nobody made");
    let otlp = stats.exporters.iter().find(|exporter| exporter.name == "otlp").unwrap();
    let promised = store.exported();
    assert!(promised.contains(&otlp.exported), "{promised:?} were confirmed, {stats:?}");
}

/// A flag for two threads.
pub(crate) fn shared<T: Default>() -> (Arc<T>, Arc<T>) {
    let one = Arc::new(T::default());
    (Arc::clone(&one), one)
}
