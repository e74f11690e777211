//! The receiver of the soak: phases of good and bad answers, and what it knows of every span that it has seen.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use llmetry_processes::receiver::http::{Http, Reply, decoded};
use llmetry_processes::receiver::spans;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;

use crate::random::Random;

/// How the receiver answers for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Up,
    Down,
    Unavailable,
    TooMany,
    Slow,
    ResetBefore,
    ResetAfter,
    Partial,
    Garbage,
}

/// Up is as likely as all the rest, or nothing would ever arrive.
const PHASES: [Phase; 16] = [
    Phase::Up,
    Phase::Up,
    Phase::Up,
    Phase::Up,
    Phase::Up,
    Phase::Up,
    Phase::Up,
    Phase::Up,
    Phase::Down,
    Phase::Unavailable,
    Phase::TooMany,
    Phase::Slow,
    Phase::ResetBefore,
    Phase::ResetAfter,
    Phase::Partial,
    Phase::Garbage,
];

/// What the receiver knows.
pub(crate) struct Arrived {
    pub(crate) stored: HashMap<u64, Delivery>,
    /// Spans of batches, or parts of them, whose answer said no.
    pub(crate) refused: HashSet<u64>,
    /// Stored again: the first time nobody was told.
    pub(crate) twice_unconfirmed: usize,
    /// Stored again: who was told has ended since.
    pub(crate) twice_unnoted: usize,
    /// Stored again, and nothing excuses it.
    pub(crate) twice: usize,
    pub(crate) requests: BTreeMap<Phase, usize>,
    pub(crate) phases: usize,
    phase: Phase,
    generation: usize,
    random: Random,
}

#[derive(Clone, Copy)]
pub(crate) struct Delivery {
    /// Which producer was running.
    generation: usize,
    confirmed: bool,
}

pub(crate) struct Faults {
    arrived: Arc<Mutex<Arrived>>,
    server: Option<Http>,
    address: SocketAddr,
    random: Random,
    until: Instant,
}

impl Faults {
    pub(crate) fn start(seed: u64) -> Self {
        let arrived = Arc::new(Mutex::new(Arrived {
            stored: HashMap::new(),
            refused: HashSet::new(),
            twice_unconfirmed: 0,
            twice_unnoted: 0,
            twice: 0,
            requests: BTreeMap::new(),
            phases: 0,
            phase: Phase::Up,
            generation: 0,
            random: Random::new(!seed),
        }));
        let server = serve(SocketAddr::from(([127, 0, 0, 1], 0)), &arrived).expect("loopback has a port");
        let random = Random::new(seed.rotate_left(32));
        Self { arrived, address: server.address, server: Some(server), random, until: Instant::now() }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn arrived(&self) -> MutexGuard<'_, Arrived> {
        lock(&self.arrived)
    }

    /// From here on requests are those of producer `number`.
    pub(crate) fn generation(&self, number: usize) {
        self.arrived().generation = number;
    }

    /// Goes to the next phase, if it is time to.
    pub(crate) fn turn(&mut self) {
        if Instant::now() < self.until {
            return;
        }
        self.until = Instant::now() + Duration::from_millis(self.random.between(200, 1_500));
        let phase = self.random.one_of(&PHASES);
        self.go_to(phase);
    }

    /// Well from here on.
    pub(crate) fn calm(&mut self) {
        self.go_to(Phase::Up);
    }

    fn go_to(&mut self, phase: Phase) {
        {
            let mut arrived = self.arrived();
            arrived.phase = phase;
            arrived.phases += 1;
        }
        if phase == Phase::Down {
            self.server = None;
        } else if self.server.is_none() {
            // The port may be another's by now, for a moment.
            self.server = serve(self.address, &self.arrived).ok();
        }
    }
}

fn lock(arrived: &Mutex<Arrived>) -> MutexGuard<'_, Arrived> {
    arrived.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(address: SocketAddr, arrived: &Arc<Mutex<Arrived>>) -> std::io::Result<Http> {
    let arrived = Arc::clone(arrived);
    Http::start(address, move |body| lock(&arrived).answer(body))
}

impl Arrived {
    fn answer(&mut self, body: &[u8]) -> Reply {
        let Some(request) = decoded(body) else { return Reply::status(400) };
        let ids: Vec<u64> = spans(request).into_iter().map(|span| span.id).collect();
        *self.requests.entry(self.phase).or_default() += 1;
        match self.phase {
            Phase::Up => {
                self.store(&ids, true);
                Reply::ok()
            }
            // The connection was there before; it is cut any moment.
            Phase::Down | Phase::ResetBefore => Reply { reset: true, ..Reply::ok() },
            Phase::Unavailable => Reply::status(503),
            Phase::TooMany => Reply { headers: "retry-after: 1\r\n".to_owned(), ..Reply::status(429) },
            Phase::Slow => {
                // Who waits may be gone before the answer comes.
                self.store(&ids, false);
                Reply { after: Duration::from_millis(500), ..Reply::ok() }
            }
            Phase::ResetAfter => {
                self.store(&ids, false);
                Reply { reset: true, ..Reply::ok() }
            }
            Phase::Partial => self.store_a_part(&ids),
            Phase::Garbage => {
                self.refused.extend(ids);
                Reply {
                    headers: "content-type: text/html\r\n".to_owned(),
                    body: b"<html>hello</html>".to_vec(),
                    ..Reply::status(200)
                }
            }
        }
    }

    fn store_a_part(&mut self, ids: &[u64]) -> Reply {
        let rejected =
            usize::try_from(self.random.between(1, ids.len().max(1) as u64)).unwrap_or(1).min(ids.len());
        let (no, yes) = ids.split_at(rejected);
        self.refused.extend(no);
        self.store(yes, true);
        let partial = ExportTracePartialSuccess {
            rejected_spans: i64::try_from(rejected).unwrap_or(i64::MAX),
            error_message: "some of it".to_owned(),
        };
        Reply {
            body: ExportTraceServiceResponse { partial_success: Some(partial) }.encode_to_vec(),
            ..Reply::ok()
        }
    }

    fn store(&mut self, ids: &[u64], confirmed: bool) {
        let delivery = Delivery { generation: self.generation, confirmed };
        for id in ids {
            let Some(before) = self.stored.insert(*id, delivery) else { continue };
            let count = if !before.confirmed {
                &mut self.twice_unconfirmed
            } else if before.generation != self.generation {
                &mut self.twice_unnoted
            } else {
                &mut self.twice
            };
            *count += 1;
        }
    }
}
