//! `poolwarden audit`: what is wrong with who may do what, how bad it is, and what mends it.

mod read;
mod table;

use super::output::{self, say};
use super::{COMPLETE, Cli, INCOMPLETE};
use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use poolwarden_domain::audit::{
    AuditReport, Comparison, Family, Severity, Verdict, audit, compare, fails, render, rules_of,
};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};

pub(super) use read::{Facts, chosen, chosen_of, facts_of, read_now};

/// Something at or above `--fail-on` is wrong.
const FINDINGS: u8 = 3;
/// The largest baseline that is read, in bytes.
const MAX_BASELINE_BYTES: u64 = 512 << 20;

const EXAMPLES: &str = "Examples:
  poolwarden audit                               read everything now, and list what is wrong, the worst first
  poolwarden audit --format html --output audit.html
  poolwarden audit --format sarif --output audit.sarif --fail-on high
  poolwarden audit --json > today.json && poolwarden audit --baseline today.json --fail-on medium
  poolwarden audit --from exports/ --family all  files instead of Azure: what `az … -o json` and --save-facts wrote
  poolwarden audit --stored                      what the last run read, without asking Azure
  poolwarden audit rules R17                     what a rule is about

What could not be read is listed, and no rule that depends on it passes.
Exit codes: 0 audited, 1 failed, 2 something could not be read, 3 findings at or above --fail-on.";

/// `poolwarden audit`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(super) struct Audit {
    #[command(subcommand)]
    about: Option<About>,
    #[command(flatten)]
    source: SourceArgs,
    /// Which rules: who may do what, how the deployment is made, or both [default: as the connection says]
    #[arg(long, value_name = "FAMILY")]
    family: Option<FamilyArg>,
    /// What is expected, allowed and demanded, instead of the connection's own policy
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// How it is written [default: table]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Where it is written [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// An earlier report as JSON: say what is new and what is fixed since
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// End with exit code 3 if there are findings at least that bad; with --baseline, new ones
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<SeverityArg>,
    /// Also write what was read to a file, which --from reads
    #[arg(long, value_name = "FILE")]
    save_facts: Option<PathBuf>,
    /// How many findings the table shows; 0 for all
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
}

/// Where the facts come from.
#[derive(Debug, Args)]
pub(super) struct SourceArgs {
    /// The connection [default: the only one of kind "arm"]
    #[arg(long, value_name = "NAME", global = true)]
    connection: Option<String>,
    /// Files instead of Azure
    #[arg(long, value_name = "DIR", conflicts_with = "stored", global = true)]
    from: Option<PathBuf>,
    /// What was read last, without asking Azure
    #[arg(long, global = true)]
    stored: bool,
}

#[derive(Debug, Subcommand)]
enum About {
    /// The rules: what each is about, why, and where that is written
    #[command(after_help = "Examples:\n  poolwarden audit rules\n  poolwarden audit rules R17 V31")]
    Rules {
        /// Only these, by id
        ids: Vec<String>,
    },
    /// The JSON Schema of the report, or of the policy file
    #[command(after_help = "Example:\n  poolwarden audit schema report > report.schema.json")]
    Schema {
        /// Of what
        #[arg(default_value = "report")]
        of: SchemaOf,
    },
    /// How the audits of a connection came out, run by run
    #[command(after_help = "Example:\n  poolwarden audit trend contoso")]
    Trend {
        /// The connection [default: the only one of kind "arm"]
        name: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SchemaOf {
    Report,
    Policy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FamilyArg {
    Rbac,
    Posture,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Csv,
    Sarif,
    Html,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SeverityArg {
    Low,
    Medium,
    High,
    Critical,
}

impl FamilyArg {
    fn families(self) -> &'static [Family] {
        match self {
            Self::Rbac => &[Family::Rbac, Family::Custom],
            Self::Posture => &[Family::Posture],
            Self::All => &[Family::Rbac, Family::Custom, Family::Posture],
        }
    }
}

impl From<SeverityArg> for Severity {
    fn from(severity: SeverityArg) -> Self {
        match severity {
            SeverityArg::Low => Self::Low,
            SeverityArg::Medium => Self::Medium,
            SeverityArg::High => Self::High,
            SeverityArg::Critical => Self::Critical,
        }
    }
}

impl Audit {
    pub(super) async fn run(&self, cli: &Cli) -> anyhow::Result<u8> {
        match &self.about {
            Some(About::Rules { ids }) => rules(ids, cli.json),
            Some(About::Schema { of }) => schema(*of),
            Some(About::Trend { name }) => {
                read::trend(cli, name.as_deref().or(self.source.connection.as_deref())).await
            }
            None => self.audit(cli).await,
        }
    }

    async fn audit(&self, cli: &Cli) -> anyhow::Result<u8> {
        let wants_posture = self.family.map(|family| family != FamilyArg::Rbac);
        let Facts { source, facts, policy, posture, .. } = facts_of(cli, &self.source, wants_posture).await?;
        if let Some(path) = &self.save_facts {
            let text = serde_json::to_vec(&facts)?;
            std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        let policy = match &self.policy {
            Some(path) => crate::audit::policy::read(path)?,
            None => policy,
        };
        let families = self.family.map_or_else(|| crate::audit::families(posture), FamilyArg::families);
        let report = audit(&source, &facts, &policy, families, jiff::Timestamp::now());
        let baseline = self.baseline.as_deref().map(baseline).transpose()?;
        let comparison = baseline.as_ref().map(|before| compare(before, &report));
        self.write(cli, &report, comparison.as_ref())?;
        Ok(match self.fail_on {
            Some(severity) if fails(&report, comparison.as_ref(), severity.into()) => FINDINGS,
            _ if report.rules.iter().any(|rule| rule.verdict == Verdict::Unknown) => INCOMPLETE,
            _ if report.summary.unknown_scopes > 0 => INCOMPLETE,
            _ => COMPLETE,
        })
    }

    fn write(&self, cli: &Cli, report: &AuditReport, comparison: Option<&Comparison>) -> anyhow::Result<()> {
        let format = self.format.unwrap_or(if cli.json { Format::Json } else { Format::Table });
        let text = match format {
            Format::Table => table::text(report, comparison, self.limit)?,
            Format::Json => {
                let mut value = serde_json::to_value(report)?;
                if let Some(comparison) = comparison {
                    value["comparison"] = serde_json::to_value(comparison)?;
                }
                format!("{}\n", serde_json::to_string_pretty(&value)?)
            }
            Format::Csv => render::csv(report),
            Format::Sarif => format!("{}\n", serde_json::to_string_pretty(&render::sarif(report, comparison))?),
            Format::Html => render::html(report),
        };
        match &self.output {
            Some(path) => std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?,
            None => std::io::stdout().lock().write_all(text.as_bytes())?,
        }
        Ok(())
    }
}

/// An earlier report.
fn baseline(path: &Path) -> anyhow::Result<AuditReport> {
    let shown = path.display();
    let size = std::fs::metadata(path).with_context(|| format!("cannot read the baseline {shown}"))?.len();
    if size > MAX_BASELINE_BYTES {
        bail!("the baseline {shown} has {size} bytes; at most {MAX_BASELINE_BYTES} are read");
    }
    let text = std::fs::read(path).with_context(|| format!("cannot read the baseline {shown}"))?;
    serde_json::from_slice(&text).with_context(|| format!("{shown} is no report that `poolwarden audit --json` wrote"))
}

fn rules(ids: &[String], json: bool) -> anyhow::Result<u8> {
    let all = [Family::Rbac, Family::Posture].into_iter().flat_map(rules_of);
    let wanted = |id: &str| ids.is_empty() || ids.iter().any(|one| one.eq_ignore_ascii_case(id));
    let rules: Vec<_> = all.filter(|rule| wanted(rule.id)).collect();
    if let Some(unknown) = ids.iter().find(|id| !rules.iter().any(|rule| rule.id.eq_ignore_ascii_case(id))) {
        bail!("there is no rule {unknown:?}; `poolwarden audit rules` lists them");
    }
    if json {
        let rules: Vec<_> = rules
            .iter()
            .map(|rule| {
                json!({
                    "id": rule.id, "family": rule.family, "title": rule.title, "severity": rule.severity,
                    "rationale": rule.rationale, "references": rule.references, "needs": rule.needs,
                })
            })
            .collect();
        output::json(&rules)?;
    } else if ids.is_empty() {
        let rows = rules.iter().map(|rule| [rule.id.to_owned(), rule.severity.to_string(), rule.title.to_owned()]);
        output::table(["RULE", "SEVERITY", "WHAT IS WRONG"], rows)?;
    } else {
        for rule in rules {
            let needs: Vec<String> = rule.needs.iter().map(ToString::to_string).collect();
            say!("{} ({}): {}\n  {}", rule.id, rule.severity, rule.title, rule.rationale);
            say!("  depends on: {}", needs.join(", "));
            for reference in rule.references {
                say!("  {reference}");
            }
        }
    }
    Ok(COMPLETE)
}

fn schema(of: SchemaOf) -> anyhow::Result<u8> {
    match of {
        SchemaOf::Report => output::json(&schemars::schema_for!(AuditReport))?,
        SchemaOf::Policy => output::json(&schemars::schema_for!(poolwarden_domain::audit::AuditPolicy))?,
    }
    Ok(COMPLETE)
}
