//! The activity log: what was changed, by the filters the real one documents.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    error,
    filter::{self, Term},
    paging::{self, End, render},
    versions,
};
use crate::{
    clock::seven_digits,
    dice::{guid, hash},
    estate::change::{self, Change},
    reply::Reply,
    request::Request,
    state::Simulation,
};

/// Events on a page.
const PAGE: usize = 200;
/// How far back the log reaches.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 90);

/// One event of the log.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) at: Timestamp,
    status: &'static str,
    operation: String,
    resource: String,
    correlation: String,
    id: String,
}

impl Event {
    /// The two events of a change: started and succeeded.
    pub(crate) fn pair(change: &Change, number: usize, at: Timestamp) -> [Self; 2] {
        let operation = change::operation_name(change);
        let seed = format!("{number} {at} {}", change.id);
        let event = |status: &'static str, salt: u64| Self {
            at,
            status,
            operation: operation.clone(),
            resource: change.id.clone(),
            correlation: guid(hash(1, &seed), hash(2, &seed)),
            id: guid(hash(salt, &seed), hash(salt + 1, &seed)),
        };
        [event("Started", 3), event("Succeeded", 5)]
    }

    fn subscription(&self) -> &str {
        self.resource.split('/').nth(2).unwrap_or("")
    }

    fn resource_group(&self) -> &str {
        self.resource.split('/').nth(4).unwrap_or("")
    }

    fn provider(&self) -> &str {
        self.operation.split('/').next().unwrap_or("")
    }

    fn body(&self, tenant: &str) -> Value {
        let provider = self.provider();
        let (kind, _) = self.operation.rsplit_once('/').unwrap_or_default();
        let time = seven_digits(self.at);
        json!({
            "authorization": {"action": self.operation, "scope": self.resource},
            "caller": "deploy@contoso.example",
            "channels": "Operation",
            "claims": {"name": "Deploy Person", "ipaddr": "192.0.2.10"},
            "correlationId": self.correlation,
            "description": "",
            "eventDataId": self.id,
            "eventName": {
                "value": if self.status == "Started" { "BeginRequest" } else { "EndRequest" },
                "localizedValue": if self.status == "Started" { "Begin request" } else { "End request" },
            },
            "category": {"value": "Administrative", "localizedValue": "Administrative"},
            "id": format!("{}/events/{}/ticks/{}", self.resource, self.id, self.at.as_nanosecond() / 100),
            "level": "Informational",
            "resourceGroupName": self.resource_group(),
            "resourceProviderName": {"value": provider, "localizedValue": provider},
            "resourceId": self.resource,
            "resourceType": {"value": kind, "localizedValue": kind},
            "operationId": self.correlation,
            "operationName": {"value": self.operation, "localizedValue": self.operation},
            "properties": null,
            "status": {"value": self.status, "localizedValue": self.status},
            "subStatus": {"value": "", "localizedValue": ""},
            "eventTimestamp": time,
            "submissionTimestamp": time,
            "subscriptionId": self.subscription(),
            "tenantId": tenant,
        })
    }
}

/// What the filter asks for; texts are compared without regard to case.
struct Wanted {
    from: Timestamp,
    until: Option<Timestamp>,
    fields: Vec<(String, String)>,
}

/// `GET /subscriptions/{s}/providers/Microsoft.Insights/eventtypes/management/values`.
pub(crate) fn list(simulation: &Simulation, request: &Request) -> Reply {
    match try_list(simulation, request) {
        Ok(reply) | Err(reply) => reply,
    }
}

fn try_list(simulation: &Simulation, request: &Request) -> Result<Reply, Reply> {
    if request.method != axum::http::Method::GET {
        return Err(error::not_allowed(request));
    }
    versions::check(request, "eventtypes/management/values", versions::ACTIVITY_LOG)?;
    let subscription = request.subscription().unwrap_or("");
    if simulation.world.current().estate.subscription(subscription).is_none() {
        return Err(error::no_subscription(subscription));
    }
    let now = simulation.now();
    let wanted = Wanted::parse(request.query("$filter").unwrap_or(""))?;
    if now.duration_since(wanted.from) > KEPT {
        return Err(error::bad_request("The start time cannot be more than 90 days in the past."));
    }
    let skip: usize = match request.query("$skipToken") {
        None => 0,
        Some(token) => paging::decode(token)?
            .parse()
            .map_err(|_| error::bad_request("The $skipToken is not one that was given out."))?,
    };
    let denied = simulation.faults.active();
    let events = simulation.world.events(now, |event| {
        event.subscription().eq_ignore_ascii_case(subscription)
            && wanted.takes(event)
            && !denied.denies(&event.resource.to_ascii_lowercase())
    });
    let select: Option<Vec<&str>> = request.query("$select").map(|text| text.split(',').map(str::trim).collect());
    let value: Vec<String> = events
        .iter()
        .rev()
        .skip(skip)
        .take(PAGE)
        .map(|event| selected(event.body(simulation.tenant()), select.as_deref()).to_string())
        .collect();
    let more = events.len() > skip + PAGE;
    let next = more.then(|| request.next_link(&paging::encode(&(skip + PAGE).to_string())));
    Ok(render(&value, next.as_deref(), End::NoKey))
}

fn selected(body: Value, select: Option<&[&str]>) -> Value {
    let Some(select) = select else {
        return body;
    };
    let Value::Object(fields) = body else {
        return body;
    };
    fields.into_iter().filter(|(name, _)| select.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))).collect()
}

impl Wanted {
    fn parse(text: &str) -> Result<Self, Reply> {
        let refuse = |what: &str| error::bad_request(&format!("The filter '{text}' is not valid: {what}."));
        let terms = filter::parse(text).ok_or_else(|| refuse("its syntax is not supported"))?;
        let (mut from, mut until, mut fields) = (None, None, Vec::new());
        for term in terms {
            let Term::Compare(name, operator, value) = term else {
                return Err(refuse("functions are not supported"));
            };
            let time = || value.parse::<Timestamp>().map_err(|_| refuse("a time is not ISO 8601 in UTC"));
            match (name.as_str(), operator.as_str()) {
                ("eventtimestamp", "ge") => from = Some(time()?),
                ("eventtimestamp", "le") => until = Some(time()?),
                ("resourcegroupname" | "resourceuri" | "resourceprovider" | "correlationid", "eq") => {
                    fields.push((name, value));
                }
                _ => return Err(refuse("a property or operator is not supported")),
            }
        }
        let from = from.ok_or_else(|| refuse("eventTimestamp ge is required"))?;
        Ok(Self { from, until, fields })
    }

    fn takes(&self, event: &Event) -> bool {
        event.at >= self.from
            && self.until.is_none_or(|until| event.at <= until)
            && self.fields.iter().all(|(name, value)| {
                let actual = match name.as_str() {
                    "resourcegroupname" => event.resource_group(),
                    "resourceuri" => &event.resource,
                    "resourceprovider" => event.provider(),
                    _ => &event.correlation,
                };
                actual.eq_ignore_ascii_case(value)
            })
    }
}
