//! Against sockets that nobody answers on; what arrives is tested with a real receiver elsewhere.

use std::net::TcpListener;
use std::time::Instant;

use super::super::super::stdout::tests::{export, span};
use super::*;

fn setting(address: impl fmt::Display, timeout: Duration) -> OtlpSetting {
    let headers = vec![("authorization".to_owned(), "Bearer sesame".to_owned())];
    OtlpSetting { endpoint: format!("http://{address}"), headers, timeout }
}

#[test]
fn a_receiver_that_is_away_is_named_with_the_cause() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let exporter = exporter(&setting(free, Duration::from_secs(5))).unwrap();
    let error = export(&exporter, vec![span(1, 0, "a", 0, 1)]).unwrap_err().to_string();
    assert!(error.contains(&format!("export to http://{free} failed: ")), "{error}");
    assert!(error.to_lowercase().contains("refused") && !error.contains("sesame"), "{error}");
}

#[test]
fn a_receiver_that_hangs_costs_the_timeout_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let exporter = exporter(&setting(listener.local_addr().unwrap(), Duration::from_millis(300))).unwrap();
    let begin = Instant::now();
    export(&exporter, vec![span(1, 0, "a", 0, 1)]).unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
}

#[test]
fn it_can_be_built_and_dropped_inside_another_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        drop(exporter(&setting("127.0.0.1:1", Duration::from_secs(1))).unwrap());
        assert!(exporter(&setting("ho st", Duration::from_secs(1))).unwrap_err().is_exporter());
    });
}

#[test]
fn settings_that_grpc_does_not_allow_are_refused() {
    let mut setting = setting("127.0.0.1:1", Duration::from_secs(1));
    setting.headers.push(("x-key".to_owned(), "sesame\n".to_owned()));
    let error = exporter(&setting).unwrap_err().to_string();
    assert!(error.contains("header `x-key` is not valid") && !error.contains("sesame"), "{error}");
}
