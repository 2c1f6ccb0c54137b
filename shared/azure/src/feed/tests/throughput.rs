use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

/// A server that counts its connections and the requests that are under way at once.
struct Counting {
    url: String,
    connections: Arc<AtomicUsize>,
    most_at_once: Arc<AtomicUsize>,
}

async fn counting(resources: usize) -> Counting {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let [connections, at_once, most_at_once] = [(); 3].map(|()| Arc::<AtomicUsize>::default());
    let offered: Vec<String> = (0..resources).map(|number| resource("RemoteApp", &format!("r{number}"))).collect();
    let documents = Arc::new((discovery_of(&[("w1", "/feeds/w1")]), feed_of(&offered)));
    let counts = (Arc::clone(&connections), Arc::clone(&at_once), Arc::clone(&most_at_once));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let ((connections, at_once, most), documents) = (counts.clone(), Arc::clone(&documents));
            connections.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                let mut first = String::new();
                while stream.read_line(&mut first).await.is_ok_and(|read| read > 0) {
                    let mut line = String::new();
                    while stream.read_line(&mut line).await.is_ok_and(|read| read > 2) {
                        line.clear();
                    }
                    most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    let body: &[u8] = match first.split(' ').nth(1).unwrap_or_default() {
                        DISCOVERY => documents.0.as_bytes(),
                        "/feeds/w1" => documents.1.as_bytes(),
                        file if file.contains(".rdp") => RDP.as_bytes(),
                        _ => &PNG,
                    };
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    at_once.fetch_sub(1, Ordering::SeqCst);
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
                    if stream.write_all(&[head.as_bytes(), body].concat()).await.is_err() {
                        break;
                    }
                    first.clear();
                }
            });
        }
    });
    Counting { url, connections, most_at_once }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_files_come_side_by_side_over_connections_that_are_kept() {
    let server = counting(500).await;
    let endpoints = Endpoints::of(Cloud::Public).with_feed(&server.url).unwrap();
    let shared = Arc::new(FeedShared::new(Http::new().unwrap(), Arc::<FixedToken>::default(), endpoints));
    let inventory = FeedInventory::new(shared, settings(&[FeedModel::Arm]), NEW);
    let listing = apps(&inventory, &[]).await.unwrap().unwrap();
    assert_eq!((listing.resources.len(), inventory.requests().feed), (500, 1_002));
    let (connections, most) = (server.connections.load(Ordering::SeqCst), server.most_at_once.load(Ordering::SeqCst));
    assert!((16..=32).contains(&most), "{most} at once");
    assert!(connections <= 64, "{connections} connections for 1,002 requests");
    let numbers = listing.resources.iter().map(|resource| resource.name[1..].parse::<usize>().unwrap());
    assert!(numbers.eq(0..500), "in the document's order");
}
