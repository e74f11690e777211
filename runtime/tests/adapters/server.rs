//! A server on loopback: plays one script a request, in order, and keeps what it was sent.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What the server does with one request.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    status: &'static str,
    headers: Vec<(&'static str, String)>,
    pieces: Vec<Vec<u8>>,
    /// In chunks, a piece each; else with its length.
    is_chunked: bool,
    then: Then,
}

/// What comes after the pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    End,
    /// The connection is closed, as if the body had no end.
    BreakOff,
    /// The connection is reset once the test says so.
    Reset,
    /// Nothing, for ever.
    Silence,
    /// Not even a head.
    NoAnswer,
    /// Not even a head, and the connection is closed.
    HangUp,
}

impl Script {
    pub(crate) fn whole(status: &'static str, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("content-type", content_type.to_owned()), ("x-request-id", "req-1".to_owned())],
            pieces: vec![body.into()],
            is_chunked: false,
            then: Then::End,
        }
    }

    /// A recorded answer, in pieces of `bytes`.
    pub(crate) fn recorded(
        status: u16,
        headers: &serde_json::Map<String, serde_json::Value>,
        body: &[u8],
        bytes: usize,
    ) -> Self {
        // The recordings are decoded, and framed anew here.
        let framing = ["content-encoding", "content-length", "transfer-encoding", "connection"];
        let headers = headers
            .iter()
            .filter(|(name, _)| !framing.contains(&name.to_ascii_lowercase().as_str()))
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.replace(['\r', '\n'], " "))))
            .map(|(name, value)| (&*name.leak(), value))
            .collect();
        Self {
            status: format!("{status} Recorded").leak(),
            headers,
            pieces: body.chunks(bytes).map(<[u8]>::to_vec).collect(),
            is_chunked: true,
            then: Then::End,
        }
    }

    pub(crate) fn json(status: &'static str, body: &str) -> Self {
        Self::whole(status, "application/json", body)
    }

    /// Events in pieces of `bytes`.
    pub(crate) fn events(body: &str, bytes: usize) -> Self {
        Self {
            pieces: body.as_bytes().chunks(bytes).map(<[u8]>::to_vec).collect(),
            is_chunked: true,
            ..Self::whole("200 OK", "text/event-stream; charset=utf-8", "")
        }
    }

    /// In two pieces.
    pub(crate) fn cut_at(self, at: usize) -> Self {
        let body = self.pieces.concat();
        let (head, tail) = body.split_at(at);
        Self { pieces: vec![head.to_vec(), tail.to_vec()], ..self }
    }

    pub(crate) fn redirect(to: String) -> Self {
        let mut script = Self::whole("307 Temporary Redirect", "text/plain", "moved");
        script.headers.push(("location", to));
        script
    }

    pub(crate) fn no_answer() -> Self {
        Self { then: Then::NoAnswer, ..Self::json("", "") }
    }

    pub(crate) fn hangs_up() -> Self {
        Self { then: Then::HangUp, ..Self::json("", "") }
    }

    pub(crate) fn breaks_off(self) -> Self {
        Self { then: Then::BreakOff, ..self }
    }

    pub(crate) fn reset_midway(self) -> Self {
        Self { then: Then::Reset, ..self }
    }

    pub(crate) fn falls_silent(self) -> Self {
        Self { then: Then::Silence, ..self }
    }

    /// The same body, compressed.
    pub(crate) fn gzipped(mut self) -> Self {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(&self.pieces.concat()).unwrap();
        let body = encoder.finish().unwrap();
        self.pieces = if self.is_chunked { body.chunks(5).map(<[u8]>::to_vec).collect() } else { vec![body] };
        self.headers.push(("content-encoding", "gzip".to_owned()));
        self
    }

    /// Other bytes, of the same length.
    pub(crate) fn spoilt(mut self) -> Self {
        for byte in self.pieces.iter_mut().flatten().skip(12) {
            *byte ^= 0x55;
        }
        self
    }

    pub(crate) fn pieces(&self) -> &[Vec<u8>] {
        &self.pieces
    }

    fn head(&self) -> String {
        let mut head = format!("HTTP/1.1 {}\r\nconnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        if self.is_chunked {
            head.push_str("transfer-encoding: chunked\r\n");
        } else {
            let length: usize = self.pieces.iter().map(Vec::len).sum();
            // What breaks off or falls silent has promised more.
            let missing = usize::from(self.then != Then::End) * 10;
            write!(head, "content-length: {}\r\n", length + missing).unwrap();
        }
        head + "\r\n"
    }
}

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Received {
    pub(crate) line: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    reset: Arc<Notify>,
    promised: usize,
}

impl Server {
    /// Plays `script` with its own address, and then what it gives.
    pub(crate) async fn start(script: impl FnOnce(SocketAddr) -> Vec<Script>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let reset = Arc::new(Notify::new());
        let scripts = VecDeque::from(script(address));
        let promised = scripts.back().map_or(0, |script| script.pieces.concat().len());
        let scripts = Arc::new(Mutex::new(scripts));
        let server = Self { address, received: Arc::clone(&received), reset: Arc::clone(&reset), promised };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (received, reset) = (Arc::clone(&received), Arc::clone(&reset));
                let scripts = Arc::clone(&scripts);
                tokio::spawn(async move {
                    let mut stream = stream;
                    let Some(request) = receive(&mut stream).await else { return };
                    received.lock().unwrap().push(request);
                    let script = scripts.lock().unwrap().pop_front().expect("no request more than scripts");
                    // The client may go away at any time.
                    _ = play(&script, stream, &reset).await;
                });
            }
        });
        server
    }

    pub(crate) async fn playing<const N: usize>(scripts: [Script; N]) -> Self {
        Self::start(|_| scripts.into()).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Bytes of the last script's body.
    pub(crate) fn promised(&self) -> usize {
        self.promised
    }

    /// Lets a connection that is to be reset go.
    pub(crate) fn reset(&self) {
        self.reset.notify_one();
    }
}

async fn receive(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    let mut received = Received { line: lines.next().unwrap().to_owned(), ..Received::default() };
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        let name: HeaderName = name.parse().unwrap();
        received.headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    let is_whole = |body: &[u8]| match received.header("content-length") {
        Some(length) => body.len() >= length.parse().unwrap(),
        None if received.headers.contains_key("transfer-encoding") => body.ends_with(b"0\r\n\r\n"),
        None => true,
    };
    while !is_whole(&bytes[end..]) {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    received.body = bytes[end..].to_vec();
    Some(received)
}

async fn play(script: &Script, mut stream: TcpStream, reset: &Notify) -> std::io::Result<()> {
    match script.then {
        Then::NoAnswer => return std::future::pending().await,
        Then::HangUp => return Ok(()),
        _ => {}
    }
    stream.write_all(script.head().as_bytes()).await?;
    for piece in &script.pieces {
        if script.is_chunked {
            let mut chunk = format!("{:x}\r\n", piece.len()).into_bytes();
            chunk.extend_from_slice(piece);
            chunk.extend_from_slice(b"\r\n");
            stream.write_all(&chunk).await?;
        } else {
            stream.write_all(piece).await?;
        }
    }
    match script.then {
        Then::End if script.is_chunked => stream.write_all(b"0\r\n\r\n").await?,
        Then::End | Then::BreakOff | Then::HangUp => {}
        Then::Reset => {
            reset.notified().await;
            stream.set_zero_linger()?;
        }
        Then::Silence | Then::NoAnswer => std::future::pending().await,
    }
    Ok(())
}
