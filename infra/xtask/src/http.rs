//! As much HTTP as talking to the simulator takes: one request a connection, to this machine, with JSON both ways. A
//! whole client would be most of what this program is compiled of.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends a request and returns the JSON of the answer: `null` where it is empty.
pub(crate) async fn json(method: &str, url: &str, body: Option<&Value>) -> Result<Value> {
    let exchanged = timeout(PATIENCE, exchange(method, url, body)).await;
    let exchanged = exchanged.with_context(|| format!("no answer within {PATIENCE:?}")).and_then(|answer| answer);
    let (status, body) = exchanged.with_context(|| format!("{method} {url}"))?;
    if !(200..300).contains(&status) {
        bail!("{method} {url}: {status}: {}", String::from_utf8_lossy(&body));
    }
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&body).with_context(|| format!("{method} {url}: the answer is no JSON"))
}

async fn exchange(method: &str, url: &str, body: Option<&Value>) -> Result<(u16, Vec<u8>)> {
    let rest = url.strip_prefix("http://").context("only http:// is spoken here")?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let body = body.map(Value::to_string).unwrap_or_default();
    let head = format!(
        "{method} /{path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut connection = TcpStream::connect(authority).await.context("cannot connect")?;
    connection.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await.context("cannot send")?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.context("the answer broke off")?;
    parse(&answer)
}

/// The status and the body of a whole answer.
fn parse(answer: &[u8]) -> Result<(u16, Vec<u8>)> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").context("the answer has no end to its head")?;
    let head = std::str::from_utf8(&answer[..end]).context("the answer's head is no text")?.to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("the answer has no status")?;
    ensure!(!head.contains("\r\ntransfer-encoding:"), "the answer comes in chunks, which are not read here");
    let body = &answer[end + 4..];
    let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length:"));
    if let Some(length) = length {
        ensure!(length.trim().parse() == Ok(body.len()), "the answer's body broke off");
    }
    Ok((status, body.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn answers_are_read_whole_or_refused() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(parse(whole).expect("an answer"), (200, b"{}".to_vec()));
        assert_eq!(parse(b"HTTP/1.1 204 No Content\r\n\r\n").expect("an answer"), (204, Vec::new()));
        assert!(parse(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}").is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\n").is_err());
    }
}
