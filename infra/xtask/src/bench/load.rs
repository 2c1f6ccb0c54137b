//! The load of the host's benchmark: connections that are kept alive, each with one invocation at a time, for as long
//! as it is told. It checks that every answer is a success with the full object, and parses no more than that.
//!
//! It is a process of its own, of the release build, on one thread: what it takes from the machine is the same for
//! whomever it measures.

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};

/// What every answer of a custom handler has to hold.
const FULL_OBJECT: &[u8] = b"\"Outputs\"";
/// The largest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// `cargo xtask bench load`
#[derive(Debug, Args)]
pub(crate) struct Load {
    /// The custom handler, HOST:PORT
    #[arg(long)]
    address: String,
    #[arg(long)]
    function: String,
    /// A file that holds the envelope
    #[arg(long)]
    envelope: PathBuf,
    #[arg(long)]
    connections: usize,
    #[arg(long)]
    milliseconds: u64,
}

impl Load {
    pub(super) async fn run(&self) -> Result<()> {
        let (address, until_ms, connections) = (self.address.clone(), self.milliseconds, self.connections);
        let request: Arc<[u8]> = request(&self.address, &self.function, &self.envelope)?.into();
        let work = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            LocalSet::new().block_on(&runtime, async move {
                let began = Instant::now();
                let until = began + Duration::from_millis(until_ms);
                let mut workers = JoinSet::new();
                for _ in 0..connections {
                    workers.spawn_local(connection(address.clone(), Arc::clone(&request), until));
                }
                let mut latencies = Vec::new();
                while let Some(ended) = workers.join_next().await {
                    latencies.extend(ended.context("a connection's task failed")??);
                }
                anyhow::Ok((began.elapsed(), latencies))
            })
        };
        let (elapsed, mut latencies) = tokio::task::spawn_blocking(work).await.context("the load failed")??;
        ensure!(!latencies.is_empty(), "nothing was answered");
        latencies.sort_unstable();
        let at = |share: usize| latencies[(latencies.len() - 1) * share / 100].as_secs_f64() * 1000.0;
        println!(
            "{}",
            json!({
                "invocations": latencies.len(), "seconds": elapsed.as_secs_f64(),
                "p50_ms": at(50), "p99_ms": at(99),
            })
        );
        Ok(())
    }
}

/// An invocation as the Functions host sends it: in chunks, with its headers.
fn request(address: &str, function: &str, envelope: &Path) -> Result<Vec<u8>> {
    let body = std::fs::read(envelope).with_context(|| format!("cannot read {}", envelope.display()))?;
    let head = format!(
        "POST /{function} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json; charset=utf-8\r\n\
         Transfer-Encoding: chunked\r\nUser-Agent: Azure-Functions-Host/4.1037.0\r\n\
         X-Azure-Functions-HostVersion: 4.1037.0\r\n\
         X-Azure-Functions-InvocationId: 6b1f5a9e-0c2d-4e8f-9a3b-1c2d3e4f5a6b\r\n\r\n{:x}\r\n",
        body.len()
    );
    Ok([head.as_bytes(), &body, b"\r\n0\r\n\r\n"].concat())
}

/// Invokes until the time is over; how long each took.
async fn connection(address: String, request: Arc<[u8]>, until: Instant) -> Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(&address).await.with_context(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true)?;
    let (mut latencies, mut buffer) = (Vec::new(), Vec::with_capacity(4096));
    while Instant::now() < until {
        let began = Instant::now();
        stream.write_all(&request).await.context("an invocation could not be sent")?;
        buffer.clear();
        loop {
            let read = stream.read_buf(&mut buffer).await.context("an answer broke off")?;
            ensure!(read > 0, "the connection was closed instead of an answer");
            ensure!(buffer.len() <= MAX_ANSWER_BYTES, "an answer has no end");
            if is_whole(&buffer)? {
                break;
            }
        }
        latencies.push(began.elapsed());
    }
    Ok(latencies)
}

/// Whether an answer has been read to its end; an error if it is no success.
fn is_whole(answer: &[u8]) -> Result<bool> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(false) };
    let head = std::str::from_utf8(&answer[..end]).context("an answer's head is no text")?;
    ensure!(head.starts_with("HTTP/1.1 200"), "an invocation failed: {}", String::from_utf8_lossy(answer));
    let length = head.split("\r\n").filter_map(|line| line.split_once(':'));
    let length = length.filter(|(name, _)| name.eq_ignore_ascii_case("content-length")).map(|(_, value)| value.trim());
    let length: usize = length.last().context("an answer says no length")?.parse()?;
    let body = &answer[end + 4..];
    if body.len() < length {
        return Ok(false);
    }
    ensure!(
        body.windows(FULL_OBJECT.len()).any(|part| part == FULL_OBJECT),
        "the host would wait for the full object: {}",
        String::from_utf8_lossy(body)
    );
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::is_whole;

    #[test]
    fn answers_are_read_to_their_end_and_have_to_be_full() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n";
        assert!(!is_whole(&head.as_bytes()[..20]).expect("a part"));
        assert!(!is_whole(format!("{head}{{\"Outputs\"").as_bytes()).expect("a part"));
        assert!(is_whole(format!("{head}{{\"Outputs\":{{}}}}").as_bytes()).expect("whole"));
        assert!(is_whole(format!("{head}{{\"others\": {{}}}}").as_bytes()).is_err());
        assert!(is_whole(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n").is_err());
    }
}
