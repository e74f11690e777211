//! A model for those who have none at hand. It answers as Bedrock does when it does not know the caller's key, and it knows nobody's.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const REFUSAL: &str = r#"{"message":"The security token included in the request is invalid."}"#;
/// Requests may not be larger than this, head and body.
const MAX_BYTES: u64 = 64 * 1024;

/// Starts the server on a free port of this machine and gives back its base URL.
pub(crate) async fn start() -> io::Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let base_url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Err(error) = refuse(stream).await {
                eprintln!("model server: {error}");
            }
        }
    });
    Ok(base_url)
}

/// Reads one request to its end, and refuses it.
async fn refuse(mut stream: TcpStream) -> io::Result<()> {
    let mut lines = BufReader::new((&mut stream).take(MAX_BYTES));
    let mut length = 0;
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).await?;
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    lines.take(length).read_to_end(&mut Vec::new()).await?;
    let head = format!(
        "HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\
         x-amzn-errortype: UnrecognizedClientException\r\nx-amzn-requestid: 5e0f3f6d-2f4e-4b0c-9d59-0d2f5c6f7a01\r\n\r\n",
        REFUSAL.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(REFUSAL.as_bytes()).await
}
