//! Letting packages through to more people, and back.

use super::change::{Chosen, Line, each};
use crate::deps::Deps;
use crate::lifecycle::rules;
use clap::{Args, ValueEnum};
use poolwarden_domain::lifecycle::{Wish, demote, promote};
use poolwarden_domain::package;

pub(super) const PROMOTE_HELP: &str = "Examples:
  poolwarden packages promote excel-0123456789abcdef
  poolwarden packages promote excel-0123456789abcdef --to production --as ann@contoso.com
  poolwarden packages promote excel-0123456789abcdef --approve --as bob@contoso.com

The connection's [connection.promotion] says who may, after how long, and whether somebody else has to approve.

Exit codes: 0 done, 1 refused, 2 waits for approval.";

pub(super) const DEMOTE_HELP: &str = "Examples:
  poolwarden packages demote excel-0123456789abcdef
  poolwarden packages demote excel-0123456789abcdef --to development

Whoever may promote into the stage where a package is may take it back from there, at once.";

/// How far a package is let through.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Stage {
    Development,
    Test,
    Acceptance,
    Production,
}

impl From<Stage> for package::Stage {
    fn from(stage: Stage) -> Self {
        match stage {
            Stage::Development => Self::Development,
            Stage::Test => Self::Test,
            Stage::Acceptance => Self::Acceptance,
            Stage::Production => Self::Production,
        }
    }
}

/// `poolwarden packages promote`
#[derive(Debug, Args)]
pub(in crate::commands) struct Promote {
    #[command(flatten)]
    chosen: Chosen,
    /// How far [default: one stage on]
    #[arg(long, value_name = "STAGE", ignore_case = true)]
    to: Option<Stage>,
    /// Approve what somebody else asked for
    #[arg(long)]
    approve: bool,
}

impl Promote {
    pub(super) async fn run(&self, deps: &Deps, json: bool) -> anyhow::Result<u8> {
        let (who, now, to) = (self.chosen.by.name()?, deps.now(), self.to.map(Into::into));
        let wish = Wish { to, who: &who, now };
        each(
            deps,
            &self.chosen,
            json,
            true,
            |line| format!("promoted to {}", stage(line)),
            |connection, package| promote(package, wish, self.approve, &rules(deps, connection)),
        )
        .await
    }
}

/// `poolwarden packages demote`
#[derive(Debug, Args)]
pub(in crate::commands) struct Demote {
    #[command(flatten)]
    chosen: Chosen,
    /// How far [default: one stage back]
    #[arg(long, value_name = "STAGE", ignore_case = true)]
    to: Option<Stage>,
}

impl Demote {
    pub(super) async fn run(&self, deps: &Deps, json: bool) -> anyhow::Result<u8> {
        let (who, now, to) = (self.chosen.by.name()?, deps.now(), self.to.map(Into::into));
        let wish = Wish { to, who: &who, now };
        each(
            deps,
            &self.chosen,
            json,
            false,
            |line| format!("demoted to {}", stage(line)),
            |connection, package| demote(package, wish, &rules(deps, connection)),
        )
        .await
    }
}

fn stage(line: &Line) -> String {
    line.stage.map(|stage| format!("{stage:?}")).unwrap_or_default()
}
