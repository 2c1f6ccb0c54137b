//! How many messages a second the namespace carries, each sent, received and
//! completed on its own, by clients that cost as little as can be.

use std::time::Instant;

use serde_json::Value;
use simulator::Options;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::with;

const CLIENTS: usize = 16;
const MESSAGES: usize = 2_000;

/// Sends one request and reads the answer whole; its head.
async fn ask(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    method: &str,
    path: &str,
    token: &str,
    body: &str,
) -> String {
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    buffer.clear();
    loop {
        assert!(stream.read_buf(buffer).await.unwrap() > 0, "the server has hung up");
        let text = String::from_utf8_lossy(buffer);
        let Some((head, rest)) = text.split_once("\r\n\r\n") else { continue };
        if rest.len() >= header(head, "content-length").parse::<usize>().unwrap() {
            return head.to_owned();
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> &'a str {
    let lines = head.lines().filter_map(|line| line.split_once(": "));
    lines.filter(|(key, _)| *key == name).map(|(_, value)| value).next().unwrap_or("0")
}

async fn client(address: std::net::SocketAddr, token: String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buffer = Vec::new();
    for _ in 0..MESSAGES {
        ask(&mut stream, &mut buffer, "POST", "/finish_run/messages", &token, "{\"run\":\"0123456789\"}").await;
        let head = ask(&mut stream, &mut buffer, "POST", "/finish_run/messages/head", &token, "").await;
        let location = header(&head, "location").trim_start_matches("http://localhost").to_owned();
        ask(&mut stream, &mut buffer, "DELETE", &location, &token, "").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: run it alone, with --release and --nocapture"]
async fn messages_a_second() {
    let bus = with(Options::default()).await;
    let started = Instant::now();
    let clients: Vec<_> =
        (0..CLIENTS).map(|_| tokio::spawn(client(bus.azure.running.addr(), bus.token.clone()))).collect();
    for client in clients {
        client.await.unwrap();
    }
    let seconds = started.elapsed().as_secs_f64();
    let counts: Value = bus.counts("finish_run");
    let all = (CLIENTS * MESSAGES) as u64;
    assert_eq!((counts["completed"].as_u64(), counts["redeliveries"].as_u64()), (Some(all), Some(0)));
    println!("{:.0} messages a second, each sent, received and completed", all as f64 / seconds);
}
