//! A server on loopback that answers by script, one connection a request, and keeps what it received.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// An answer whose body is sent in chunks, each in a write of its own.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    status: u16,
    content_type: &'static str,
    pieces: Vec<Vec<u8>>,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Whole,
    /// The connection is closed before the body's end.
    Broken,
    /// Nothing more comes.
    Silence,
}

#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self {
            status,
            content_type: "application/json",
            pieces: vec![body.as_bytes().to_vec()],
            end: End::Whole,
        }
    }

    /// An event stream in pieces of `size` bytes.
    pub(crate) fn stream(body: &str, size: usize) -> Self {
        let pieces = body.as_bytes().chunks(size).map(<[u8]>::to_vec).collect();
        Self { status: 200, content_type: "text/event-stream", pieces, end: End::Whole }
    }

    pub(crate) fn ending(mut self, end: End) -> Self {
        self.end = end;
        self
    }
}

impl Server {
    /// A server that gives these answers, one after the other; the last one again and again.
    pub(crate) async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers: Vec<Answer> = answers.into_iter().collect();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let requests = Arc::clone(&received);
        tokio::spawn(async move {
            let mut count = 0;
            while let Ok((stream, _)) = listener.accept().await {
                let answer = answers[count.min(answers.len() - 1)].clone();
                count += 1;
                tokio::spawn(serve(stream, answer, Arc::clone(&requests)));
            }
        });
        Self { address, received }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// The only request there was.
    #[track_caller]
    pub(crate) fn request(&self) -> Received {
        let mut received = self.received();
        assert_eq!(received.len(), 1, "{received:?}");
        received.remove(0)
    }
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| &**value);
        let value = values.next();
        assert_eq!(values.next(), None, "{name} is there once");
        value
    }
}

async fn serve(mut stream: TcpStream, answer: Answer, received: Arc<Mutex<Vec<Received>>>) {
    let Some(request) = read(&mut stream).await else { return };
    received.lock().unwrap().push(request);
    let Answer { status, content_type, pieces, end } = answer;
    let head = format!(
        "HTTP/1.1 {status} Scripted\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    );
    // The client may be gone.
    _ = stream.write_all(head.as_bytes()).await;
    for piece in pieces {
        _ = stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await;
        _ = stream.write_all(&piece).await;
        _ = stream.write_all(b"\r\n").await;
        tokio::task::yield_now().await;
    }
    match end {
        End::Whole => _ = stream.write_all(b"0\r\n\r\n").await,
        End::Broken => {}
        End::Silence => std::future::pending().await,
    }
}

async fn read(stream: &mut TcpStream) -> Option<Received> {
    let mut lines = BufReader::new(stream);
    let mut line = String::new();
    lines.read_line(&mut line).await.ok()?;
    let line = line.rsplit_once(' ')?.0.to_owned();
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        lines.read_line(&mut header).await.ok()?;
        let Some((name, value)) = header.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().unwrap())];
    lines.read_exact(&mut body).await.ok()?;
    Some(Received { line, headers, body })
}
