//! `poolwarden classic roles grant` and `poolwarden classic roles revoke`

use super::known::{Known, known_as};
use super::list::Line;
use super::source::Desk;
use super::{Parameters, judged};
use crate::commands::output::{self, say, visible};
use crate::commands::roles::owners::Left;
use crate::commands::roles::told::Outcome;
use crate::commands::{COMPLETE, Cli};
use anyhow::bail;
use clap::Args;
use poolwarden_azure::RdsChanged;
use poolwarden_domain::delegated::{RdsAssignment, RdsRole, Request, scope_text};
use poolwarden_domain::estate::Principal;
use serde::Serialize;

/// `poolwarden classic roles grant`
#[derive(Debug, Args)]
pub(in crate::commands) struct Grant {
    #[command(flatten)]
    change: Changing,
}

/// `poolwarden classic roles revoke`
#[derive(Debug, Args)]
pub(in crate::commands) struct Revoke {
    #[command(flatten)]
    change: Changing,
    /// The assignment, by its id; needed with --diagnostics and --infrastructure
    #[arg(long, value_name = "ID")]
    id: Option<String>,
}

/// What both are told.
#[derive(Debug, Args)]
struct Changing {
    #[command(flatten)]
    parameters: Parameters,
    /// The connection [default: the only one of kind "classic"]
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// What became of it.
#[derive(Debug, Serialize)]
struct Change {
    outcome: Outcome,
    role: Option<RdsRole>,
    scope: String,
    principal: String,
    /// The assignments that it is about.
    assignments: Vec<Line>,
}

impl Change {
    fn of(request: &Request, outcome: Outcome, assignments: &[RdsAssignment]) -> Self {
        Self {
            outcome,
            role: request.role,
            scope: scope_text(&request.scope),
            principal: request.assignee.as_ref().map(ToString::to_string).unwrap_or_default(),
            assignments: assignments.iter().map(Line::of).collect(),
        }
    }
}

impl Grant {
    pub(super) async fn run(&self, cli: &Cli) -> anyhow::Result<u8> {
        let Changing { parameters, connection, dry_run } = &self.change;
        let request = judged(parameters.arguments().assignment())?;
        let desk = Desk::open(cli, connection.as_deref())?;
        let known = known_as(&desk, request).await?;
        known.must_be_known()?;
        let Known { request, likewise, .. } = &known;
        if *dry_run {
            let found = match request.is_untold() {
                true => Vec::new(),
                false => known.there(&desk).await?,
            };
            let outcome = if found.is_empty() { Outcome::WouldGrant } else { Outcome::AlreadyGranted };
            return show(&Change::of(request, outcome, &found), cli.json);
        }
        let change = match desk.roles.grant(request, likewise).await.map_err(anyhow::Error::msg)? {
            RdsChanged::Done(one) => Change::of(request, Outcome::Granted, &[one]),
            RdsChanged::AlreadySo => Change::of(request, Outcome::AlreadyGranted, &[]),
        };
        show(&change, cli.json)
    }
}

impl Revoke {
    pub(super) async fn run(&self, cli: &Cli) -> anyhow::Result<u8> {
        let Changing { parameters, connection, dry_run } = &self.change;
        let request = judged(parameters.arguments().assignment())?;
        if request.is_untold() && self.id.is_none() {
            bail!(
                "the service does not tell of an assignment whether it holds for diagnostics alone or for the infrastructure, so another one could be removed; say which is meant with --id (`poolwarden classic roles list` shows the ids)"
            );
        }
        let desk = Desk::open(cli, connection.as_deref())?;
        let known = known_as(&desk, request).await?;
        let is_it = |one: &RdsAssignment| self.id.as_ref().is_none_or(|id| one.id.eq_ignore_ascii_case(id.trim()));
        let mut found = known.there(&desk).await?;
        found.retain(is_it);
        let request = &known.request;
        let one = match found.as_slice() {
            [] => return show(&Change::of(request, Outcome::NotThere, &[]), cli.json),
            [one] => one,
            several => bail!(
                "several assignments may be meant, for the service does not tell of each whether it holds for diagnostics alone or for the infrastructure, nor whose a name was; say which with --id:\n{}",
                several
                    .iter()
                    .map(|one| format!("{} of {}", one.id, one.principal.key()))
                    .collect::<Vec<_>>()
                    .join("\n")
            ),
        };
        let owners = other_owners(&desk, request, one).await?;
        if let Some(owners) = &owners
            && let Some(why) = nobody_left(&desk, owners).await
        {
            bail!(
                "this is the last RDS Owner of {}, and nobody could give access there again; make somebody else owner first{why}",
                scope_text(&request.scope),
            );
        }
        if *dry_run {
            return show(&Change::of(request, Outcome::WouldRevoke, &found), cli.json);
        }
        if one.id.is_empty() {
            bail!("the service lists it without an id, so it cannot be removed");
        }
        // It was there a moment ago: one that is gone now was removed by this, though the first answer was lost.
        let sent = desk.roles.revoke(one).await;
        if let Some(before) = &owners {
            look_again(&desk, &known, one, before).await?;
        }
        sent.map_err(anyhow::Error::msg)?;
        show(&Change::of(request, Outcome::Revoked, &found), cli.json)
    }
}

/// Puts an assignment back, which was removed, if a tenant group or tenant has no owner now: whoever else was may have
/// been removed at the same time.
async fn look_again(desk: &Desk, known: &Known, gone: &RdsAssignment, before: &[RdsAssignment]) -> anyhow::Result<()> {
    let scope = scope_text(&known.request.scope);
    let done = format!("{} of {scope} was removed, or may have been", gone.id);
    let all = desk.roles.whole().await;
    let all = all.map_err(|reason| anyhow::anyhow!("{done}, and who is owner now is not known ({reason}): look"))?;
    let is_there = |one: &RdsAssignment| all.iter().any(|other| other.id == one.id);
    if is_there(gone) || before.iter().all(is_there) {
        return Ok(());
    }
    let now: Vec<RdsAssignment> = before.iter().filter(|one| is_there(one)).cloned().collect();
    if nobody_left(desk, &now).await.is_some() {
        let back = desk.roles.grant(&known.request, &known.likewise).await;
        back.map_err(|reason| anyhow::anyhow!("{done}, nobody is owner now, and it cannot be put back: {reason}"))?;
        bail!("the other RDS Owner of {scope} was removed at the same time, so this one was put back");
    }
    Ok(())
}

/// The other owners of the tenant group or tenant that an assignment makes somebody owner of; `None` if it does not.
async fn other_owners(
    desk: &Desk,
    request: &Request,
    one: &RdsAssignment,
) -> anyhow::Result<Option<Vec<RdsAssignment>>> {
    let is_high = request.scope.segment("hostPools").is_none();
    if request.role != Some(RdsRole::Owner) || !is_high {
        return Ok(None);
    }
    let all = desk.roles.whole().await.map_err(anyhow::Error::msg)?;
    let is_other = |other: &RdsAssignment| {
        other.role == RdsRole::Owner && request.scope.is_within(&other.scope) && other.id != one.id
    };
    Ok(Some(all.into_iter().filter(is_other).collect()))
}

/// Whether nobody is left of some owners; and who does not count, to follow a sentence.
async fn nobody_left(desk: &Desk, owners: &[RdsAssignment]) -> Option<String> {
    // Users whom the service shows without an object id are known by what they sign in with.
    if owners.iter().any(|one| one.principal.object_id.is_none()) {
        return None;
    }
    let principals = owners.iter().map(|one| Principal { id: one.principal.key(), kind: one.principal.kind.clone() });
    let left = Left::of(desk.deps.sources.directory(&desk.name), principals.collect(), desk.deps.now()).await;
    left.is_nobody().then(|| left.why_not())
}

fn show(change: &Change, json: bool) -> anyhow::Result<u8> {
    if json {
        output::json(change)?;
        return Ok(COMPLETE);
    }
    let role = change.role.map(RdsRole::name).unwrap_or_default();
    say!("{}: {role} to {} at {}", change.outcome, visible(&change.principal), visible(&change.scope));
    Ok(COMPLETE)
}
