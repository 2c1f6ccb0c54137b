//! The one thread that writes, with group commit.
//!
//! A commit costs a flush to the disk, whatever is in it. So every write is a job for this thread; it takes all jobs
//! that are waiting, runs them in one transaction, commits once and then answers each. A job that fails takes back
//! only its own changes. Nothing waits for company: a lone job is committed at once.

use super::failure::Failure;
use rusqlite::Connection;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// The most jobs in one transaction.
const MAX_GROUP: usize = 512;

pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(connection: Connection) -> std::io::Result<Self> {
        // A full channel makes callers wait, so what is queued here is bounded too.
        let (jobs, waiting) = mpsc::channel(MAX_GROUP);
        let thread = thread::Builder::new().name("store-writer".into()).spawn(move || serve(connection, waiting))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Runs `work` and answers once it is durable. `committed` runs in between, even if the caller is gone by then.
    pub(super) async fn run<T, W, C>(&self, work: W, committed: C) -> Result<T, Failure>
    where
        T: Send + 'static,
        W: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
        C: FnOnce(&T) + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Call { work: Some(work), committed, result: None, reply };
        let jobs = self.jobs.as_ref().ok_or(Failure::Closed)?;
        jobs.send(Box::new(job)).await.map_err(|_| Failure::Closed)?;
        answer.await.map_err(|_| Failure::Closed)?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes to the store had panicked");
        }
    }
}

/// Work of any type, as the thread sees it.
trait Job: Send {
    /// False if the job failed and its changes are to be taken back.
    fn run(&mut self, connection: &Connection) -> bool;

    /// Answers the caller, with `error` if the transaction came to nothing.
    fn answer(self: Box<Self>, error: Option<&Arc<rusqlite::Error>>);
}

struct Call<T, W, C> {
    work: Option<W>,
    committed: C,
    result: Option<Result<T, Failure>>,
    reply: oneshot::Sender<Result<T, Failure>>,
}

impl<T, W, C> Job for Call<T, W, C>
where
    T: Send,
    W: FnOnce(&Connection) -> Result<T, Failure> + Send,
    C: FnOnce(&T) + Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        // A caller that stopped waiting wants no message locked for it.
        if self.reply.is_closed() {
            return true;
        }
        let Some(work) = self.work.take() else { return true };
        let result = work(connection);
        let succeeded = result.is_ok();
        self.result = Some(result);
        succeeded
    }

    fn answer(self: Box<Self>, error: Option<&Arc<rusqlite::Error>>) {
        let result = match (error, self.result) {
            (Some(error), _) => Err(Failure::NotCommitted(error.clone())),
            (None, Some(result)) => result,
            (None, None) => return,
        };
        if let Ok(value) = &result {
            (self.committed)(value);
        }
        // The caller may be gone; what was written stays written.
        drop(self.reply.send(result));
    }
}

fn serve(connection: Connection, mut waiting: mpsc::Receiver<Box<dyn Job>>) {
    let mut group = Vec::with_capacity(MAX_GROUP);
    while waiting.blocking_recv_many(&mut group, MAX_GROUP) > 0 {
        let error = commit(&connection, &mut group).err().map(Arc::new);
        for job in group.drain(..) {
            job.answer(error.as_ref());
        }
    }
    close(connection);
}

fn commit(connection: &Connection, group: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    execute(connection, "BEGIN IMMEDIATE")?;
    let outcome = run_all(connection, group).and_then(|()| execute(connection, "COMMIT"));
    if outcome.is_err() && !connection.is_autocommit() {
        execute(connection, "ROLLBACK")?;
    }
    outcome
}

fn run_all(connection: &Connection, group: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    for job in group {
        execute(connection, "SAVEPOINT job")?;
        if !job.run(connection) {
            // If SQLite had to give up the whole transaction (disk full, I/O error) there is no savepoint any more:
            // this fails, and with it the group.
            execute(connection, "ROLLBACK TO job")?;
        }
        execute(connection, "RELEASE job")?;
    }
    Ok(())
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

/// Leaves one file behind, not three, unless somebody else is using them.
fn close(connection: Connection) {
    let tidied = connection
        .busy_timeout(Duration::ZERO)
        .and_then(|()| connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())));
    if let Err(error) = tidied {
        tracing::debug!(%error, "the write-ahead log stays until the store is opened again");
    }
    connection.flush_prepared_statement_cache();
    if let Err((_, error)) = connection.close() {
        tracing::warn!(%error, "the store did not close cleanly; nothing that was acknowledged is lost");
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use std::sync::mpsc as blocking;
    use tokio::task::JoinHandle as Task;

    fn writer() -> Arc<Writer> {
        let connection = Connection::open_in_memory().unwrap();
        let schema = "CREATE TABLE row (n INTEGER PRIMARY KEY); \
                      CREATE TABLE late (n INTEGER REFERENCES row DEFERRABLE INITIALLY DEFERRED);";
        connection.execute_batch(schema).unwrap();
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        Arc::new(Writer::start(connection).unwrap())
    }

    fn run(writer: &Arc<Writer>, sql: &'static str) -> Task<Result<(), Failure>> {
        let writer = Arc::clone(writer);
        tokio::spawn(async move { writer.run(move |c| Ok(c.execute_batch(sql)?), |()| ()).await })
    }

    /// Runs all in one group: while the first job holds the thread, the others queue up.
    async fn group(writer: &Arc<Writer>, sql: &[&'static str]) -> Vec<Result<(), Failure>> {
        let (started, has_started) = oneshot::channel();
        let (release, held) = blocking::channel::<()>();
        let hold = Arc::clone(writer);
        let hold = tokio::spawn(async move {
            let wait = move |_: &Connection| {
                started.send(()).unwrap();
                held.recv().unwrap();
                Ok(())
            };
            hold.run(wait, |()| ()).await
        });
        has_started.await.unwrap();
        let mut jobs = Vec::new();
        for sql in sql {
            jobs.push(run(writer, sql));
            tokio::task::yield_now().await;
        }
        release.send(()).unwrap();
        hold.await.unwrap().unwrap();
        let mut results = Vec::new();
        for job in jobs {
            results.push(job.await.unwrap());
        }
        results
    }

    async fn rows(writer: &Writer) -> Vec<i64> {
        let read = |c: &Connection| {
            let mut statement = c.prepare_cached("SELECT n FROM row ORDER BY n")?;
            Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
        };
        writer.run(read, |_| ()).await.unwrap()
    }

    #[tokio::test]
    async fn a_failing_job_takes_back_only_its_own() {
        let writer = writer();
        let jobs = [
            "INSERT INTO row VALUES (1)",
            "INSERT INTO row VALUES (2); INSERT INTO row VALUES (1)",
            "INSERT INTO row VALUES (3)",
        ];
        let results = group(&writer, &jobs).await;
        assert!(results[0].is_ok() && results[2].is_ok());
        assert!(matches!(results[1], Err(Failure::Sql(_))), "{:?}", results[1]);
        assert_eq!(rows(&writer).await, [1, 3]);
    }

    #[tokio::test]
    async fn a_failed_commit_fails_all_and_the_next_group_goes_on() {
        let writer = writer();
        let results = group(&writer, &["INSERT INTO row VALUES (1)", "INSERT INTO late VALUES (9)"]).await;
        for result in results {
            assert!(matches!(result, Err(Failure::NotCommitted(_))), "{result:?}");
        }
        assert!(rows(&writer).await.is_empty());
        run(&writer, "INSERT INTO row VALUES (2)").await.unwrap().unwrap();
        assert_eq!(rows(&writer).await, [2]);
    }

    /// As when the disk is full: SQLite gives up the transaction while a job runs.
    #[tokio::test]
    async fn a_lost_transaction_fails_all_and_the_next_group_goes_on() {
        let writer = writer();
        let jobs = ["INSERT INTO row VALUES (1)", "ROLLBACK; SELECT nonsense", "INSERT INTO row VALUES (3)"];
        for result in group(&writer, &jobs).await {
            assert!(matches!(result, Err(Failure::NotCommitted(_))), "{result:?}");
        }
        assert!(rows(&writer).await.is_empty());
        run(&writer, "INSERT INTO row VALUES (2)").await.unwrap().unwrap();
        assert_eq!(rows(&writer).await, [2]);
    }

    #[tokio::test]
    async fn a_caller_that_is_gone_wants_nothing_done() {
        let writer = writer();
        let (release, held) = blocking::channel::<()>();
        let hold = Arc::clone(&writer);
        let hold = tokio::spawn(async move { hold.run(move |_| Ok(held.recv().is_ok()), |_| ()).await });
        tokio::task::yield_now().await;
        let gone = run(&writer, "INSERT INTO row VALUES (1)");
        tokio::task::yield_now().await;
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        release.send(()).unwrap();
        hold.await.unwrap().unwrap();
        assert!(rows(&writer).await.is_empty());
    }
}
