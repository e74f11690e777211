//! The same answers through reqwest: a server on a thread of its own writes them as fast as it can.

use std::thread;
use std::time::Instant;

use llmetry::RequestBuilderExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use super::{Cost, STREAMS, script};
use crate::meter::median;

pub(super) fn measure(traced: bool, samples: usize) -> Cost {
    let url = serve();
    let client = reqwest::Client::builder().no_proxy().build().expect("a client without settings");
    let runtime = runtime();
    let sample = || {
        runtime.block_on(async {
            let start = computed();
            let mut readers = JoinSet::new();
            for _ in 0..STREAMS {
                readers.spawn(read(client.clone(), url.clone(), traced));
            }
            let found = readers.join_all().await;
            (computed() - start, found)
        })
    };
    sample();
    let (mut all, mut firsts, mut chunks) = (Vec::new(), Vec::new(), 0);
    for _ in 0..samples {
        let (whole, found) = sample();
        let count: usize = found.iter().map(|(_, chunks)| chunks).sum();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        all.push(whole / count as f64);
        firsts.extend(found.iter().map(|(first, _)| *first));
        chunks += count;
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let chunks = chunks as f64 / (samples * STREAMS) as f64;
    Cost { chunk_ns: median(&all), first_ns: median(&firsts), chunks, ..Cost::default() }
}

/// Nanoseconds to the first chunk, and the number of chunks.
async fn read(client: reqwest::Client, url: String, traced: bool) -> (f64, usize) {
    let start = Instant::now();
    let request = client.post(url).header("content-type", "application/json").body(script::QUESTION);
    let sent = if traced { request.send_traced().await } else { request.send().await };
    let mut answer = sent.expect("the server answers");
    let (mut first, mut chunks) = (0.0, 0);
    while answer.chunk().await.expect("the server sends all").is_some() {
        if chunks == 0 {
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
            {
                first = start.elapsed().as_nanos() as f64;
            }
        }
        chunks += 1;
    }
    (first, chunks)
}

/// Nanoseconds that this thread has computed so far. The clock would count the server's time, too, and that of everybody else here.
/// Linux says; elsewhere the row is empty.
fn computed() -> f64 {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    said.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime of one thread")
}

/// Starts the server, which lives as long as the process, and says where it is.
fn serve() -> String {
    let (send, receive) = std::sync::mpsc::channel();
    thread::spawn(move || {
        runtime().block_on(async move {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
            send.send(listener.local_addr().expect("it is bound")).expect("somebody waits");
            let answer: &'static [u8] = answer().leak();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(converse(stream, answer));
            }
        });
    });
    format!("http://{}{}", receive.recv().expect("the server starts"), script::PATH)
}

/// One answer a request, on a connection that is kept.
async fn converse(mut stream: TcpStream, answer: &'static [u8]) {
    let mut request = Vec::new();
    loop {
        while !request.ends_with(script::QUESTION) {
            match stream.read_buf(&mut request).await {
                Ok(1..) => {}
                _ => return,
            }
        }
        request.clear();
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}

fn answer() -> Vec<u8> {
    let mut bytes = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
        transfer-encoding: chunked\r\n\r\n"
        .to_vec();
    for chunk in script::chunks() {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(&chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}
