//! Answers that mean harm: ten thousand of them, made from a seed, through the layer. The client reads the bytes that the server sent, each
//! call leaves one span, and what is on it is bounded. That the reader's memory is bounded is shown where the reader is.

use std::convert::Infallible;
use std::future::Future;
use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use llmetry::LlmLayer;
use llmetry::testing::record;
use tower::{ServiceBuilder, ServiceExt};

const ANSWERS: u64 = 10_000;
/// More than all attributes of a call may have together while content is off.
const BOUND: usize = 32 * 1024;

const PATHS: [&str; 8] = [
    "/v1/chat/completions",
    "/v1/responses",
    "/v1/embeddings",
    "/v1/messages",
    "/v1beta/models/g:streamGenerateContent",
    "/api/chat",
    "/model/m/converse-stream",
    "/v2/chat",
];
const TYPES: [&str; 6] = [
    "text/event-stream",
    "application/json",
    "application/x-ndjson",
    "application/vnd.amazon.eventstream",
    "text/html",
    "",
];

/// A generator of pseudo-random numbers (xorshift); the seed makes a failure repeatable.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or_default() % bound
    }

    fn one_of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.below(256).to_le_bytes()[0]).collect()
    }
}

/// One body that no server should send.
fn body(random: &mut Random) -> Vec<u8> {
    let length = 1 + random.below(4_000);
    match random.below(9) {
        // A line without end.
        0 => [b"data: {\"id\":\"".to_vec(), vec![b'x'; length * 10]].concat(),
        // Deep nesting.
        1 => random.one_of(&["[", "{\"a\":", "{\"choices\":[", "{\"delta\":{\"content\":["]).repeat(length).into(),
        // Frames of wrong lengths and sums.
        2 => {
            let said = u32::try_from(random.below(1 << 20)).unwrap_or_default();
            [&said.to_be_bytes()[..], &said.to_be_bytes()[..], &random.bytes(length)].concat()
        }
        // A bomb: a little that stands for much.
        3 => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(&vec![b' '; 1 << 16]).unwrap();
            encoder.finish().unwrap()
        }
        // No text.
        4 => [b"data: ".to_vec(), random.bytes(length), b"\n\n".to_vec()].concat(),
        5 => random.bytes(length),
        // Numbers, counts and texts that nobody expects.
        6 => b"data: {\"choices\":[{\"index\":4294967295,\"delta\":7}],\"usage\":{\"prompt_tokens\":-1e308,\"completion_tokens\":18446744073709551616}}\n\n"
            .repeat(1 + length / 100),
        // Very many small things.
        7 => b"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":9,\"id\":\"a\",\"function\":{\"name\":\"b\"}}]}}]}\n\n"
            .repeat(1 + length / 20),
        // Nothing at all.
        _ => Vec::new(),
    }
}

/// A body in pieces, with no end that can be known beforehand.
fn pieces(bytes: &[u8], length: usize) -> impl Body<Data = Bytes, Error = Infallible> + use<> {
    let mut pieces: Vec<Bytes> = bytes.chunks(length).map(Bytes::copy_from_slice).collect();
    pieces.reverse();
    http_body_util::StreamBody::new(futures_util::stream::iter(std::iter::from_fn(move || {
        pieces.pop().map(|piece| Ok(Frame::data(piece)))
    })))
}

fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn ten_thousand_hostile_answers_pass_as_they_are() {
    run(async {
        for seed in 1..=ANSWERS {
            let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let sent = body(&mut random);
            let (path, content_type) = (random.one_of(&PATHS), random.one_of(&TYPES));
            let (status, length) = (random.one_of(&[200_u16, 200, 200, 400, 500]), 1 + random.below(3_000));
            let encoding = if sent.starts_with(&[0x1f, 0x8b]) { "gzip" } else { "identity" };
            let answer = sent.clone();
            let service = tower::service_fn(move |_: Request<Full<Bytes>>| {
                let answer = Response::builder()
                    .status(status)
                    .header("content-type", content_type)
                    .header("content-encoding", encoding)
                    .body(pieces(&answer, length));
                async move { answer }
            });
            let asked = Full::from(r#"{"model":"m","stream":true}"#);
            let request = Request::post(format!("http://localhost{path}")).body(asked).unwrap();
            let service = ServiceBuilder::new().layer(LlmLayer::new()).service(service);
            let (read, trace) =
                record(async { service.oneshot(request).await.unwrap().collect().await.unwrap().to_bytes() })
                    .await;
            assert!(read == sent, "seed {seed}: the client reads what was sent");
            let [span] = trace.spans() else { panic!("seed {seed}: one span\n{trace}") };
            let size: usize = span.attributes().map(|(key, value)| key.len() + value.to_string().len()).sum();
            assert!(size < BOUND, "seed {seed}: {size} bytes of attributes");
            assert_eq!(
                span.is_error(),
                status >= 400 || span.attribute("error.type").is_some(),
                "seed {seed}"
            );
        }
    });
}
