//! A wire tap: passes connections on to a simulator, and writes down every request that went through. It understands
//! HTTP/1.1 with `content-length`, which is what Poolwarden sends.

use anyhow::{Context, Result, bail};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// One request as it was sent, without its headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) method: String,
    /// Path and query.
    pub(super) target: String,
    pub(super) body: Vec<u8>,
}

impl Recorded {
    pub(super) fn to_json(&self) -> Value {
        json!({"method": self.method, "target": self.target, "body": BASE64_STANDARD.encode(&self.body)})
    }
}

type Streams = Arc<Mutex<Vec<Arc<Mutex<Vec<u8>>>>>>;

/// A tap that listens. Dropped, it stops.
pub(super) struct Tap {
    /// Its address, `http://127.0.0.1:…`.
    pub(super) url: String,
    streams: Streams,
    server: JoinHandle<()>,
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Tap {
    /// Listens, and passes everything on to this address.
    pub(super) async fn open(upstream: &str) -> Result<Self> {
        let upstream = upstream.strip_prefix("http://").context("only http:// can be tapped")?.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no free port can be had")?;
        let url = format!("http://{}", listener.local_addr().context("the listener has no address")?);
        let streams = Streams::default();
        let kept = Arc::clone(&streams);
        let server = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let stream = Arc::default();
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&stream));
                // A connection that breaks shows in what its client reports.
                tokio::spawn(pass_on(connection, upstream.clone(), stream));
            }
        });
        Ok(Self { url, streams, server })
    }

    /// Every request so far: in order within a connection, connection after connection.
    pub(super) fn recorded(&self) -> Result<Vec<Recorded>> {
        let mut recorded = Vec::new();
        for stream in self.streams.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let bytes = stream.lock().unwrap_or_else(PoisonError::into_inner);
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let (request, after) = parse(rest)?;
                recorded.push(request);
                rest = after;
            }
        }
        Ok(recorded)
    }
}

async fn pass_on(client: TcpStream, upstream: String, stream: Arc<Mutex<Vec<u8>>>) -> std::io::Result<()> {
    let server = TcpStream::connect(upstream).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let answers = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from_client.read(&mut buffer).await?;
        if read == 0 {
            break;
        }
        stream.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&buffer[..read]);
        to_server.write_all(&buffer[..read]).await?;
    }
    to_server.shutdown().await?;
    drop(answers.await);
    Ok(())
}

/// Reads one request, and returns what comes after it.
fn parse(bytes: &[u8]) -> Result<(Recorded, &[u8])> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").context("a recorded request has no end")?;
    let head = std::str::from_utf8(&bytes[..end]).context("a recorded request is no text")?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target)) = (first.next(), first.next()) else { bail!("a recorded request is no HTTP") };
    let mut length = 0;
    for line in lines {
        let (name, value) = line.split_once(':').with_context(|| format!("a recorded header is none: {line}"))?;
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().with_context(|| format!("a recorded length is none: {line}"))?;
        }
        if name.eq_ignore_ascii_case("transfer-encoding") {
            bail!("a request was sent in chunks, which the tap does not read");
        }
    }
    let (body, rest) =
        bytes[end + 4..].split_at_checked(length).with_context(|| format!("the body of {target} broke off"))?;
    Ok((Recorded { method: method.to_owned(), target: target.to_owned(), body: body.to_vec() }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_behind_each_other_are_told_apart() {
        let bytes = b"GET /a?b=c HTTP/1.1\r\nhost: x\r\n\r\nPOST /d HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}GET /e HTTP/1.1\r\n\r\n";
        let (first, rest) = parse(bytes).expect("a request");
        let (second, rest) = parse(rest).expect("a request");
        let (third, rest) = parse(rest).expect("a request");
        assert_eq!(first, Recorded { method: "GET".to_owned(), target: "/a?b=c".to_owned(), body: Vec::new() });
        assert_eq!((second.target.as_str(), second.body.as_slice()), ("/d", b"{}".as_slice()));
        assert_eq!((third.target.as_str(), rest), ("/e", b"".as_slice()));
        assert!(parse(b"GET /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nab").is_err());
    }
}
