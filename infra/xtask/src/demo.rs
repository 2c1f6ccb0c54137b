//! `cargo xtask demo`: what a user gets, on a simulated Azure: a run, another run, the catalogue, and the audit.

use crate::cargo::{self, Programs};
use crate::expected;
use crate::poolwarden::Poolwarden;
use crate::simulator::Simulator;
use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::{Args, ValueEnum};
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Packages of the catalogue that are shown.
const PACKAGES: usize = 12;
/// How much of their names.
const NAME_CHARS: usize = 70;
/// Lines of a list that are shown of what a command prints.
const LISTED: usize = 3;
const TOO_MANY: usize = LISTED + 1;
/// The longest line shown.
const MAX_LINE_CHARS: usize = 240;
/// Findings of the audit that are shown.
const FINDINGS_SHOWN: usize = 5;
/// How long the audit that follows a run may take, and how often it is looked for.
const AUDIT_PATIENCE: Duration = Duration::from_secs(180);
/// See above.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How far away the simulated Azure is.
const RTT_MS: &str = "5";

const ABOUT: &str = "\
Builds Poolwarden and a simulated Azure, starts `poolwarden serve` on it, and runs `poolwarden sync` twice: the first \
run reads the estate and publishes it, the second finds nothing to do; and shows the worst of what the audit has found. Everything it writes is in target/demo, and \
every process it starts ends with it.

Examples:
  cargo xtask demo
  cargo xtask demo --estate small";

/// `cargo xtask demo`
#[derive(Debug, Args)]
#[command(after_help = ABOUT)]
pub(crate) struct Demo {
    /// small: 6 host pools, with every oddity; large: 400 host pools with 8,000 session hosts
    #[arg(long, value_enum, default_value_t = Estate::Large)]
    estate: Estate,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Estate {
    Small,
    Large,
}

fn configuration(azure: &str) -> String {
    format!(
        r#"[store]
path = "poolwarden.db"

# It runs when asked to: `poolwarden sync --connection contoso`.
[[connection]]
name = "contoso"
enabled = false
credential = {{ kind = "managed_identity" }}
endpoints = {{ arm = "{azure}", graph = "{azure}" }}
host_pools = {{ exclude = ["*-test"] }}
"#
    )
}

impl Demo {
    pub(crate) async fn run(&self) -> Result<()> {
        heading("Building Poolwarden and the simulated Azure");
        cargo::run(&["build", "--package", "poolwarden", "--package", "simulator"]).await?;
        let began = Instant::now();
        let (programs, folder) = (Programs::of("debug"), cargo::fresh_folder("demo")?);

        let estate = match self.estate {
            Estate::Small => "small",
            Estate::Large => "large",
        };
        let options = ["--rtt-ms", RTT_MS, "--throttle", "azure"];
        let azure = Simulator::start(&programs, &folder, estate, &options).await?;
        heading(&format!("A simulated Azure answers on {}, {RTT_MS} ms away, as patient as the real one", azure.url));
        println!("{}", planted(&azure.estate_without_icons().await?));

        heading("Poolwarden's configuration, poolwarden.toml");
        let configuration = configuration(&azure.url);
        print!("{configuration}");
        let poolwarden = Poolwarden::install(&programs, &folder, &azure.url, &configuration)?;
        let serve = poolwarden.serve().await?;

        heading("poolwarden serve runs; poolwarden sync --wait asks it for a first run");
        let first = sync(&poolwarden).await?;
        ensure!(first["status"] == "complete", "the first run did not end complete but {}", first["status"]);

        heading("The same again: nothing has changed");
        let second = sync(&poolwarden).await?;
        ensure!(second["status"] == "complete", "the second run did not end complete but {}", second["status"]);
        let changed = changed(&second);
        ensure!(changed == 0, "the second run changed {changed} packages; there was nothing to change");
        println!("0 changed, for {} requests where the first run took {}", requests(&second), requests(&first));

        heading("poolwarden packages list");
        list(&poolwarden).await?;

        heading("poolwarden packages export catalogue, compared with what was planted");
        let packages = compare(&poolwarden, &azure).await?;
        println!("{packages} packages, no difference");

        heading("poolwarden audit --stored: what is wrong with who may do what, the worst first");
        audit(&poolwarden).await?;

        serve.stop().await?;
        azure.stop().await?;
        heading(&format!("Done in {:.1} s", began.elapsed().as_secs_f64()));
        closing(&folder);
        Ok(())
    }
}

fn heading(text: &str) {
    println!("\n── {text}");
}

/// Prints the worst of what the audit after the runs has found. It follows a run, and may still be reading.
async fn audit(poolwarden: &Poolwarden) -> Result<()> {
    let deadline = Instant::now() + AUDIT_PATIENCE;
    let report = loop {
        match poolwarden.json(&["audit", "--stored"]).await {
            Ok(report) => break report,
            Err(error) if Instant::now() > deadline => return Err(error),
            Err(_) => tokio::time::sleep(LOOK_EVERY).await,
        }
    };
    let findings = report["findings"].as_array().context("the report lists no findings")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for finding in findings.iter().take(FINDINGS_SHOWN) {
        println!("{:<9} {}  {}", text(&finding["severity"]), text(&finding["rule"]), text(&finding["message"]));
    }
    println!("{} findings in all", findings.len());
    Ok(())
}

fn planted(estate: &Value) -> String {
    let count = |name: &str| estate[name].as_array().map_or(0, Vec::len);
    let resources: usize = ["applications", "desktops"]
        .into_iter()
        .flat_map(|kind| estate["applicationGroups"].as_array().into_iter().flatten().map(move |group| &group[kind]))
        .map(|children| children.as_array().map_or(0, Vec::len))
        .sum();
    format!(
        "{} subscriptions, {} host pools, {} session hosts, {} application groups, {resources} desktops and applications",
        count("subscriptions"),
        count("hostPools"),
        count("sessionHosts"),
        count("applicationGroups"),
    )
}

/// Has `serve` make a run, in sight, and returns the account of it.
async fn sync(poolwarden: &Poolwarden) -> Result<Value> {
    let mut command = poolwarden.command(&["sync", "--wait", "--connection", "contoso"]);
    // Progress is on standard error and stays in sight as it is.
    let output = command.stderr(Stdio::inherit()).output().await.context("poolwarden sync does not start")?;
    print_shortened(&String::from_utf8_lossy(&output.stdout));
    ensure!(output.status.success(), "poolwarden sync ended with {}; it says why above", output.status);
    let report = poolwarden.newest_run().await?["finished"]["report"].clone();
    ensure!(report.is_object(), "poolwarden sync --wait came back, and the run has not ended");
    Ok(report)
}

/// Prints a command's output with its indented lists cut short.
fn print_shortened(text: &str) {
    let mut listed = 0;
    for line in text.lines() {
        listed = if line.starts_with("  ") { listed + 1 } else { 0 };
        match listed {
            0..=LISTED => println!("{}", line.chars().take(MAX_LINE_CHARS).collect::<String>()),
            TOO_MANY => println!("  …"),
            _ => {}
        }
    }
}

fn changed(report: &Value) -> u64 {
    let count = |name: &str| report["packages"][name].as_u64().unwrap_or_default();
    count("created") + count("updated") + count("retired")
}

fn requests(report: &Value) -> u64 {
    let count = |name: &str| report["requests"][name].as_u64().unwrap_or_default();
    count("arm") + count("resource_graph")
}

/// Prints some packages of the catalogue, from its beginning to its end.
async fn list(poolwarden: &Poolwarden) -> Result<()> {
    let packages = poolwarden.json(&["packages", "list"]).await?;
    let packages = packages.as_array().context("poolwarden packages list --json is no list")?;
    for package in packages.iter().step_by(packages.len().div_ceil(PACKAGES).max(1)) {
        let text = |name: &str| package[name].as_str().unwrap_or_default();
        let name: String = text("display_name").chars().take(NAME_CHARS).collect();
        println!("{name:<NAME_CHARS$}  {:<9}  {:<40}  {}", text("kind"), text("workspace"), text("key"));
    }
    println!("… {} in all", packages.len());
    Ok(())
}

async fn compare(poolwarden: &Poolwarden, azure: &Simulator) -> Result<usize> {
    let exported = export(poolwarden).await?;
    let expected = expected::catalogue(&azure.estate().await?).map_err(|error| anyhow!("/_sim/estate: {error}"))?;
    let differences = expected::differences(&expected, &exported);
    if !differences.is_empty() {
        let first: Vec<&str> = differences.iter().take(PACKAGES).map(String::as_str).collect();
        bail!("{} differences from what was planted:\n{}", differences.len(), first.join("\n"));
    }
    Ok(exported.len())
}

/// Exports the catalogue into the folder `catalogue` and reads its manifests.
pub(crate) async fn export(poolwarden: &Poolwarden) -> Result<Vec<Value>> {
    let index = poolwarden.json(&["packages", "export", "catalogue"]).await?;
    let files = index["files"].as_array().context("the export lists no files")?.iter().filter_map(Value::as_str);
    let manifests = files.filter(|file| file.starts_with("packages/")).map(|file| {
        let path = poolwarden.folder.join("catalogue").join(file);
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&bytes).with_context(|| format!("{} is no JSON", path.display()))
    });
    manifests.collect()
}

fn closing(folder: &Path) {
    println!(
        "\
Configuration, store, log and catalogue are in {}.

With your own estate:
  az login
  cp functions/config/minimal.example.toml poolwarden.toml    and look at what it says
  cargo run --release -- sync --dry-run                       what would be published
  cargo run --release -- sync                                 publish it
  cargo run --release -- serve                                keep it published",
        folder.display()
    );
}
