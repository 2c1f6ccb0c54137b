//! Poolwarden as a user has it: a program, a folder with a configuration, and commands.

use crate::cargo::Programs;
use crate::processes::{Process, capture, free_address, log};
use crate::simulator::IDENTITY_HEADER;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

/// How long `serve` may take until it answers.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// Exit codes of commands that did their work, whatever they found.
const WORKED: [i32; 2] = [0, 2];

/// An installation: the program and the folder it works in.
#[derive(Debug, Clone)]
pub(crate) struct Poolwarden {
    pub(crate) folder: PathBuf,
    program: PathBuf,
    environment: Vec<(String, String)>,
}

impl Poolwarden {
    /// Writes a configuration into a folder. It signs in as the managed identity that `simulator` offers.
    pub(crate) fn install(programs: &Programs, folder: &Path, simulator: &str, configuration: &str) -> Result<Self> {
        let path = folder.join("poolwarden.toml");
        std::fs::write(&path, configuration).with_context(|| format!("cannot write {}", path.display()))?;
        let environment = vec![
            ("IDENTITY_ENDPOINT".to_owned(), format!("{simulator}/msi/token")),
            ("IDENTITY_HEADER".to_owned(), IDENTITY_HEADER.to_owned()),
        ];
        Ok(Self { folder: folder.to_owned(), program: programs.poolwarden.clone(), environment })
    }

    /// The variables of its environment.
    #[cfg(feature = "functions-host")]
    pub(crate) fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// With one more variable in its environment.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A command, to be run in the folder.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(&self.folder).kill_on_drop(true).stdin(Stdio::null());
        // What a developer has set for their own Poolwarden is not for this one.
        for name in ["POOLWARDEN_CONFIG", "POOLWARDEN_STORE", "POOLWARDEN_LISTEN"] {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command whose JSON is wanted.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Result<Value> {
        let line = format!("poolwarden {}", arguments.join(" "));
        let (status, out, err) = capture(self.command(arguments).arg("--json")).await?;
        if !status.code().is_some_and(|code| WORKED.contains(&code)) {
            bail!("{line} failed ({status}): {}", err.trim());
        }
        serde_json::from_str(&out).with_context(|| format!("{line} --json printed something else: {out:.200}"))
    }

    /// The run that began last. Ids sort by the second, and two runs may begin in one.
    pub(crate) async fn newest_run(&self) -> Result<Value> {
        let mut runs = self.json(&["runs", "list"]).await?;
        let runs = runs.as_array_mut().context("poolwarden runs list --json is no list")?;
        let began = |run: &Value| run["started_at"].as_str().unwrap_or_default().trim_end_matches('Z').to_owned();
        runs.sort_by_cached_key(began);
        runs.pop().context("there is no run")
    }

    /// Starts `serve` and waits until it answers; its log goes to `serve.log`.
    pub(crate) async fn serve(&self) -> Result<Process> {
        let mut process = self.spawn_serve(&free_address()?)?;
        process.answers().await?;
        Ok(process.process)
    }

    /// Starts `serve`.
    pub(crate) fn spawn_serve(&self, address: &str) -> Result<Serve> {
        let mut command = self.command(&["serve", "--listen", address]);
        command.stdout(Stdio::null()).stderr(log(&self.folder.join("serve.log"))?);
        let process = Process::spawn("poolwarden serve", &mut command)?;
        Ok(Serve { process, address: address.to_owned(), log: self.folder.join("serve.log") })
    }
}

/// `poolwarden serve`, started a moment ago.
#[derive(Debug)]
pub(crate) struct Serve {
    pub(crate) process: Process,
    address: String,
    log: PathBuf,
}

impl Serve {
    /// Waits until it answers `GET /`.
    pub(crate) async fn answers(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_PATIENCE;
        while !answers(&self.address).await {
            if let Some(status) = self.process.ended()? {
                bail!("poolwarden serve ended ({status}); {} says why", self.log.display());
            }
            if Instant::now() > deadline {
                bail!("poolwarden serve does not answer on {}; see {}", self.address, self.log.display());
            }
            sleep(Duration::from_micros(200)).await;
        }
        Ok(())
    }
}

/// Whether a request for `/` is answered with 200.
pub(crate) async fn answers(address: &str) -> bool {
    let Ok(mut connection) = TcpStream::connect(address).await else { return false };
    let request = format!("GET / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    let mut answer = [0; 12];
    connection.write_all(request.as_bytes()).await.is_ok()
        && connection.read_exact(&mut answer).await.is_ok()
        && answer == *b"HTTP/1.1 200"
}
