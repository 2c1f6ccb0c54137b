//! Who is measured as a custom handler: Poolwarden's binary, and two minimal handlers with the same contract. Each is
//! started as the Functions host would, and knows nothing of the benchmark.

use crate::cargo::{self, Programs};
use crate::poolwarden::answers;
use crate::processes::{Process, capture, free_address, log};
use anyhow::{Context, Result, bail, ensure};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::Command;
use tokio::time::sleep;

/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is asked for an answer. The host asks every 25 ms, which would hide what is measured.
const ASK_EVERY: Duration = Duration::from_micros(200);
/// The unit in which Linux tells processor time.
const TICK_MS: f64 = 10.0;
/// Where the minimal handlers are.
const TWINS: &str = "infra/xtask/twins";
/// Nobody listens here: what is measured must not ask anybody.
pub(super) const NOWHERE: &str = "http://127.0.0.1:1";

/// A custom handler that can be started.
#[derive(Debug)]
pub(super) struct Contestant {
    pub(super) name: &'static str,
    /// What it is, with its version.
    pub(super) about: String,
    program: OsString,
    arguments: Vec<OsString>,
    log: PathBuf,
}

/// One that runs.
pub(super) struct Running {
    pub(super) process: Process,
    pub(super) address: String,
    /// From the start of the process to its first answer.
    pub(super) start: Duration,
}

impl Contestant {
    pub(super) fn poolwarden(programs: &Programs, folder: &Path) -> Self {
        Self {
            name: "poolwarden",
            about: "poolwarden handler".to_owned(),
            program: programs.poolwarden.clone().into(),
            arguments: vec!["handler".into()],
            log: folder.join("poolwarden.log"),
        }
    }

    /// A minimal handler, or why there is none.
    pub(super) async fn twin(name: &'static str, program: &str, script: &str, folder: &Path) -> Result<Self> {
        let (status, out, err) = capture(Command::new(program).arg("--version")).await?;
        ensure!(status.success(), "{program} --version failed ({status})");
        let version = format!("{out}{err}").trim().trim_start_matches("Python ").to_owned();
        Ok(Self {
            name,
            about: format!("{name} {version}"),
            program: program.into(),
            arguments: vec![cargo::root().join(TWINS).join(script).into()],
            log: folder.join(format!("{name}.log")),
        })
    }

    /// Starts it and waits for its first answer.
    pub(super) async fn start(&self, settings: &[(&str, &str)]) -> Result<Running> {
        let address = free_address()?;
        let port = address.rsplit(':').next().context("an address has no port")?;
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdout(Stdio::null()).stderr(log(&self.log)?);
        // What a developer has set for their own Poolwarden is not for this one.
        for name in ["POOLWARDEN_CONFIG", "POOLWARDEN_STORE", "RUST_LOG"] {
            command.env_remove(name);
        }
        command.env("FUNCTIONS_CUSTOMHANDLER_PORT", port).env("FUNCTIONS_HTTPWORKER_PORT", port);
        command.env("POOLWARDEN_CONFIG_TOML", "# nothing to keep");
        command.env("ServiceBus__fullyQualifiedNamespace", NOWHERE);
        command.env("POOLWARDEN_BLOB", format!("{NOWHERE}/account/container"));
        command.envs(settings.iter().copied());
        let began = Instant::now();
        let mut process = Process::spawn(self.name, &mut command)?;
        while !answers(&address).await {
            if let Some(status) = process.ended()? {
                bail!("{} ended ({status}); {} says why", self.name, self.log.display());
            }
            ensure!(began.elapsed() < PATIENCE, "{} does not answer; see {}", self.name, self.log.display());
            sleep(ASK_EVERY).await;
        }
        Ok(Running { process, address, start: began.elapsed() })
    }
}

impl Running {
    /// Processor time used so far, in milliseconds; nothing where the system does not say.
    pub(super) fn processor_ms(&self) -> Option<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()?)).ok()?;
        // What stands before the last bracket is the program's name, which may hold anything.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok());
        Some((ticks(11)? + ticks(12)?) * TICK_MS)
    }

    /// Memory in use, in MiB; nothing where the system does not say.
    pub(super) fn resident_mib(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib / 1024.0)
    }
}
