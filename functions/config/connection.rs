//! `[[connection]]`: one configured source of published resources.

use super::entry::{Entry, Judged, Wrong, wrong};
use super::reader::{Distinct, Table};
use super::target::Target;
use super::webhook::Webhook;
use super::{Audit, ScheduleCheck, audit, credential, policy, promotion, target, values, webhook};
use poolwarden_azure::{Cloud, Credential, EndpointError, Endpoints};
use poolwarden_domain::ArmId;
use poolwarden_domain::assignment::Offer;
use poolwarden_domain::classic::DEFAULT_TENANT_GROUP;
use poolwarden_domain::feed::FeedModel;
use poolwarden_domain::lifecycle::Rules;
use poolwarden_domain::policy::Policy;
use std::time::Duration;

/// The longest name of a connection, in characters.
const MAX_NAME_CHARS: usize = 32;
/// The longest name of a client that is sent.
const MAX_USER_AGENT_CHARS: usize = 200;
/// When a connection is due that says nothing: every quarter of an hour.
pub const DEFAULT_SCHEDULE: &str = "0 */15 * * * *";
/// How often everything is read anew, unless the connection says otherwise.
pub const DEFAULT_FULL_READ_EVERY: Duration = Duration::from_secs(24 * 60 * 60);
/// A shorter pause would make every run a full one.
const MIN_FULL_READ_EVERY: Duration = Duration::from_secs(60 * 60);

pub(super) const CLOUDS: [(&str, Cloud); 3] =
    [("public", Cloud::Public), ("us_government", Cloud::UsGovernment), ("china", Cloud::China)];

/// What a connection reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Azure Virtual Desktop through Azure Resource Manager.
    Arm,
    /// What one account is shown: the user's feed.
    Feed(Feed),
    /// Azure Virtual Desktop (classic) through its management interface.
    Classic(Classic),
}

/// How a feed is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// The models whose feeds are read.
    pub models: Vec<FeedModel>,
    /// What the client calls itself, unless the built-in value does.
    pub user_agent: Option<String>,
    /// The connection that sees the same estate through ARM, to explain what is in one and not in the other.
    pub arm: Option<String>,
}

/// What of the classic service is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classic {
    /// The tenant groups.
    pub tenant_groups: Vec<String>,
    /// The tenants; empty for all.
    pub tenants: Vec<String>,
}

/// Where a connection reads, as whom, how often, and what becomes of it.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Unique whatever its case: `[a-z0-9][a-z0-9-]{0,31}`.
    pub name: String,
    /// What it reads.
    pub kind: Kind,
    /// Whether it runs by itself.
    pub enabled: bool,
    /// How it signs in.
    pub credential: Credential,
    /// Where its requests go.
    pub endpoints: Endpoints,
    /// The subscriptions to read, as lower-case GUIDs; empty for all that the identity can read.
    pub subscriptions: Vec<String>,
    /// When it is due: NCRONTAB with six fields, UTC.
    pub schedule: String,
    /// How often everything is read, changed or not.
    pub full_read_every: Duration,
    /// What to publish, and how.
    pub policy: Policy,
    /// What it takes to let its packages through to more people.
    pub promotion: Rules,
    /// What those get whom the source entitles.
    pub offer: Offer,
    /// How its access is audited.
    pub audit: Audit,
    /// Who is told.
    pub webhooks: Vec<Webhook>,
    /// Where packages are published to besides the catalogue.
    pub targets: Vec<Target>,
}

impl Connection {
    /// What tokens of it are for.
    pub fn scopes(&self) -> Vec<String> {
        match &self.kind {
            Kind::Arm => vec![self.endpoints.arm_scope().to_owned()],
            Kind::Feed(feed) => feed.models.iter().map(|model| self.endpoints.feed_scope(*model).to_owned()).collect(),
            Kind::Classic(_) => vec![self.endpoints.feed_scope(FeedModel::Classic).to_owned()],
        }
    }

    /// Whether something lies in a subscription that the connection covers: one that it names, or any if it names none.
    pub fn covers(&self, id: &ArmId) -> bool {
        let named = |subscription: &str| self.subscriptions.iter().any(|one| one.eq_ignore_ascii_case(subscription));
        self.subscriptions.is_empty() || id.subscription().is_some_and(named)
    }
}

/// Reads a connection. What is wrong is reported and has its default here, so that the rest is judged too.
pub(super) fn read(mut table: Table<'_>, names: &mut Distinct, check: ScheduleCheck) -> Connection {
    let name = table.require("name", "\"contoso\"").and_then(|entry| {
        let name = entry.parsed(|text| values::name(text, MAX_NAME_CHARS))?;
        names.check(&entry, &name);
        Some(name)
    });
    let kind = table.take("kind").and_then(|entry| entry.choice(&KINDS)).map_or(Kind::Arm, |kind| kind(&mut table));
    let cloud = table.take("cloud").and_then(|entry| entry.choice(&CLOUDS)).unwrap_or_default();
    let tenant = table.take("tenant").and_then(|entry| entry.parsed(values::tenant));
    let endpoints = endpoints(Endpoints::of(cloud), table.take("endpoints"));
    let credential = table.take("credential").and_then(|entry| {
        let credential = credential::read(&entry, tenant.as_deref(), &endpoints)?;
        if matches!(kind, Kind::Feed(_)) && !credential.is_of_a_person() {
            entry.refuse(
                "signs in an application, and a feed is shown to persons alone",
                "use username_password or device_code; or kind = \"arm\", which sees what everybody is shown",
            );
        }
        Some(credential)
    });
    let schedule = table.take("schedule").and_then(|entry| entry.parsed(|text| scheduled(text, check)));
    let full_read_every = table.take("full_read_every");
    let full_read_every =
        full_read_every.and_then(|entry| entry.parsed(|text| values::duration(text, MIN_FULL_READ_EVERY)));
    let is_arm = kind == Kind::Arm;
    let connection = Connection {
        name: name.unwrap_or_default(),
        enabled: table.take("enabled").and_then(|entry| entry.truth()).unwrap_or(true),
        credential: credential.unwrap_or(Credential::AzureCli { tenant_id: tenant.clone() }),
        subscriptions: if is_arm { subscriptions(table.take("subscriptions")) } else { Vec::new() },
        kind,
        schedule: schedule.unwrap_or_else(|| DEFAULT_SCHEDULE.to_owned()),
        full_read_every: full_read_every.unwrap_or(DEFAULT_FULL_READ_EVERY),
        policy: policy::read(&mut table, cloud, tenant),
        promotion: promotion::rules(&mut table),
        offer: promotion::offer(&mut table),
        audit: audit::read(&mut table, is_arm),
        webhooks: webhooks(table.take("webhook"), &endpoints),
        targets: targets(table.take("target")),
        endpoints,
    };
    table.finish();
    connection
}

type ReadKind = fn(&mut Table<'_>) -> Kind;

const KINDS: [(&str, ReadKind); 3] = [("arm", |_| Kind::Arm), ("feed", feed), ("classic", classic)];

const MODELS: [(&str, FeedModel); 2] = [("arm", FeedModel::Arm), ("classic", FeedModel::Classic)];

fn feed(table: &mut Table<'_>) -> Kind {
    let mut distinct = Distinct::new("name each model once");
    let model = |entry: Entry<'_>| {
        distinct.check(&entry, entry.text()?);
        entry.choice(&MODELS)
    };
    let models: Vec<FeedModel> =
        table.take("models").map(Entry::list).unwrap_or_default().into_iter().filter_map(model).collect();
    Kind::Feed(Feed {
        models: if models.is_empty() { vec![FeedModel::Arm] } else { models },
        user_agent: table.take("user_agent").and_then(|entry| entry.parsed(user_agent)),
        arm: table.take("arm").and_then(|entry| entry.parsed(|text| values::name(text, MAX_NAME_CHARS))),
    })
}

fn classic(table: &mut Table<'_>) -> Kind {
    let mut names = |key| -> Vec<String> {
        let entries = table.take(key).map(Entry::list).unwrap_or_default().into_iter();
        entries.filter_map(|entry| entry.parsed(classic_name)).collect()
    };
    let (tenant_groups, tenants) = (names("tenant_groups"), names("tenants"));
    let tenant_groups = if tenant_groups.is_empty() { vec![DEFAULT_TENANT_GROUP.to_owned()] } else { tenant_groups };
    Kind::Classic(Classic { tenant_groups, tenants })
}

fn classic_name(text: &str) -> Judged<String> {
    if text.trim().is_empty() || text.contains('/') || text.chars().any(char::is_control) {
        return wrong("is no name of the classic service", "write a name without / such as \"Default Tenant Group\"");
    }
    Ok(text.to_owned())
}

/// A header's value that names a client and its version.
fn user_agent(text: &str) -> Judged<String> {
    if (1..=MAX_USER_AGENT_CHARS).contains(&text.len()) && text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Ok(text.to_owned());
    }
    wrong("cannot be sent", format!("write 1 to {MAX_USER_AGENT_CHARS} plain characters, such as \"MSRDC/10.0.0\""))
}

fn scheduled(text: &str, check: ScheduleCheck) -> Judged<String> {
    match check(text) {
        Ok(()) => Ok(text.to_owned()),
        Err(problem) => wrong(
            format!("is refused: {problem}"),
            "write {second} {minute} {hour} {day} {month} {day-of-week}, such as \"0 */15 * * * *\"",
        ),
    }
}

fn subscriptions(entry: Option<Entry<'_>>) -> Vec<String> {
    let mut distinct = Distinct::new("name each subscription once");
    let entries = entry.map(Entry::list).unwrap_or_default().into_iter();
    let read = |entry: Entry<'_>| {
        let id = entry.parsed(values::guid)?;
        distinct.check(&entry, &id);
        Some(id)
    };
    entries.filter_map(read).collect()
}

/// The cloud's endpoints with those that are overridden.
pub(super) fn endpoints(mut endpoints: Endpoints, entry: Option<Entry<'_>>) -> Endpoints {
    type With = fn(Endpoints, &str) -> Result<Endpoints, EndpointError>;
    let overrides: [(&str, With); 7] = [
        ("arm", Endpoints::with_arm),
        ("authority", Endpoints::with_authority),
        ("key_vault", Endpoints::with_key_vault),
        ("instance_metadata", Endpoints::with_instance_metadata),
        ("graph", Endpoints::with_graph),
        ("feed", Endpoints::with_feed),
        ("classic", Endpoints::with_classic),
    ];
    let Some(mut table) = entry.and_then(|entry| entry.table("`endpoints`")) else {
        return endpoints;
    };
    for (key, with) in overrides {
        let Some(entry) = table.take(key) else { continue };
        let changed = entry.parsed(|text| {
            let url = values::web_address(text)?;
            let refused = |error: EndpointError| Wrong { what: "cannot be used".to_owned(), fix: error.to_string() };
            with(endpoints.clone(), url.as_str()).map_err(refused)
        });
        endpoints = changed.unwrap_or(endpoints);
    }
    table.finish();
    endpoints
}

fn webhooks(entry: Option<Entry<'_>>, endpoints: &Endpoints) -> Vec<Webhook> {
    let mut names = Distinct::new("give each webhook of a connection its own name");
    let tables = entry.map(|entry| entry.tables("connection.webhook")).unwrap_or_default().into_iter();
    tables.filter_map(|table| webhook::read(table, endpoints, &mut names)).collect()
}

fn targets(entry: Option<Entry<'_>>) -> Vec<Target> {
    let mut names = Distinct::new("give each target of a connection its own name");
    let tables = entry.map(|entry| entry.tables("connection.target")).unwrap_or_default().into_iter();
    tables.filter_map(|table| target::read(table, &mut names)).collect()
}
