//! Small estates for tests, and the pipeline in memory that reads them.

mod pipeline;
mod world;

pub(crate) use pipeline::Pipeline;
pub(crate) use world::{App, Look, World, app_id, application_group, group_id, host_pool, pool_id, resource};

use crate::entitlement::Entitlement;
use crate::estate::{CommandLineSetting, Principal, ResourceKind};
use crate::launch::{LaunchCloud, Target, actions};
use crate::package::{Author, Change, Icon, Named, Package, PackageContent, PackageState, Program, Stage};
use crate::plan::Observation;
use crate::{ArmId, UnknownScope, Unreadable, Why};
use jiff::Timestamp;

/// A time: seconds since the tests' day began.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// A run's look, one second after the run began.
pub(crate) fn look(run: &str, started_at: i64) -> Observation {
    Observation { run: run.to_owned(), run_started_at: at(started_at), observed_at: at(started_at + 1), pool: None }
}

/// A scope that nobody may read.
pub(crate) fn forbidden(scope: &ArmId) -> UnknownScope {
    UnknownScope { scope: scope.clone(), reason: Unreadable::new(Why::Forbidden, "403") }
}

/// A package that the first run created.
pub(crate) fn package(app: &str) -> Package {
    let mut package = Package {
        key: app.to_owned(),
        connection: "contoso".to_owned(),
        state: PackageState::Active,
        content: content(app),
        stage: Stage::Production,
        stage_since: Some(at(0)),
        requested: None,
        managed: true,
        assigned: Vec::new(),
        retired_at: None,
        retired_by: None,
        observed_at: at(0),
        revisions: Vec::new(),
    };
    package.revise(Change::Created, Vec::new(), Author::Run("run-0"), at(0));
    package
}

/// A package's content with nothing left out.
pub(crate) fn content(app: &str) -> PackageContent {
    PackageContent {
        display_name: format!("{app} (hp)"),
        kind: ResourceKind::RemoteApp,
        description: Some("Spreadsheets".to_owned()),
        resource: app_id("office", app),
        host_pool: Named { id: pool_id("hp"), name: "hp".to_owned() },
        application_group: Named { id: group_id("office"), name: "Office".to_owned() },
        workspace: Named { id: ArmId::new("/subscriptions/s/workspaces/ws"), name: "Work".to_owned() },
        program: Some(Program {
            path: "C:\\Office\\app.exe".to_owned(),
            command_line: CommandLineSetting::Require,
            arguments: Some("/x".to_owned()),
        }),
        icon: Icon { sha256: "0".repeat(64), placeholder: false },
        launch: actions(
            LaunchCloud::Public,
            &Target { workspace: "ws-1", resource: "app-1", ..Target::default() },
            Some("tenant"),
            true,
        ),
        rdp: None,
        runs_on: None,
        categories: Vec::new(),
        file_associations: Vec::new(),
        network_credentials: None,
        dependencies: Vec::new(),
        entitlements: Some(vec![Entitlement {
            principal: Principal { id: "finance".to_owned(), kind: "Group".to_owned() },
            role: "Desktop Virtualization User".to_owned(),
            scope: group_id("office"),
            conditional: false,
        }]),
    }
}
