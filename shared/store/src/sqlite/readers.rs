//! The threads that read. Each has its own connection, so that a long listing holds up neither writes nor the next
//! read; there are few, because each has a cache.

use super::failure::Failure;
use rusqlite::Connection;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use tokio::sync::{mpsc, oneshot};

/// The most reads that wait for a thread before callers have to.
const MAX_WAITING: usize = 256;

type Read = Box<dyn FnOnce(&Connection) + Send>;

pub(super) struct Readers {
    reads: Option<mpsc::Sender<Read>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(super) fn start(connections: Vec<Connection>) -> std::io::Result<Self> {
        let (reads, waiting) = mpsc::channel(MAX_WAITING);
        let waiting = Arc::new(Mutex::new(waiting));
        let threads = connections
            .into_iter()
            .map(|connection| {
                let waiting = Arc::clone(&waiting);
                thread::Builder::new().name("store-reader".into()).spawn(move || serve(&connection, &waiting))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { reads: Some(reads), threads })
    }

    pub(super) async fn run<T, W>(&self, work: W) -> Result<T, Failure>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let read: Read = Box::new(move |connection| {
            if !reply.is_closed() {
                drop(reply.send(work(connection)));
            }
        });
        let reads = self.reads.as_ref().ok_or(Failure::Closed)?;
        reads.send(read).await.map_err(|_| Failure::Closed)?;
        answer.await.map_err(|_| Failure::Closed)?
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.reads = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread that reads from the store had panicked");
            }
        }
    }
}

fn serve(connection: &Connection, waiting: &Mutex<mpsc::Receiver<Read>>) {
    loop {
        // One idle thread waits at the channel, the others at the lock: whoever gets a read lets the next one in.
        let read = waiting.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        match read {
            Some(read) => read(connection),
            None => return,
        }
    }
}
