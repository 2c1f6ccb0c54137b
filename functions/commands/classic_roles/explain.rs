//! `poolwarden classic roles explain` and `… who-can`: answered by the same evaluation as those of Azure.

use super::From;
use super::source::read_from;
use crate::commands::Cli;
use crate::commands::access::answers;
use anyhow::{Context, bail};
use clap::Args;
use jiff::Timestamp;
use poolwarden_azure::RdsRead;
use poolwarden_domain::ArmId;
use poolwarden_domain::access::{AccessFacts, Action, World, principal_id};
use poolwarden_domain::delegated::{RdsPrincipal, assignment_facts, scope_id};
use std::collections::BTreeSet;

/// Short words for what is asked most. None is of the data plane.
const WORDS: [(&str, &str, bool); 4] = [
    ("see", "Microsoft.RDS.Resources/Read", false),
    ("change", "Microsoft.RDS.Resources/Write", false),
    ("delegate", "Microsoft.RDS.Authorization/roleAssignments/Write", false),
    ("see-diagnostics", "Microsoft.RDS.Diagnostics/Read", false),
];

/// `poolwarden classic roles explain`
#[derive(Debug, Args)]
pub(in crate::commands) struct Explain {
    /// The name that is signed in with, an object id or a display name
    who: String,
    /// The scope, as the service writes it: /Tenant Group/tenant/host pool/application group
    scope: String,
    #[command(flatten)]
    from: From,
}

/// `poolwarden classic roles who-can`
#[derive(Debug, Args)]
pub(in crate::commands) struct WhoCan {
    /// An action such as Microsoft.RDS.Diagnostics/Read, or a word (see below)
    action: String,
    /// The scope, as the service writes it: /Tenant Group/tenant/host pool/application group
    scope: String,
    #[command(flatten)]
    from: From,
}

impl Explain {
    pub(super) async fn run(&self, cli: &Cli) -> anyhow::Result<u8> {
        let scope = scope(&self.scope)?;
        let read = read_from(cli, &self.from.source()).await?;
        let facts = facts(&read);
        let who = principal(&read, &self.who)?;
        answers::explain_with(&WORDS, &World::new(&facts), &who, &scope, cli.json)
    }
}

impl WhoCan {
    pub(super) async fn run(&self, cli: &Cli) -> anyhow::Result<u8> {
        let scope = scope(&self.scope)?;
        let word = WORDS.iter().find(|(word, ..)| word.eq_ignore_ascii_case(&self.action));
        let action = match word {
            Some((_, action, _)) => *action,
            None if self.action.contains('/') && !self.action.contains('*') => self.action.as_str(),
            None => {
                bail!("{:?} is no action; write one such as Microsoft.RDS.Diagnostics/Read, or a word", self.action)
            }
        };
        let read = read_from(cli, &self.from.source()).await?;
        let facts = facts(&read);
        let (world, action) = (World::new(&facts), Action::control(action));
        let found = world.who_can(&action, &scope, false);
        answers::who_can(&world, &action, &scope, &found, cli.json)
    }
}

fn facts(read: &RdsRead) -> AccessFacts {
    assignment_facts(&read.assignments, &read.unknown, Timestamp::now())
}

fn scope(text: &str) -> anyhow::Result<ArmId> {
    scope_id(text).with_context(|| {
        format!("{text:?} is no scope of the classic service; write /Tenant Group/tenant/host pool/application group")
    })
}

/// Somebody who holds something, by what the service tells them by.
fn principal(read: &RdsRead, text: &str) -> anyhow::Result<String> {
    let text = text.trim();
    let is = |name: &Option<String>| name.as_deref().is_some_and(|name| name.to_lowercase() == text.to_lowercase());
    let principals = read.assignments.iter().map(|one| &one.principal);
    let is_it = |key: &String, sign_in: &Option<String>, shown: &Option<String>| {
        *key == principal_id(text) || is(sign_in) || is(shown)
    };
    let found: Vec<String> = principals
        .filter(|one| is_it(&one.key(), &one.sign_in_name, &one.display_name))
        .map(RdsPrincipal::key)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    match found.as_slice() {
        [] => bail!("nobody who holds a role is called {text:?}; write a name that is signed in with, or an object id"),
        [one] => Ok(one.clone()),
        several => bail!("several are called {text:?}; name one by its id: {}", several.join(", ")),
    }
}
