//! What a crash test works with: a simulated Azure that also receives the webhook, and an installation of Poolwarden.

use super::lives::{Kills, Life};
use super::{Backend, Plan, Reads};
use crate::azurite::Azurite;
use crate::cargo::{self, Programs};
use crate::dice::Dice;
use crate::poolwarden::Poolwarden;
use crate::simulator::{ACCOUNT, PASSWORD, Simulator};
use anyhow::{Context, Result};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

/// The connection's name, which every event's id begins with.
pub(super) const CONNECTION: &str = "crash";
/// The webhook's name in the simulator.
pub(super) const SINK: &str = "crash";
/// The variable that holds the webhook's secret.
const SECRET_VARIABLE: &str = "POOLWARDEN_CRASH_WEBHOOK_SECRET";
/// The variable that holds the account's password.
const PASSWORD_VARIABLE: &str = "POOLWARDEN_CRASH_PASSWORD";
/// The variable that plants a bug.
const BUG_VARIABLE: &str = "POOLWARDEN_PLANTED_BUG";
/// What the webhook answers first: it is only partly well, as they are.
const REFUSALS: [u16; 3] = [503, 500, 429];

/// Pools of more than 120 resources each, whose plans take three messages that go side by side.
const ESTATE: &str = "\
subscriptions = 3
pools_per_subscription = 4
hosts_per_pool = 2
remoteapp_groups_per_pool = 2
desktop_groups_per_pool = 1
apps_per_group = 65
pools_per_workspace = 2
distinct_icons = 20
icon_share = 0.5
hidden_share = 0.02
assignments_per_group = 2
odd_names_share = 0.1
";

/// What a crash test works with.
pub(super) struct Stand {
    pub(super) azure: Simulator,
    azurite: Option<Azurite>,
    pub(super) poolwarden: Poolwarden,
    /// What the tests built.
    #[cfg(feature = "functions-host")]
    pub(super) programs: Programs,
    pub(super) plan: Plan,
    pub(super) dice: Dice,
    /// The process that serves, between two cycles too.
    pub(super) life: Option<Life>,
    /// How long the last undisturbed run took: kills fall into this time.
    pub(super) run_takes: Duration,
    /// Every run that was seen, and how it ended.
    pub(super) runs: BTreeMap<String, Option<String>>,
    pub(super) tally: Tally,
    /// Names given so far, by what they were given to.
    pub(super) given: HashMap<&'static str, u64>,
}

/// What happened so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) by_signal: usize,
    pub(super) at_fault_points: BTreeMap<String, usize>,
    pub(super) cycles: usize,
    pub(super) runs: usize,
    pub(super) events: usize,
    pub(super) packages: usize,
}

impl Tally {
    pub(super) fn kills(&self) -> usize {
        self.by_signal + self.at_fault_points.values().sum::<usize>()
    }
}

impl Tally {
    pub(super) fn add(&mut self, kills: Kills) {
        self.by_signal += kills.by_signal;
        for (point, times) in kills.at_fault_points {
            *self.at_fault_points.entry(point).or_default() += times;
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} kills ({} by signal", self.kills(), self.by_signal)?;
        for (point, times) in &self.at_fault_points {
            write!(formatter, ", {times} at {point}")?;
        }
        write!(
            formatter,
            "), {} runs in {} cycles, {} events, {} packages",
            self.runs, self.cycles, self.events, self.packages
        )
    }
}

fn configuration(reads: Reads, azure: &str, container: Option<&str>) -> String {
    let store = match container {
        None => "[store]\npath = \"poolwarden.db\"".to_owned(),
        Some(container) => format!("[azure]\nservice_bus = \"{azure}\"\nblob = \"{container}\""),
    };
    let source = match reads {
        Reads::Arm => format!(
            "credential = {{ kind = \"managed_identity\" }}\nendpoints = {{ arm = \"{azure}\", graph = \"{azure}\" }}"
        ),
        Reads::Feed => format!(
            "kind = \"feed\"\nendpoints = {{ feed = \"{azure}\", authority = \"{azure}\" }}\ncredential = {{ kind = \
             \"username_password\", username = \"{ACCOUNT}\", password = {{ env = \"{PASSWORD_VARIABLE}\" }} }}"
        ),
    };
    // The brake is another test's; here retirements are to happen.
    format!(
        r#"{store}

[[connection]]
name = "{CONNECTION}"
enabled = false
{source}
brake = {{ share = 1.0, count = 1000000 }}

[[connection.webhook]]
name = "sink"
url = "{azure}/_sim/webhook/{SINK}"
secret = {{ env = "{SECRET_VARIABLE}" }}
"#
    )
}

impl Stand {
    pub(super) async fn set_up(programs: &Programs, plan: Plan) -> Result<Self> {
        let folder = cargo::fresh_folder("crash")?;
        let estate = folder.join("estate.toml");
        std::fs::write(&estate, ESTATE).with_context(|| format!("cannot write {}", estate.display()))?;
        let seed = plan.seed.to_string();
        let azure = Simulator::start(programs, &folder, &estate.to_string_lossy(), &["--seed", &seed]).await?;
        let secret = format!("whsec_{}", BASE64_STANDARD.encode(format!("crash test secret of seed {seed:>8}")));
        azure.set_webhook(SINK, &json!({ "secret": secret, "fail": REFUSALS })).await?;

        let azurite = match plan.backend {
            Backend::Sqlite => None,
            Backend::Azure => Some(Azurite::start(&folder).await?),
        };
        let container = match &azurite {
            None => None,
            Some(azurite) => Some(azurite.container("poolwarden").await?),
        };
        let configuration = configuration(plan.reads, &azure.url, container.as_deref());
        let poolwarden = Poolwarden::install(programs, &folder, &azure.url, &configuration)?;
        let mut poolwarden = poolwarden.with(SECRET_VARIABLE, &secret).with(PASSWORD_VARIABLE, PASSWORD);
        if let Some(azurite) = &azurite {
            poolwarden = poolwarden.with("SSL_CERT_FILE", &azurite.certificate.to_string_lossy());
        }
        if let Some(bug) = plan.bug {
            poolwarden = poolwarden.with(BUG_VARIABLE, bug.name());
        }
        Ok(Self {
            azure,
            azurite,
            poolwarden,
            #[cfg(feature = "functions-host")]
            programs: programs.clone(),
            plan,
            dice: Dice::new(plan.seed),
            life: None,
            run_takes: Duration::from_secs(2),
            runs: BTreeMap::new(),
            tally: Tally::default(),
            given: HashMap::new(),
        })
    }

    /// Stops everything, and deletes the folder unless it is to be looked at.
    pub(super) async fn tear_down(mut self, keep: bool) -> Result<()> {
        if let Some(life) = self.life.take() {
            life.stop().await?;
        }
        self.azure.stop().await?;
        if let Some(azurite) = self.azurite.take() {
            azurite.stop().await?;
        }
        if !keep {
            let folder = &self.poolwarden.folder;
            std::fs::remove_dir_all(folder).with_context(|| format!("cannot delete {}", folder.display()))?;
        }
        Ok(())
    }
}
