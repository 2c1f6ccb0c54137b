//! The recycle bin: into it, out of it, and out of it for good.

use super::change::{By, Chosen, Line, each, find, judged, tell};
use super::list::lines;
use crate::commands::output::say;
use crate::commands::{COMPLETE, INCOMPLETE};
use crate::deps::Deps;
use crate::{keys, lifecycle as acts};
use clap::Args;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};
use poolwarden_domain::lifecycle::{may_be_purged, restore, retire};
use poolwarden_domain::package::{Package, PackageState};

pub(super) const RETIRE_HELP: &str = "Example:
  poolwarden packages retire excel-0123456789abcdef

What a person retires no run brings back: `packages restore` does.";

pub(super) const RESTORE_HELP: &str = "Examples:
  poolwarden packages bin
  poolwarden packages restore excel-0123456789abcdef

A managed package whose source no longer offers it is retired again by later runs: `packages edit --managed false` first.";

pub(super) const PURGE_HELP: &str = "Examples:
  poolwarden packages purge excel-0123456789abcdef --yes
  poolwarden packages purge --older-than 30d --dry-run
  poolwarden packages purge --older-than 30d --connection contoso --yes

Its history goes with it; icons and .rdp files stay, for others may have the same. If its source offers it again, it is a
new package of the same key.

Exit codes: 0 done, 1 refused, 2 nothing was deleted for want of --yes.";

/// `poolwarden packages retire`
#[derive(Debug, Args)]
pub(in crate::commands) struct Retire {
    #[command(flatten)]
    chosen: Chosen,
}

impl Retire {
    pub(super) async fn run(&self, deps: &Deps, json: bool) -> anyhow::Result<u8> {
        let (who, now) = (self.chosen.by.name()?, deps.now());
        let done = |_: &Line| "retired, until somebody restores it".to_owned();
        each(deps, &self.chosen, json, false, done, |_, package| Ok(retire(package, &who, now))).await
    }
}

/// `poolwarden packages restore`
#[derive(Debug, Args)]
pub(in crate::commands) struct Restore {
    #[command(flatten)]
    chosen: Chosen,
}

impl Restore {
    pub(super) async fn run(&self, deps: &Deps, json: bool) -> anyhow::Result<u8> {
        let (who, now) = (self.chosen.by.name()?, deps.now());
        let done = |_: &Line| "restored".to_owned();
        each(deps, &self.chosen, json, false, done, |_, package| Ok(restore(package, &who, now))).await
    }
}

/// `poolwarden packages purge`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true))]
pub(in crate::commands) struct Purge {
    /// The packages' keys, as `packages bin` shows them
    #[arg(value_name = "KEY", group = "which")]
    keys: Vec<String>,
    /// Every package that was retired this long ago, such as 30d; of the keys, only those
    #[arg(long, value_name = "TIME", group = "which", value_parser = age)]
    older_than: Option<SignedDuration>,
    #[command(flatten)]
    by: By,
    /// Only say what would be deleted
    #[arg(long)]
    dry_run: bool,
    /// Delete it; there is no way back
    #[arg(long)]
    yes: bool,
}

/// A time span; a day has 24 hours.
fn age(text: &str) -> Result<SignedDuration, String> {
    let span: Span = text.parse().map_err(|_| "write a time such as 30d or 12h".to_owned())?;
    let age = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|error| error.to_string())?;
    if age.is_negative() { Err("write a time that is not negative".to_owned()) } else { Ok(age) }
}

impl Purge {
    pub(super) async fn run(&self, deps: &Deps, json: bool) -> anyhow::Result<u8> {
        let who = self.by.name()?;
        let before = self.older_than.map(|age| deps.now().checked_sub(age).unwrap_or(Timestamp::MIN));
        let (found, mut lines) = self.found(deps, before).await?;
        if self.dry_run || !self.yes {
            lines.extend(self.would_be(deps, &found, before).await?);
            let code = tell(&lines, json, |_| "would be deleted for good".to_owned())?;
            if self.dry_run || code != COMPLETE || found.is_empty() {
                return Ok(code);
            }
            if !json {
                say!("nothing was deleted; --yes deletes");
            }
            return Ok(INCOMPLETE);
        }
        for (connection, key) in found {
            let outcome = acts::purge(deps, &connection, &key, before, &who).await;
            lines.push(judged(&key, &connection, outcome, false)?.called("deleted"));
        }
        if lines.is_empty() && !json {
            say!("nothing was retired that long ago");
        }
        tell(&lines, json, |_| "deleted for good".to_owned())
    }

    /// The packages that are meant, and those that are not there.
    async fn found(
        &self,
        deps: &Deps,
        before: Option<Timestamp>,
    ) -> anyhow::Result<(Vec<(String, String)>, Vec<Line>)> {
        let connection = self.by.connection.as_deref();
        if self.keys.is_empty() {
            let retired = lines(deps, connection, |row| row.state == PackageState::Retired).await?;
            // Rows of earlier versions do not say when: the package itself does.
            let is_old = |at: Option<Timestamp>| before.is_none_or(|before| at.is_none_or(|at| at <= before));
            let mut old = Vec::new();
            for line in retired.into_iter().filter(|line| is_old(line.row.retired_at)) {
                let package: Option<Package> = deps.state().value(&keys::package(&line.connection, &line.key)).await?;
                if package.is_some_and(|package| may_be_purged(&package, before).is_ok()) {
                    old.push((line.connection, line.key));
                }
            }
            return Ok((old, Vec::new()));
        }
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for one in find(deps, &self.keys, connection).await? {
            match one {
                Ok(one) => found.push(one),
                Err(line) => missing.push(line),
            }
        }
        Ok((found, missing))
    }

    async fn would_be(
        &self,
        deps: &Deps,
        found: &[(String, String)],
        before: Option<Timestamp>,
    ) -> anyhow::Result<Vec<Line>> {
        let mut lines = Vec::new();
        for (connection, key) in found {
            let package: Option<Package> = deps.state().value(&keys::package(connection, key)).await?;
            let outcome = package.map(|package| match may_be_purged(&package, before) {
                Ok(()) => acts::Outcome::Changed(Box::new(package)),
                Err(refusal) => acts::Outcome::Refused(refusal),
            });
            lines.push(Line::from(key, connection, outcome, false).called("would_be_deleted"));
        }
        Ok(lines)
    }
}
