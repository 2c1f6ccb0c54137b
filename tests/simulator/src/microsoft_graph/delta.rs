//! `groups/delta`: the groups of a filter with all their members, page by page,
//! and later only what changed. A link holds as long as the simulator runs.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Map, Value, json};

use super::{
    answer::{self, page_size, select, selected},
    objects::filter,
};
use crate::{
    estate::directory::{Directory, Object, ObjectKind},
    reply::Reply,
    request::Request,
    state::Simulation,
};

/// How many rounds are remembered; the oldest is forgotten first, and its links
/// with it.
const MAX_ROUNDS: usize = 5_000;
/// Groups that one query can be about.
const MAX_GROUPS: usize = 50;

/// One round of a query: what it is about, and between which two states.
#[derive(Debug, Clone)]
struct Round {
    /// What the caller knows; `None` in the first round.
    before: Option<Arc<Directory>>,
    after: Arc<Directory>,
    /// The groups asked for; `None` is all.
    groups: Option<Vec<String>>,
    select: Option<Vec<String>>,
    page: usize,
    /// Everything it has to tell, in the order of the groups' ids.
    items: Arc<Vec<Value>>,
}

/// The rounds that links lead to.
#[derive(Debug, Default)]
pub(crate) struct Deltas(Mutex<(u64, BTreeMap<u64, Round>)>);

impl Deltas {
    fn add(&self, round: Round) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, rounds) = &mut *state;
        *number += 1;
        rounds.insert(*number, round);
        if rounds.len() > MAX_ROUNDS {
            rounds.pop_first();
        }
        *number
    }

    fn get(&self, number: u64) -> Option<Round> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.get(&number).cloned()
    }

    /// Forgets all rounds, as the service does after some time.
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.clear();
    }
}

pub(super) fn answer(simulation: &Simulation, request: &Request, directory: &Arc<Directory>) -> Result<Reply, Reply> {
    let (number, round, at) = if let Some(token) = request.query("$deltatoken") {
        let (before, _) = found(simulation, "delta", token)?;
        let round = Round { before: Some(before.after), after: Arc::clone(directory), ..before }.told();
        (simulation.deltas.add(round.clone()), round, 0)
    } else if let Some(token) = request.query("$skiptoken") {
        let (round, at) = found(simulation, "skip", token)?;
        (number_of(token).unwrap_or(0), round, at)
    } else {
        let groups = match filter(request)? {
            None => None,
            Some(filter) => Some(filter.ids().ok_or_else(answer::bad_filter)?),
        };
        if groups.as_ref().is_some_and(|groups| groups.len() > MAX_GROUPS) {
            return Err(answer::bad_request("The filter holds too many ids; the maximum is 50."));
        }
        let round = Round {
            before: None,
            after: Arc::clone(directory),
            groups,
            select: select(request),
            page: page_size(simulation, request)?,
            items: Arc::default(),
        }
        .told();
        (simulation.deltas.add(round.clone()), round, 0)
    };
    let rest = round.items.get(at..).unwrap_or_default();
    let shown = fitting(rest, round.page);
    let mut body = json!({
        "@odata.context": format!("{}/v1.0/$metadata#groups", request.origin),
        "value": &rest[..shown],
    });
    let link = |kind: &str, at: usize| {
        let token = token(simulation, kind, number, at);
        json!(format!("{}/v1.0/groups/delta?${kind}token={token}", request.origin))
    };
    if shown < rest.len() {
        body["@odata.nextLink"] = link("skip", at + shown);
    } else {
        body["@odata.deltaLink"] = link("delta", 0);
    }
    Ok(Reply::json(200, &body))
}

/// How many items fit on a page, where each member counts.
fn fitting(items: &[Value], page: usize) -> usize {
    let mut used = 0;
    items
        .iter()
        .take_while(|item| {
            let fits = used < page;
            used += item["members@delta"].as_array().map_or(1, |members| members.len().max(1));
            fits
        })
        .count()
}

/// A token that only this run can make: `number.place.proof`.
fn token(simulation: &Simulation, kind: &str, number: u64, at: usize) -> String {
    let proof = simulation.tokens.opaque(&format!("groups delta {kind} {at}"), number);
    format!("{number}.{at}.{proof}")
}

fn number_of(token: &str) -> Option<u64> {
    token.split('.').next()?.parse().ok()
}

/// The round of a token and the place in it.
fn found(simulation: &Simulation, kind: &str, given: &str) -> Result<(Round, usize), Reply> {
    let find = || {
        let number = number_of(given)?;
        let at = given.split('.').nth(1)?.parse().ok()?;
        (given == token(simulation, kind, number, at)).then_some(())?;
        Some((simulation.deltas.get(number)?, at))
    };
    find().ok_or_else(|| {
        answer::refusal(
            410,
            "syncStateNotFound",
            "The sync state generation is not found; it may have expired. Full synchronization is required.",
        )
    })
}

impl Round {
    /// The round with everything it has to tell.
    fn told(mut self) -> Self {
        let all = |directory: &Directory| -> Vec<String> {
            directory.all(ObjectKind::Group).map(|group| group.id.clone()).collect()
        };
        let mut ids = match &self.groups {
            Some(groups) => groups.clone(),
            None => self.before.iter().flat_map(|before| all(before)).chain(all(&self.after)).collect(),
        };
        ids.sort();
        ids.dedup();
        self.items = Arc::new(ids.iter().flat_map(|id| self.of_group(id)).collect());
        self
    }

    fn of_group(&self, id: &str) -> Vec<Value> {
        let group =
            |directory: &Directory| directory.get(id).filter(|object| object.kind == ObjectKind::Group).cloned();
        let old = self.before.as_ref().and_then(|before| group(before));
        let new = group(&self.after);
        match (old, new) {
            (None, None) => Vec::new(),
            (Some(_), None) => vec![json!({"id": id, "@removed": {"reason": "deleted"}})],
            (None, Some(new)) => {
                let body = selected(&new.body, self.select.as_deref(), &["id"]);
                let members: Vec<Value> = visible(&new).map(|member| self.member(member, false)).collect();
                self.split(&body, &members)
            }
            (Some(old), Some(new)) => self.changed(&old, &new),
        }
    }

    fn changed(&self, old: &Object, new: &Object) -> Vec<Value> {
        let fields = new.body.as_object().into_iter().flatten();
        let mut body: Map<String, Value> = fields
            .filter(|(name, value)| old.body[name.as_str()] != **value)
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        body.insert("id".to_owned(), json!(new.id));
        let body = selected(&Value::Object(body), self.select.as_deref(), &["id"]);
        let was = |member: &str| visible(old).any(|known| known == member);
        let is = |member: &str| visible(new).any(|known| known == member);
        let added = visible(new).filter(|member| !was(member)).map(|member| self.member(member, false));
        let removed = visible(old).filter(|member| !is(member)).map(|member| self.member(member, true));
        let members: Vec<Value> = added.chain(removed).collect();
        let tells_members = self.tells_members() && !members.is_empty();
        let tells_fields = body.as_object().is_some_and(|fields| fields.len() > 1);
        if tells_members || tells_fields { self.split(&body, &members) } else { Vec::new() }
    }

    fn tells_members(&self) -> bool {
        let is_members = |name: &String| name.eq_ignore_ascii_case("members");
        self.select.as_ref().is_none_or(|select| select.iter().any(is_members))
    }

    /// A member as it came or went.
    fn member(&self, id: &str, is_removed: bool) -> Value {
        let known = self.after.get(id).or_else(|| self.before.as_ref()?.get(id));
        let kind = known.map_or(ObjectKind::User, |object| object.kind);
        let mut member = json!({"@odata.type": kind.odata_type(), "id": id});
        if is_removed {
            member["@removed"] = json!({"reason": "deleted"});
        }
        member
    }

    /// A group once, or several times when its members fill more than a page.
    fn split(&self, body: &Value, members: &[Value]) -> Vec<Value> {
        if !self.tells_members() || members.is_empty() {
            return vec![body.clone()];
        }
        members
            .chunks(self.page)
            .enumerate()
            .map(|(number, chunk)| {
                let mut item = if number == 0 { body.clone() } else { json!({"id": body["id"]}) };
                item["members@delta"] = json!(chunk);
                item
            })
            .collect()
    }
}

/// The members that the caller sees.
fn visible(group: &Object) -> impl Iterator<Item = &str> {
    group.members.iter().filter(|_| !group.hides_members).map(String::as_str)
}
