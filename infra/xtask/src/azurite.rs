//! Azurite, Microsoft's own stand-in for Blob Storage: installed from npm into the target folder, and started on a free
//! port of this machine. It takes tokens of Microsoft Entra, which is why it speaks https with a certificate of its own.

use crate::cargo;
use crate::processes::{Process, capture, free_address, log};
use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

/// What is installed, and the scripts around it.
const PACKAGES: &str = "infra/xtask/azurite";
/// How long it may take until it listens.
const PATIENCE: Duration = Duration::from_secs(60);
/// The account that it has by itself.
const ACCOUNT: &str = "devstoreaccount1";

/// A running Azurite. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Azurite {
    /// The blob service with its account: `https://127.0.0.1:PORT/devstoreaccount1`.
    pub(crate) url: String,
    /// What clients have to trust, as `SSL_CERT_FILE` names it.
    pub(crate) certificate: PathBuf,
    folder: PathBuf,
    process: Process,
}

impl Azurite {
    /// Installs it if that has not been done, and starts it with nothing in it; its log goes to the folder.
    pub(crate) async fn start(log_folder: &Path) -> Result<Self> {
        let folder = install().await?;
        let (status, _, err) = capture(node(&folder, "certificate.cjs").arg(log_folder)).await?;
        ensure!(status.success(), "no certificate could be made: {}", err.trim());
        let address = free_address()?;
        let (host, port) = address.split_once(':').context("an address has no port")?;
        let mut command = Command::new("node");
        command.arg(folder.join("node_modules/azurite/dist/src/blob/main.js"));
        command.args(["--silent", "--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence"]);
        command.args(["--oauth", "basic", "--blobHost", host, "--blobPort", port]);
        command.arg("--cert").arg(log_folder.join("cert.pem")).arg("--key").arg(log_folder.join("key.pem"));
        command.current_dir(log_folder).stdout(Stdio::null()).stderr(log(&log_folder.join("azurite.log"))?);
        let mut process = Process::spawn("Azurite", &mut command)?;
        let deadline = Instant::now() + PATIENCE;
        while tokio::net::TcpStream::connect(&address).await.is_err() {
            if let Some(status) = process.ended()? {
                bail!("Azurite ended ({status}); {} says why", log_folder.join("azurite.log").display());
            }
            ensure!(Instant::now() < deadline, "Azurite does not listen on {address} after {PATIENCE:?}");
            sleep(Duration::from_millis(50)).await;
        }
        let certificate = log_folder.join("cert.pem");
        Ok(Self { url: format!("https://{address}/{ACCOUNT}"), certificate, folder, process })
    }

    /// Makes a container and returns its address.
    pub(crate) async fn container(&self, name: &str) -> Result<String> {
        let container = format!("{}/{name}", self.url);
        let (status, _, err) =
            capture(node(&self.folder, "container.cjs").arg(&container).arg(&self.certificate)).await?;
        ensure!(status.success(), "the container could not be made: {}", err.trim());
        Ok(container)
    }

    pub(crate) async fn stop(self) -> Result<()> {
        self.process.stop().await
    }
}

fn node(folder: &Path, script: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(folder.join(script));
    command
}

/// The packages in the target folder; installed anew when what is wanted has changed.
async fn install() -> Result<PathBuf> {
    let folder = cargo::target().join("azurite");
    let done = folder.join("installed");
    let wanted = cargo::root().join(PACKAGES);
    let files = ["package.json", "package-lock.json", "certificate.cjs", "container.cjs"];
    let read = |name: &str| std::fs::read(wanted.join(name)).with_context(|| format!("{PACKAGES}/{name} is missing"));
    let texts = files.into_iter().map(read).collect::<Result<Vec<_>>>()?;
    if std::fs::read(&done).ok() == Some(texts.concat()) {
        return Ok(folder);
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for (name, text) in files.iter().zip(&texts) {
        std::fs::write(folder.join(name), text).with_context(|| format!("cannot write {}", folder.display()))?;
    }
    let mut npm = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    // Nothing of the packages runs at installation.
    npm.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&folder).stdin(Stdio::null());
    let status = npm.kill_on_drop(true).status().await;
    let status =
        status.context("npm is missing: install Node.js 20 or newer (on Debian: apt-get install nodejs npm)")?;
    ensure!(status.success(), "npm ci failed ({status}); what it printed above says why");
    std::fs::write(&done, texts.concat()).with_context(|| format!("cannot write {}", done.display()))?;
    Ok(folder)
}
