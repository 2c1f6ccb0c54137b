//! A stand-in for Blob Storage and for the managed identity that signs in to it: it holds one run, which has ended, and
//! answers at once. It checks nothing; what Blob Storage really does is Azurite's to show.

use super::contestant::NOWHERE;
use anyhow::{Context, Result};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The longest head of a request, in bytes.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// A stand-in that listens. Dropped, it stops.
pub(super) struct Storage {
    url: String,
    container: String,
    server: JoinHandle<()>,
}

impl Drop for Storage {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Storage {
    /// The run that it holds.
    pub(super) const RUN: &str = "20261123T120000Z-0a1b2c";
    pub(super) const CONNECTION: &str = "contoso";

    pub(super) async fn open() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no free port can be had")?;
        let url = format!("http://{}", listener.local_addr().context("the listener has no address")?);
        let server = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                // A connection that breaks shows in what the load generator reports.
                tokio::spawn(serve(connection));
            }
        });
        Ok(Self { container: format!("{url}/account/container"), url: format!("{url}/msi/token"), server })
    }

    /// What a handler needs to find it.
    pub(super) fn settings(&self) -> [(&str, &str); 4] {
        [
            ("ServiceBus__fullyQualifiedNamespace", NOWHERE),
            ("POOLWARDEN_BLOB", &self.container),
            ("IDENTITY_ENDPOINT", &self.url),
            ("IDENTITY_HEADER", "bench"),
        ]
    }
}

async fn serve(mut connection: TcpStream) -> Result<()> {
    connection.set_nodelay(true)?;
    let mut buffer = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if connection.read_buf(&mut buffer).await? == 0 || buffer.len() > MAX_HEAD_BYTES {
                return Ok(());
            }
        };
        let target = std::str::from_utf8(&buffer[..end])?.split(' ').nth(1).unwrap_or_default().to_owned();
        buffer.drain(..end);
        connection.write_all(answer(&target).as_bytes()).await?;
    }
}

fn answer(target: &str) -> String {
    let (status, body) = if target.starts_with("/msi/token") {
        let token = json!({
            "access_token": "bench", "expires_on": "4102444800", "token_type": "Bearer",
            "resource": "https://storage.azure.com", "client_id": "bench",
        });
        ("200 OK", token.to_string())
    } else if target.contains("/runs/") {
        ("200 OK", run().to_string())
    } else {
        ("404 Not Found", "<Error><Code>BlobNotFound</Code></Error>".to_owned())
    };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nETag: \"0x1\"\r\nx-ms-version: 2023-11-03\r\n\
         Last-Modified: Mon, 23 Nov 2026 12:00:00 GMT\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn run() -> serde_json::Value {
    let report = json!({
        "name": Storage::CONNECTION, "status": "complete",
        "pools": {"found": 0, "read": 0, "unknown": 0}, "session_hosts": 0, "resources": 0,
        "packages": {"created": 0, "updated": 0, "unchanged": 0, "retired": 0, "held": 0, "unknown": 0},
        "not_published": [], "unknown_scopes": [],
        "requests": {"arm": 0, "resource_graph": 0, "throttled": 0},
    });
    json!({
        "id": Storage::RUN, "connection": Storage::CONNECTION, "trigger": "timer", "source": "azure", "full": false,
        "started_at": "2026-11-23T12:00:00Z", "discovered": null, "approved_at": null,
        "finished": {"at": "2026-11-23T12:00:05Z", "report": report},
    })
}
