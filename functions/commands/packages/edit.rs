//! Changing what a package says.

use super::change::{Chosen, Line, each, find, tell};
use super::list::lines;
use crate::deps::Deps;
use clap::Args;
use poolwarden_domain::lifecycle::{self, edit};
use poolwarden_domain::package::PackageState;

pub(super) const HELP: &str = "Examples:
  poolwarden packages edit excel-0123456789abcdef --managed false --display-name \"Excel\"
  poolwarden packages edit excel-0123456789abcdef --categories Office,Finance
  poolwarden packages edit excel-0123456789abcdef --managed true

A managed package says what its source says. One that is not never changes by itself; managed again, it says what its
source says as of the next run.";

/// `poolwarden packages edit`
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub(in crate::commands) struct Edit {
    #[command(flatten)]
    chosen: Chosen,
    /// Its name in the catalogue
    #[arg(long, value_name = "TEXT", group = "what")]
    display_name: Option<String>,
    /// What it is; \"\" takes the description away
    #[arg(long, value_name = "TEXT", group = "what")]
    description: Option<String>,
    /// Where the catalogue shows it, separated by commas; \"\" takes it out of all
    #[arg(long, value_name = "NAMES", group = "what")]
    categories: Option<String>,
    /// Whether it follows its source
    #[arg(long, value_name = "true|false", group = "what")]
    managed: Option<bool>,
}

impl Edit {
    pub(super) async fn run(&self, deps: &Deps, json: bool) -> anyhow::Result<u8> {
        let (who, now) = (self.chosen.by.name()?, deps.now());
        let names = |text: &String| {
            let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
            names.map(str::to_owned).collect()
        };
        let wish = lifecycle::Edit {
            display_name: self.display_name.clone(),
            description: self.description.clone(),
            categories: self.categories.as_ref().map(names),
            managed: self.managed,
        };
        let taken = self.taken(deps).await?;
        if !taken.is_empty() {
            return tell(&taken, json, |_| String::new());
        }
        let edited = |line: &Line| format!("edited, revision {}", line.revision.unwrap_or_default());
        each(deps, &self.chosen, json, false, edited, |_, package| edit(package, &wish, &who, now)).await
    }

    /// The packages that cannot have the name because another one has it: people could not tell them apart.
    async fn taken(&self, deps: &Deps) -> anyhow::Result<Vec<Line>> {
        let Some(name) = self.display_name.as_deref().map(str::trim) else { return Ok(Vec::new()) };
        if let [_, second, ..] = self.chosen.keys.as_slice() {
            let reason = "several packages of one name could not be told apart".to_owned();
            return Ok(vec![Line::refused(second, None, reason)]);
        }
        let mut taken = Vec::new();
        for (connection, key) in
            find(deps, &self.chosen.keys, self.chosen.by.connection.as_deref()).await?.into_iter().flatten()
        {
            let is_named = |row: &poolwarden_domain::plan::Row| {
                row.state == PackageState::Active && row.display_name.to_lowercase() == name.to_lowercase()
            };
            let named = lines(deps, Some(&connection), is_named).await?;
            if let Some(other) = named.iter().find(|line| line.key != key) {
                taken.push(Line::refused(&key, Some(&connection), format!("{} is called so", other.key)));
            }
        }
        Ok(taken)
    }
}
