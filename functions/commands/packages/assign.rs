//! Who may have packages, beside those whom the source entitles.

use super::change::{Chosen, Line, each};
use super::stage::Stage;
use crate::deps::Deps;
use clap::{Args, ValueEnum};
use poolwarden_domain::assignment::{self, Assignment, IdentityType};
use poolwarden_domain::lifecycle::{assign, unassign};
use poolwarden_domain::package::Package;

pub(super) const ASSIGN_HELP: &str = "Examples:
  poolwarden packages assign excel-0123456789abcdef --identity ann@contoso.com --stage test
  poolwarden packages assign excel-0123456789abcdef --identity 5a1c9d2e-0b7f-4c1a-9b0e-2f6f1f1f9a11 --type group \\
    --stage production --publish workspace --icons desktop,start_menu

An identity sees a package once it is in that stage or beyond. Of several entitlements of one identity the one with the
lowest stage counts; `packages show` says what that comes to.";

pub(super) const UNASSIGN_HELP: &str = "Example:
  poolwarden packages unassign excel-0123456789abcdef --identity ann@contoso.com";

/// What an identity is.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Type {
    User,
    Group,
    Device,
}

impl From<Type> for IdentityType {
    fn from(kind: Type) -> Self {
        match kind {
            Type::User => Self::User,
            Type::Group => Self::Group,
            Type::Device => Self::Device,
        }
    }
}

/// How a package is put before somebody.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Publish {
    /// Not at all
    Hidden,
    /// In the catalogue, to be chosen
    Catalog,
    /// In the workspace, from the start
    Workspace,
    /// In the workspace, for good
    Forced,
}

impl From<Publish> for assignment::Publish {
    fn from(publish: Publish) -> Self {
        match publish {
            Publish::Hidden => Self::Hidden,
            Publish::Catalog => Self::Catalog,
            Publish::Workspace => Self::Workspace,
            Publish::Forced => Self::Forced,
        }
    }
}

/// Where an icon is placed.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum IconPlace {
    Desktop,
    StartMenu,
}

impl From<IconPlace> for assignment::IconPlace {
    fn from(place: IconPlace) -> Self {
        match place {
            IconPlace::Desktop => Self::Desktop,
            IconPlace::StartMenu => Self::StartMenu,
        }
    }
}

/// `poolwarden packages assign`
#[derive(Debug, Args)]
pub(in crate::commands) struct Assign {
    #[command(flatten)]
    chosen: Chosen,
    /// Whom: an object id in Entra, or a user principal name
    #[arg(long, value_name = "ID_OR_UPN")]
    identity: String,
    /// What the identity is [default: what the source says, else user]
    #[arg(long = "type", value_name = "TYPE", ignore_case = true)]
    kind: Option<Type>,
    /// From which stage on it sees the package
    #[arg(long, value_name = "STAGE", ignore_case = true)]
    stage: Stage,
    /// How the package is put before it
    #[arg(long, value_name = "HOW", ignore_case = true, default_value = "catalog")]
    publish: Publish,
    /// Where the icon is placed [default: nowhere]
    #[arg(long, value_name = "PLACES", value_delimiter = ',', ignore_case = true)]
    icons: Vec<IconPlace>,
}

impl Assign {
    pub(super) async fn run(&self, deps: &Deps, json: bool) -> anyhow::Result<u8> {
        let wish = Assignment {
            identity: self.identity.trim().to_owned(),
            kind: IdentityType::default(),
            stage: self.stage.into(),
            publish: self.publish.into(),
            icons: self.icons.iter().map(|place| (*place).into()).collect(),
            by: self.chosen.by.name()?,
            at: deps.now(),
        };
        let done = |_: &Line| format!("assigned to {}", wish.identity);
        each(deps, &self.chosen, json, false, done, |_, package| {
            let kind = self.kind.map_or_else(|| known_type(package, &wish.identity), Into::into);
            assign(package, &Assignment { kind, ..wish.clone() })
        })
        .await
    }
}

/// What an identity is, as the source says.
fn known_type(package: &Package, identity: &str) -> IdentityType {
    let mut entitled = package.content.entitlements.iter().flatten().map(|entitlement| &entitlement.principal);
    let principal = entitled.find(|principal| principal.id.eq_ignore_ascii_case(identity));
    match principal.map(|principal| principal.kind.as_str()) {
        Some("Group") => IdentityType::Group,
        Some("Device") => IdentityType::Device,
        _ => IdentityType::User,
    }
}

/// `poolwarden packages unassign`
#[derive(Debug, Args)]
pub(in crate::commands) struct Unassign {
    #[command(flatten)]
    chosen: Chosen,
    /// Whom, as it was assigned
    #[arg(long, value_name = "ID_OR_UPN")]
    identity: String,
}

impl Unassign {
    pub(super) async fn run(&self, deps: &Deps, json: bool) -> anyhow::Result<u8> {
        let (who, now, identity) = (self.chosen.by.name()?, deps.now(), self.identity.trim());
        let done = |_: &Line| format!("no longer assigned to {identity}");
        each(deps, &self.chosen, json, false, done, |_, package| unassign(package, identity, &who, now)).await
    }
}
