//! Where all spans end: an exporter that counts them and does nothing else, so that a lost span shows.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

static EXPORTED: AtomicU64 = AtomicU64::new(0);

/// Spans that have arrived in this process, once it is `made` of them or no more are coming: a worker may hold the last batch when
/// its queue is already empty.
pub fn wait_for(made: u64) -> u64 {
    let patience = Instant::now() + Duration::from_secs(2);
    loop {
        let exported = EXPORTED.load(Ordering::Acquire);
        if exported >= made || Instant::now() > patience {
            return exported;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// `spans` have arrived.
pub fn arrived<T>(spans: &[T]) {
    black_box(spans);
    EXPORTED.fetch_add(spans.len() as u64, Ordering::AcqRel);
}

/// Exports nothing, in no time.
#[derive(Debug)]
pub struct NoopExporter;

impl SpanExporter for NoopExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        arrived(&batch);
        Ok(())
    }
}
