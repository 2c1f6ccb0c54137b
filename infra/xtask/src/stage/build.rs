//! The binary for Azure: what to build it for, and the build.

use crate::cargo;
use crate::processes::capture;
use anyhow::{Context, Result, bail, ensure};
use std::path::PathBuf;
use tokio::process::Command;

/// A binary that needs nothing of the system but its kernel.
const STATIC: &str = "x86_64-unknown-linux-musl";
/// One that needs the C library, which Azure's machines have.
const DYNAMIC: &str = "x86_64-unknown-linux-gnu";

/// A binary that was built.
#[derive(Debug)]
pub(super) struct Build {
    pub(super) binary: PathBuf,
    pub(super) triple: String,
    /// Why it was built for that.
    pub(super) why: String,
    debug: bool,
}

impl Build {
    /// Builds for `wanted`, or for the best there is.
    pub(super) async fn of(wanted: Option<&str>, debug: bool) -> Result<Self> {
        let here = host().await?;
        if let Some(wanted) = wanted {
            return Self::make(wanted, &here, "--target says so".to_owned(), debug).await;
        }
        let lacking = if has(STATIC).await {
            match Self::make(STATIC, &here, "it needs no library of the system".to_owned(), debug).await {
                Ok(build) => return Ok(build),
                Err(error) => format!("{STATIC} does not build here ({error:#})"),
            }
        } else {
            format!("rustc has no {STATIC} (`rustup target add {STATIC}`, and a C compiler for it, such as musl-gcc)")
        };
        if here == DYNAMIC {
            return Self::make(DYNAMIC, &here, format!("{lacking}; this machine's own target will do"), debug).await;
        }
        bail!(
            "Azure runs x86_64 Linux, and this machine is {here}: {lacking}. Mend that, or stage on an x86_64 Linux \
             machine, or in a container of one; `--target {here}` is for `func start` on this machine"
        );
    }

    async fn make(triple: &str, here: &str, why: String, debug: bool) -> Result<Self> {
        let mut arguments = vec!["build", "--locked", "--package", "poolwarden", "--bin", "poolwarden"];
        let mut folder = cargo::target();
        if triple != here {
            arguments.extend(["--target", triple]);
            folder.push(triple);
        }
        if !debug {
            arguments.push("--release");
        }
        cargo::run(&arguments).await?;
        folder.push(if debug { "debug" } else { "release" });
        let extension = if triple.contains("windows") { "exe" } else { "" };
        let binary = folder.join("poolwarden").with_extension(extension);
        Ok(Self { binary, triple: triple.to_owned(), why, debug })
    }

    pub(super) fn profile(&self) -> &'static str {
        if self.debug { "debug build" } else { "release build" }
    }
}

async fn rustc(arguments: &[&str]) -> Result<String> {
    let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    let (status, out, err) = capture(command.args(arguments).current_dir(cargo::root())).await?;
    ensure!(status.success(), "rustc {} failed ({status}): {}", arguments.join(" "), err.trim());
    Ok(out)
}

/// What this machine is.
async fn host() -> Result<String> {
    let said = rustc(&["--version", "--verbose"]).await?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc --version --verbose names no host")?.to_owned())
}

/// Whether rustc has the standard library of a target.
async fn has(triple: &str) -> bool {
    match rustc(&["--print", "target-libdir", "--target", triple]).await {
        Ok(folder) => std::fs::read_dir(folder.trim()).is_ok_and(|mut files| files.next().is_some()),
        Err(_) => false,
    }
}
