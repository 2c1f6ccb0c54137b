//! Child processes that do not outlive whoever holds them.

use anyhow::{Context, Result, bail};
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long a process may take to say that it is ready, and to stop when asked to.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running process. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
}

impl Process {
    pub(crate) fn spawn(name: &'static str, command: &mut Command) -> Result<Self> {
        let program = command.as_std().get_program().to_owned();
        let child = command.stdin(Stdio::null()).kill_on_drop(true).spawn();
        let child = child.with_context(|| format!("{name} ({}) does not start", program.display()))?;
        Ok(Self { name, child })
    }

    /// Waits for the line on standard output that begins like this, and returns the rest of it.
    pub(crate) async fn ready_line(&mut self, prefix: &str) -> Result<String> {
        let stdout = self.child.stdout.take().with_context(|| format!("{}'s output is not read", self.name))?;
        let mut lines = BufReader::new(stdout).lines();
        let found = async {
            while let Some(line) = lines.next_line().await? {
                if let Some(rest) = line.strip_prefix(prefix) {
                    return Ok(Some(rest.to_owned()));
                }
            }
            anyhow::Ok(None)
        };
        let found = timeout(PATIENCE, found).await;
        let Some(rest) = found.with_context(|| format!("{} did not get ready within {PATIENCE:?}", self.name))?? else {
            bail!("{} ended before it was ready ({})", self.name, self.child.wait().await?);
        };
        // Whatever else it prints is read, so that it never waits for a reader.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(rest)
    }

    /// Its id, while it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("the state of {} cannot be had", self.name))
    }

    /// Waits until it ends.
    pub(crate) async fn wait(&mut self) -> Result<ExitStatus> {
        self.child.wait().await.with_context(|| format!("the state of {} cannot be had", self.name))
    }

    /// Kills it by SIGKILL and waits until it is gone. Returns how it ended, which may have been before.
    pub(crate) async fn kill(&mut self) -> Result<ExitStatus> {
        self.child.start_kill().with_context(|| format!("{} cannot be killed", self.name))?;
        self.wait().await
    }

    /// Asks it to stop by SIGTERM where there is such a thing, and kills it if it does not listen.
    pub(crate) async fn stop(mut self) -> Result<()> {
        if let (Some(id), true) = (self.child.id(), cfg!(unix)) {
            let asked = Command::new("sh").args(["-c", "kill \"$0\"", &id.to_string()]).status().await?;
            if asked.success() && timeout(PATIENCE, self.child.wait()).await.is_ok() {
                return Ok(());
            }
        }
        self.kill().await.map(drop)
    }
}

/// A file that a process' output is added to.
pub(crate) fn log(path: &Path) -> Result<Stdio> {
    let file: std::io::Result<File> = OpenOptions::new().create(true).append(true).open(path);
    Ok(file.with_context(|| format!("cannot write {}", path.display()))?.into())
}

/// Runs a command to its end, passes on every line that it prints, and shows each to `look`.
pub(crate) async fn run_watched(command: &mut Command, mut look: impl FnMut(&str)) -> Result<ExitStatus> {
    let program = command.as_std().get_program().to_owned();
    let (reader, writer) = std::io::pipe().context("a pipe cannot be had")?;
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("{} does not start", program.display()))?;
    // The command holds the pipe's writing end; as long as it does, reading never ends.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let (sender, mut lines) = tokio::sync::mpsc::unbounded_channel();
    let reading = tokio::task::spawn_blocking(move || {
        use std::io::BufRead;
        let mut reader = std::io::BufReader::new(reader);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
            if sender.send(text).is_err() {
                break;
            }
            line.clear();
        }
    });
    while let Some(line) = lines.recv().await {
        println!("{line}");
        look(&line);
    }
    reading.await.context("the output cannot be read")?;
    child.wait().await.with_context(|| format!("the state of {} cannot be had", program.display()))
}

/// Runs a command to its end and returns what it printed on standard output and standard error.
pub(crate) async fn capture(command: &mut Command) -> Result<(ExitStatus, String, String)> {
    let program = command.as_std().get_program().to_owned();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("{} does not start", program.display()))?;
    let (mut out, mut err) = (String::new(), String::new());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let read_out = async { if let Some(mut stdout) = stdout { stdout.read_to_string(&mut out).await } else { Ok(0) } };
    let read_err = async { if let Some(mut stderr) = stderr { stderr.read_to_string(&mut err).await } else { Ok(0) } };
    let (status, read_out, read_err) = tokio::join!(child.wait(), read_out, read_err);
    read_out.and(read_err).with_context(|| format!("the output of {} cannot be read", program.display()))?;
    Ok((status?, out, err))
}

/// Resolves when a person or the system asks this program to stop.
pub(crate) async fn asked_to_stop() {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let terminated = async {
            match signal(SignalKind::terminate()) {
                Ok(mut terminate) => drop(terminate.recv().await),
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! { () = interrupted => {}, () = terminated => {} }
    }
    #[cfg(not(unix))]
    interrupted.await;
}

/// An address of this machine that nothing listened on a moment ago.
pub(crate) fn free_address() -> Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").context("no free port can be had")?;
    Ok(listener.local_addr().context("the listener has no address")?.to_string())
}
