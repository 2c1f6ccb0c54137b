//! The simulated Azure as a process, and what a test sees and steers of it below `/_sim`.

use crate::cargo::Programs;
use crate::http;
use crate::processes::{Process, log};
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

/// What its managed identity wants to hear.
pub(crate) const IDENTITY_HEADER: &str = "simulated";

/// The account whose feed shows everything.
pub(crate) const ACCOUNT: &str = "all@contoso.com";
/// A password that is right.
pub(crate) const PASSWORD: &str = "simulated";

/// A running simulator. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Simulator {
    /// Its address, `http://127.0.0.1:…`.
    pub(crate) url: String,
    process: Process,
}

impl Simulator {
    /// Starts one on a free port of this machine; its log goes to the folder.
    pub(crate) async fn start(programs: &Programs, folder: &Path, estate: &str, options: &[&str]) -> Result<Self> {
        let mut command = Command::new(&programs.simulator);
        command.args(["serve", "--listen", "127.0.0.1:0", "--estate", estate]).args(options);
        command.stdout(Stdio::piped()).stderr(log(&folder.join("simulator.log"))?);
        let mut process = Process::spawn("the simulator", &mut command)?;
        let url = process.ready_line("listening on ").await;
        let url = url.with_context(|| format!("see {}", folder.join("simulator.log").display()))?;
        Ok(Self { url, process })
    }

    pub(crate) async fn stop(self) -> Result<()> {
        self.process.stop().await
    }

    /// Everything that is planted at present.
    pub(crate) async fn estate(&self) -> Result<Value> {
        self.ask("GET", "estate", None).await
    }

    /// As [`Simulator::estate`], without the icons.
    pub(crate) async fn estate_without_icons(&self) -> Result<Value> {
        self.ask("GET", "estate?icons=false", None).await
    }

    /// What the feeds show an account.
    pub(crate) async fn shown_to(&self, account: &str) -> Result<Value> {
        self.ask("GET", &format!("feed/expected?account={account}"), None).await
    }

    pub(crate) async fn stats(&self) -> Result<Value> {
        self.ask("GET", "stats", None).await
    }

    pub(crate) async fn change(&self, entries: &Value) -> Result<Value> {
        self.ask("POST", "change", Some(entries)).await
    }

    pub(crate) async fn set_webhook(&self, name: &str, settings: &Value) -> Result<()> {
        self.ask("PUT", &format!("webhook/{name}"), Some(settings)).await.map(drop)
    }

    /// What a webhook has received.
    pub(crate) async fn webhook(&self, name: &str) -> Result<Value> {
        self.ask("GET", &format!("webhook/{name}"), None).await
    }

    async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        http::json(method, &format!("{}/_sim/{path}", self.url), body).await
    }
}
