//! `poolwarden roles migrate`: the classic service's role assignments, as those of Azure that say the same.

use super::desk::Desk;
use crate::commands::classic_roles::source::{Source, read_from};
use crate::commands::output::{self, say, visible};
use crate::commands::session::configuration_or_empty;
use crate::commands::{COMPLETE, Cli, INCOMPLETE};
use crate::config::Kind;
use anyhow::Context;
use clap::{Args, ValueEnum};
use poolwarden_azure::{Around, Granted, NewRoleAssignment, RdsRead, Wanted};
use poolwarden_domain::ArmId;
use poolwarden_domain::access::DirectoryObject;
use poolwarden_domain::delegated::{self, Line, Map, Migration};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

pub(super) const EXAMPLES: &str = "Examples:
  poolwarden roles migrate --from-classic old                       the plan, each line with its reason
  poolwarden roles migrate --from rds-roles.json --format az --output migrate.sh
  poolwarden roles migrate --from exports/ --to contoso --format bicep --output bicep/
  poolwarden roles migrate --from-classic old --map \"/Default Tenant Group/contoso=/subscriptions/…/resourceGroups/rg\" --apply

Nothing is changed without --apply. What is there already stays as it is.
Exit codes: 0 everything has an equivalent (with --apply: and is there), 2 something has none or was not made, 1 failed.";

/// `poolwarden roles migrate`
#[derive(Debug, Args)]
pub(in crate::commands) struct Migrate {
    /// The connection of kind "classic" whose role assignments are meant
    #[arg(long, value_name = "CONNECTION", required_unless_present = "from")]
    from_classic: Option<String>,
    /// What `Get-RdsRoleAssignment | ConvertTo-Json` wrote: a file, or a folder of them
    #[arg(long, value_name = "FILE_OR_DIR", conflicts_with = "from_classic")]
    from: Option<PathBuf>,
    /// The connection that takes its place [default: the only one of kind "arm"]
    #[arg(long, value_name = "CONNECTION")]
    to: Option<String>,
    /// What takes the place of a classic scope, where that is not found by name: "Tenant Group/tenant=/subscriptions/…"
    #[arg(long, value_name = "CLASSIC=SCOPE")]
    map: Vec<String>,
    /// How the plan is written [default: table]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Where it is written: a file, for bicep a folder [default: standard output]
    #[arg(long, short, value_name = "DIR_OR_FILE")]
    output: Option<PathBuf>,
    /// Make the role assignments now
    #[arg(long)]
    apply: bool,
    /// Say which of them are there already, and make none
    #[arg(long, conflicts_with = "apply")]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Az,
    Powershell,
    Bicep,
    Json,
}

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum Outcome {
    Made { id: ArmId },
    Already { id: ArmId },
    WouldMake,
    NotMade { reason: String },
}

impl Outcome {
    fn words(&self) -> String {
        match self {
            Self::Made { .. } => "made".to_owned(),
            Self::Already { .. } => "there already".to_owned(),
            Self::WouldMake => "would be made".to_owned(),
            Self::NotMade { reason } => format!("not made: {reason}"),
        }
    }
}

/// A plan with what became of it, for machines.
#[derive(Debug, Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    plan: &'a Migration,
    /// What became of the lines, in their order; none without --apply or --dry-run.
    outcomes: &'a [Outcome],
    /// What could not be read of the classic role assignments.
    unknown: Vec<String>,
}

impl Migrate {
    pub(super) async fn run(&self, cli: &Cli) -> anyhow::Result<u8> {
        let given = self.map.iter().map(|text| pair(text)).collect::<anyhow::Result<BTreeMap<ArmId, ArmId>>>()?;
        let source = match (&self.from, &self.from_classic) {
            (Some(path), _) => Source::Files(path.clone()),
            (None, name) => Source::Connection(name.clone()),
        };
        let read = read_from(cli, &source).await?;
        let mut desk = self.desk(cli).await?;
        let map = Map { given, ..known(desk.as_mut(), &read).await? };
        let plan = delegated::migrate(&read.assignments, &map);
        let mut outcomes = Vec::new();
        if self.apply || self.dry_run {
            let desk = desk.as_ref().context("no connection of kind \"arm\" is configured")?;
            for line in &plan.lines {
                outcomes.push(carry_out(desk, line, self.apply).await);
            }
        }
        let unknown: Vec<String> = read.unknown.iter().map(|dark| dark.reason.to_string()).collect();
        self.write(cli, &Report { plan: &plan, outcomes: &outcomes, unknown })?;
        let is_open = outcomes.iter().any(|outcome| matches!(outcome, Outcome::NotMade { .. }));
        Ok(if plan.without.is_empty() && read.unknown.is_empty() && !is_open { COMPLETE } else { INCOMPLETE })
    }

    /// Where the assignments go. Files can be planned for without any connection.
    async fn desk(&self, cli: &Cli) -> anyhow::Result<Option<Desk>> {
        let config = configuration_or_empty(cli)?;
        let has_one = config.connections.iter().any(|connection| connection.kind == Kind::Arm);
        if self.to.is_none() && !has_one && !self.apply && !self.dry_run {
            return Ok(None);
        }
        Desk::open(cli, self.to.as_deref()).await.map(Some)
    }

    fn write(&self, cli: &Cli, report: &Report<'_>) -> anyhow::Result<()> {
        let format = self.format.unwrap_or(if cli.json { Format::Json } else { Format::Table });
        let plan = report.plan;
        let text = match format {
            Format::Table => table(report)?,
            Format::Az => plan.az(),
            Format::Powershell => plan.powershell(),
            Format::Bicep => return self.write_bicep(report),
            Format::Json => format!("{}\n", serde_json::to_string_pretty(report)?),
        };
        match &self.output {
            Some(path) => std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?,
            None => std::io::stdout().lock().write_all(text.as_bytes())?,
        }
        if !matches!(format, Format::Table | Format::Json) {
            remarks(report, |line| eprintln!("{line}"));
        }
        Ok(())
    }

    fn write_bicep(&self, report: &Report<'_>) -> anyhow::Result<()> {
        let files = report.plan.bicep();
        match &self.output {
            Some(folder) => {
                std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
                for (name, text) in &files {
                    let path = folder.join(file_name(name));
                    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
                }
            }
            None => {
                for (name, text) in &files {
                    say!("// {}\n{text}", file_name(name));
                }
            }
        }
        let is_left = |line: &&Line| line.scope.resource_group().is_none() || line.principal_id.is_none();
        let left = report.plan.lines.iter().filter(is_left).count();
        if left > 0 {
            eprintln!(
                "{left} lines are above resource groups or for somebody without a known object id; --format az has them"
            );
        }
        remarks(report, |line| eprintln!("{line}"));
        Ok(())
    }
}

/// A file's name that stays in its folder.
fn file_name(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '(' | ')') { c } else { '_' })
        .collect()
}

/// `Tenant Group/tenant=/subscriptions/…`. Names may have an equals sign, ids have none before a slash.
fn pair(text: &str) -> anyhow::Result<(ArmId, ArmId)> {
    let wrong = || format!("{text:?} is no --map: write \"Tenant Group/tenant/host pool=/subscriptions/…\"");
    let (classic, scope) = text.rsplit_once("=/").with_context(wrong)?;
    let classic = delegated::scope_id(classic.trim()).with_context(wrong)?;
    Ok((classic, ArmId::from_outside(&format!("/{}", scope.trim())).with_context(wrong)?))
}

/// What is known of where things went, and of who the users are.
async fn known(desk: Option<&mut Desk>, read: &RdsRead) -> anyhow::Result<Map> {
    let Some(desk) = desk else { return Ok(Map::default()) };
    let nameless = read.assignments.iter().filter(|one| one.principal.object_id.is_none());
    let (directory, facts) = (desk.deps.sources.directory(&desk.name), desk.facts().await?);
    let is_place = |id: &ArmId| id.segment("hostPools").is_some() || id.segment("applicationGroups").is_some();
    let resources = facts.resources.iter().map(|one| one.id.clone()).filter(is_place).collect();
    let names = nameless.filter_map(|one| one.principal.sign_in_name.clone()).collect::<BTreeSet<String>>();
    // Whose a name was when the facts were read, it need not be now.
    let object_ids = match directory {
        Some(_) if names.is_empty() => BTreeMap::new(),
        Some(directory) => {
            let wanted = Wanted { people: names.into_iter().collect(), ..Wanted::default() };
            users(&directory.read(&wanted, None).await.directory.objects)
        }
        None => users(&facts.directory.objects),
    };
    Ok(Map { resources, object_ids, ..Map::default() })
}

/// Object ids by the names that are signed in with.
fn users(objects: &BTreeMap<String, DirectoryObject>) -> BTreeMap<String, String> {
    let named = |(id, object): (&String, &DirectoryObject)| match object {
        DirectoryObject::User { upn: Some(upn), .. } => Some((upn.to_lowercase(), id.clone())),
        _ => None,
    };
    objects.iter().filter_map(named).collect()
}

/// Makes one assignment, or says whether it would be made.
async fn carry_out(desk: &Desk, line: &Line, apply: bool) -> Outcome {
    let not_made = |reason: String| Outcome::NotMade { reason };
    let Some(principal) = line.principal_id.clone() else {
        return not_made(format!("no user of the directory signs in as {}", line.principal.name()));
    };
    let new = NewRoleAssignment {
        scope: line.scope.clone(),
        role: line.role.clone(),
        principal,
        principal_type: Some(line.principal.kind.clone()),
        condition: None,
        description: Some(format!("was {} of Azure Virtual Desktop (classic)", line.classic)),
    };
    match desk.roles.list(&new.scope, Around::Of(&new.principal)).await {
        Ok(listed) => {
            if let Some(one) = listed.into_iter().find(|one| new.is(one)) {
                return Outcome::Already { id: one.id };
            }
        }
        Err(reason) => return not_made(reason.to_string()),
    }
    if !apply {
        return Outcome::WouldMake;
    }
    match desk.roles.grant(&new).await {
        Ok(Granted::Made(id)) => Outcome::Made { id },
        Ok(Granted::Already(id)) => Outcome::Already { id },
        Err(reason) => not_made(reason.to_string()),
    }
}

fn table(report: &Report<'_>) -> anyhow::Result<String> {
    let rows = report.plan.lines.iter().enumerate().map(|(at, line)| {
        let outcome = report.outcomes.get(at).map(Outcome::words).unwrap_or_default();
        [line.principal.name().to_owned(), line.role_name.clone(), line.scope.to_string(), line.reason.clone(), outcome]
    });
    let mut text = output::rows(["WHO", "ROLE", "AT", "WHY", ""], rows);
    text.push_str(&format!("\n{} role assignments take their place\n", report.plan.lines.len()));
    remarks(report, |line| text.extend([line.as_str(), "\n"]));
    Ok(text)
}

/// What has no equivalent, contradicts itself or could not be read.
fn remarks(report: &Report<'_>, mut say: impl FnMut(String)) {
    for one in &report.plan.without {
        let who = one.principal.name();
        say(visible(&format!("no equivalent: {} of {who} at {}: {}", one.role, one.scope, one.reason)));
    }
    for (id, contradictions) in &report.plan.contradictions {
        say(visible(&format!("contradicts itself: {id}: {}", contradictions.join("; "))));
    }
    for reason in &report.unknown {
        say(visible(&format!("not read: {reason}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_map_is_a_classic_scope_and_what_takes_its_place() {
        let (classic, scope) = pair("Default Tenant Group/a=b=/subscriptions/s/resourceGroups/rg").unwrap();
        assert_eq!(delegated::scope_text(&classic), "/Default Tenant Group/a=b");
        assert_eq!(scope, ArmId::new("/subscriptions/s/resourceGroups/rg"));
        for wrong in ["", "a", "a=b", "/a/b/c/d/e=/subscriptions/s", "a=/subscriptions/../x"] {
            assert!(pair(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_hostile_group_name_stays_in_its_folder() {
        assert_eq!(file_name("s-../../etc.bicep"), "s-.._.._etc.bicep");
        assert!(!Path::new(&file_name("/abs.bicep")).is_absolute());
    }
}
