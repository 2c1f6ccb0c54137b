//! Where a command has its facts from: Azure now, what the last run read, or files.

use super::SourceArgs;
use crate::audit::{self, Kept};
use crate::commands::output::{self, when};
use crate::commands::session::{Session, check, configuration, configuration_or_empty};
use crate::commands::{COMPLETE, Cli};
use crate::config::{Config, Kind};
use crate::deps::Deps;
use crate::{health, keys};
use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use poolwarden_azure::{Depth, read_access_files};
use poolwarden_domain::access::AccessFacts;
use poolwarden_domain::audit::{AuditPolicy, Severity, Trends, Verdict};
use poolwarden_domain::run::{Requests, Run, Source, Trigger};
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

/// Facts, and what goes with them.
pub(in crate::commands) struct Facts {
    /// A connection's name, or a folder.
    pub(in crate::commands) source: String,
    /// The facts.
    pub(in crate::commands) facts: AccessFacts,
    /// What they are held against.
    pub(in crate::commands) policy: AuditPolicy,
    /// Whether they were read for the posture too.
    pub(in crate::commands) posture: bool,
}

/// The facts that the command line asks for. `posture` says whether they have to do for the posture; nothing leaves
/// that to the connection.
pub(in crate::commands) async fn facts_of(
    cli: &Cli,
    from: &SourceArgs,
    posture: Option<bool>,
) -> anyhow::Result<Facts> {
    if let Some(folder) = &from.from {
        let config = configuration_or_empty(cli)?;
        let (policy, configured) = match from.connection.as_deref().map(|name| (name, config.connection(name))) {
            Some((name, None)) => bail!("there is no connection {name:?} whose policy could be taken"),
            Some((_, Some(connection))) => (audit::policy::of(connection)?, connection.audit.posture),
            None => (AuditPolicy::default(), false),
        };
        let depth = if posture.unwrap_or(configured) { Depth::Posture } else { Depth::Rbac };
        let read = read_access_files(folder, depth, jiff::Timestamp::now())
            .with_context(|| format!("cannot read {}", folder.display()))?;
        for ignored in &read.ignored {
            eprintln!("not understood: {}", output::visible(ignored));
        }
        let source = folder.display().to_string();
        let posture = judges_posture(posture, configured, read.depth == Depth::Posture, &source)?;
        return Ok(Facts { source, facts: read.facts, policy, posture });
    }
    let config = configuration(cli)?;
    let name = chosen(&config, from.connection.as_deref())?;
    if !from.stored {
        check(&config)?;
    }
    let session = Session::open(config)?;
    let deps = &session.deps;
    let policy = deps.audit_policy(&name);
    let configured = deps.config.connection(&name).is_some_and(|connection| connection.audit.posture);
    if from.stored {
        let stored = audit::load(deps, &name).await.map_err(anyhow::Error::msg)?;
        let (head, kept) = stored.with_context(|| {
            format!("nothing was read of {name} yet; `poolwarden audit --connection {name}` reads it")
        })?;
        eprintln!("as read at {}", when(head.read_at));
        let posture = judges_posture(posture, configured, head.posture, &name)?;
        return Ok(Facts { source: name, facts: kept.facts, policy, posture });
    }
    let posture = posture.unwrap_or(configured);
    let facts = read_now(deps, &name, posture, cli.json).await?;
    Ok(Facts { source: name, facts, policy, posture })
}

/// Whether the rules on posture are run on facts that were read earlier. The command line may ask for that, or leave it
/// to the connection; an audit of access alone reads too little for them, and what it did not read would pass for wrong.
fn judges_posture(asked: Option<bool>, configured: bool, is_deep: bool, of: &str) -> anyhow::Result<bool> {
    let wanted = asked.unwrap_or(configured);
    if !wanted || is_deep {
        return Ok(wanted);
    }
    let of = output::visible(of);
    if asked.is_some() {
        bail!(
            "what was read of {of} is what an audit of access needs, too little for the posture: read it anew with \
             `poolwarden audit --family all`, or audit it with --family rbac"
        );
    }
    eprintln!("the posture is not judged: what was read of {of} is what an audit of access needs");
    Ok(false)
}

/// The connection to Azure that is meant.
pub(in crate::commands) fn chosen(config: &Config, name: Option<&str>) -> anyhow::Result<String> {
    chosen_of(config, name, "arm", |kind| *kind == Kind::Arm)
}

/// The connection of a kind that is meant: the one that is named, or the only one.
pub(in crate::commands) fn chosen_of(
    config: &Config,
    name: Option<&str>,
    kind: &str,
    is_of_kind: impl Fn(&Kind) -> bool,
) -> anyhow::Result<String> {
    let all: Vec<&str> = config
        .connections
        .iter()
        .filter(|connection| is_of_kind(&connection.kind))
        .map(|connection| connection.name.as_str())
        .collect();
    match (name, all.as_slice()) {
        (Some(name), all) if all.contains(&name) => Ok(name.to_owned()),
        (Some(name), _) => bail!("{name:?} is no connection of kind {kind:?}; there are: {}", all.join(", ")),
        (None, [one]) => Ok((*one).to_owned()),
        (None, []) => bail!("no connection of kind {kind:?} is configured"),
        (None, several) => bail!("there are several connections; name one with --connection: {}", several.join(", ")),
    }
}

/// Reads a connection now, and keeps what was read.
pub(in crate::commands) async fn read_now(
    deps: &Deps,
    name: &str,
    posture: bool,
    quiet: bool,
) -> anyhow::Result<AccessFacts> {
    deps.sources.forget_refusal(name);
    let now = deps.now();
    let run = Run::new(format!("{}-audit", now.strftime("%Y%m%dT%H%M%SZ")), name, Trigger::Command, Source::Azure, now);
    let memory = audit::memory(deps, name).await.map_err(anyhow::Error::msg)?;
    let reader = deps.sources.access(name).map_err(anyhow::Error::msg)?;
    let bar = spinner(quiet);
    bar.set_message(format!("reading who may do what in {name}"));
    let wanted = audit::wanted(deps, name, posture);
    let read = reader.read(&wanted, now, memory.as_ref()).await;
    bar.finish_and_clear();
    let read = match read {
        Ok(read) => read,
        Err(reason) => {
            health::record_refusal(deps, &run).await.map_err(anyhow::Error::msg)?;
            bail!("{name} could not be read: {reason}");
        }
    };
    let requests = Requests { graph: read.directory_requests, ..read.requests };
    if !quiet {
        let Requests { arm, resource_graph, graph, throttled, .. } = requests;
        eprintln!(
            "{arm} ARM, {resource_graph} Resource Graph and {graph} Microsoft Graph requests, {throttled} throttled"
        );
    }
    let kept = Arc::new(Kept { facts: read.facts, memory: read.memory });
    audit::keep(deps, &run, posture, requests, &kept).await.map_err(anyhow::Error::msg)?;
    Ok(Arc::unwrap_or_clone(kept).facts)
}

fn spinner(quiet: bool) -> ProgressBar {
    let terminal = std::io::stderr().is_terminal() && !quiet;
    let target = if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{spinner} {elapsed} {msg}").expect("the template is fixed");
    let bar = ProgressBar::with_draw_target(None, target).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// How a connection's audits came out, run by run.
pub(super) async fn trend(cli: &Cli, name: Option<&str>) -> anyhow::Result<u8> {
    let config = configuration(cli)?;
    let name = chosen(&config, name)?;
    let session = Session::open(config)?;
    let trends: Trends = session.deps.state().value(&keys::trend(&name)).await?.unwrap_or_default();
    if cli.json {
        output::json(&trends)?;
        return Ok(COMPLETE);
    }
    let rows = trends.runs().iter().map(|one| {
        let [critical, high, medium, low] = Severity::ALL.map(|severity| one.findings(severity).to_string());
        let (exempt, unknown) = (one.summary.exempt.to_string(), one.rules(Verdict::Unknown).to_string());
        [when(one.at), critical, high, medium, low, exempt, unknown]
    });
    output::table(["READ AT", "CRITICAL", "HIGH", "MEDIUM", "LOW", "EXEMPT", "UNKNOWN RULES"], rows)?;
    Ok(COMPLETE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_of_access_alone_are_not_judged_for_the_posture() {
        let judges = |asked, configured, is_deep| judges_posture(asked, configured, is_deep, "contoso").ok();
        for (asked, configured, is_deep, expected) in [
            (Some(true), false, true, Some(true)),
            (Some(true), true, false, None),
            (Some(false), true, true, Some(false)),
            (Some(false), true, false, Some(false)),
            (None, true, true, Some(true)),
            (None, true, false, Some(false)),
            (None, false, true, Some(false)),
        ] {
            assert_eq!(judges(asked, configured, is_deep), expected, "{asked:?} {configured} {is_deep}");
        }
    }
}
