//! Which package of Azure Resource Manager takes the place of one that the classic service published.
//!
//! The two models share no id, only names: of the host pool, of the application group, of the application. So a match
//! is a proposal with its reason, and where names point to several packages all of them are proposed and none is
//! chosen. No package is ever the chosen successor of two.

use crate::classic::{is_classic, name_in};
use crate::estate::ResourceKind;
use crate::package::PackageContent;
use crate::snapshot::PoolSnapshot;
use crate::{ArmId, discovery::PoolFacts};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What every desktop and desktop group is called until somebody names it: that two have such a name says nothing.
const UNNAMED: [&str; 5] = ["desktop", "remotedesktop", "sessiondesktop", "desktopapplicationgroup", "desktops"];

/// The names of something, its own and what people call it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// The name it is identified by; nothing where that is no name.
    pub own: Option<String>,
    /// What people call it.
    pub friendly: Option<String>,
}

/// A package as far as its successor is found by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The package's key.
    pub key: String,
    /// Desktop or RemoteApp: a successor is of the same kind.
    pub kind: ResourceKind,
    /// The host pool it runs on.
    pub pool: Names,
    /// The application group it is in; no names where a feed does not tell.
    pub group: Names,
    /// The desktop or application itself.
    pub app: Names,
}

impl Offer {
    /// Reads the names off a package, and those that the catalogue does not hold off the last look at its pool.
    pub fn of(key: &str, content: &PackageContent, snapshot: Option<&PoolSnapshot>) -> Self {
        let own = |id: &ArmId, segment: &str| {
            let escaped = || name_in(id, segment).filter(|_| is_classic(id));
            Some(escaped().unwrap_or_else(|| id.name().to_owned()))
        };
        let resources = snapshot.and_then(|snapshot| snapshot.resources_of(&content.application_group.id));
        let resource = resources.into_iter().flatten().find(|resource| resource.id == content.resource);
        let friendly = resource.and_then(|resource| resource.friendly_name.clone());
        if content.host_pool.id.segment("feeds").is_some() {
            let runs_on = content.runs_on.as_deref().and_then(|pool| pool.rsplit('/').next());
            return Self {
                key: key.to_owned(),
                kind: content.kind,
                pool: Names { own: runs_on.map(str::to_owned), friendly: Some(content.workspace.name.clone()) },
                group: Names::default(),
                app: Names { own: None, friendly: friendly.or_else(|| Some(content.display_name.clone())) },
            };
        }
        let facts: Option<&PoolFacts> = snapshot.map(|snapshot| &snapshot.facts);
        let of_pool = facts.and_then(|facts| facts.pool.friendly_name.clone());
        let item = if content.kind == ResourceKind::Desktop { "desktops" } else { "applications" };
        Self {
            key: key.to_owned(),
            kind: content.kind,
            pool: Names { own: own(&content.host_pool.id, "hostPools"), friendly: of_pool },
            group: Names {
                own: own(&content.application_group.id, "applicationGroups"),
                friendly: Some(content.application_group.name.clone()),
            },
            app: Names { own: own(&content.resource, item), friendly },
        }
    }
}

/// How well a successor matches, from the best on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Host pool, application group and application have the same names.
    SameNames,
    /// All three are called the same: but for punctuation, or by what people call them.
    CalledTheSame,
    /// The application group is another one, or nobody can say.
    SamePoolAndName,
    /// The host pool is another one.
    SameGroupAndName,
    /// Nothing but the name is the same.
    SameNameOnly,
}

impl How {
    /// The reason, for a person.
    pub fn reason(self, kind: ResourceKind) -> &'static str {
        match (self, kind) {
            (Self::SameNames, ResourceKind::RemoteApp) => "host pool, application group and name are the same",
            (Self::SameNames, ResourceKind::Desktop) => "host pool and application group are the same",
            (Self::CalledTheSame, ResourceKind::RemoteApp) => {
                "host pool, application group and name are called the same"
            }
            (Self::CalledTheSame, ResourceKind::Desktop) => "host pool and application group are called the same",
            (Self::SamePoolAndName, ResourceKind::RemoteApp) => "host pool and name are the same, the group is not",
            (Self::SamePoolAndName, ResourceKind::Desktop) => "the host pool is the same, the group is not",
            (Self::SameGroupAndName, ResourceKind::RemoteApp) => "group and name are the same, the host pool is not",
            (Self::SameGroupAndName, ResourceKind::Desktop) => "the group is the same, the host pool is not",
            (Self::SameNameOnly, _) => "only the name is the same",
        }
    }
}

/// A package that may be the successor of another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Candidate {
    /// How well it matches.
    pub how: How,
    /// The package's key.
    pub package: String,
}

/// What became of looking for a package's successor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Successor {
    /// There is one, and it is nobody else's.
    Found(Candidate),
    /// A person has to choose.
    Ambiguous {
        /// All that match equally well.
        candidates: Vec<Candidate>,
        /// Other classic packages that would have the same successor.
        rivals: Vec<String>,
    },
    /// There is none.
    Unmatched {
        /// Why.
        reason: String,
    },
}

/// Finds the successor of each classic package, by its key. The order of the packages makes no difference.
pub fn successors(classic: &[Offer], arm: &[Offer]) -> BTreeMap<String, Successor> {
    let index = Index::of(arm);
    let best: BTreeMap<&str, Vec<Candidate>> =
        classic.iter().map(|offer| (offer.key.as_str(), index.best(offer))).collect();
    // Who would have whom, and how well: the best claim counts, if no other is as good.
    let mut claims: BTreeMap<&str, BTreeSet<(How, &str)>> = BTreeMap::new();
    for (key, candidates) in &best {
        if let [only] = candidates.as_slice() {
            claims.entry(&only.package).or_default().insert((only.how, key));
        }
    }
    let fate = |offer: &Offer| {
        let candidates = &best[offer.key.as_str()];
        let [only] = candidates.as_slice() else {
            return if candidates.is_empty() {
                Successor::Unmatched { reason: index.why_none(offer) }
            } else {
                Successor::Ambiguous { candidates: candidates.clone(), rivals: Vec::new() }
            };
        };
        let rivals = claims[only.package.as_str()].iter().filter(|(_, key)| *key != offer.key);
        if rivals.clone().all(|(how, _)| *how > only.how) {
            return Successor::Found(only.clone());
        }
        let rivals = rivals.map(|(_, key)| (*key).to_owned()).collect();
        Successor::Ambiguous { candidates: candidates.clone(), rivals }
    };
    classic.iter().map(|offer| (offer.key.clone(), fate(offer))).collect()
}

/// Names as they are compared: without case, punctuation and blanks. A name of nothing else stays as it is.
fn folded(name: &str) -> String {
    let lower = |name: &str| name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect::<String>();
    let plain = lower(&name.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>());
    if plain.is_empty() { lower(name.trim()) } else { plain }
}

/// The names of an offer, ready to be compared.
struct Compared<'a> {
    offer: &'a Offer,
    pool: BTreeSet<String>,
    group: BTreeSet<String>,
    app: BTreeSet<String>,
}

impl<'a> Compared<'a> {
    fn of(offer: &'a Offer) -> Self {
        let is_desktop = offer.kind == ResourceKind::Desktop;
        let folded = |names: &Names, may_be_unnamed: bool| {
            let each = [&names.own, &names.friendly].into_iter().flatten().map(|name| folded(name));
            each.filter(|name| !(name.is_empty() || may_be_unnamed && UNNAMED.contains(&name.as_str()))).collect()
        };
        Self {
            pool: folded(&offer.pool, false),
            group: folded(&offer.group, is_desktop),
            app: folded(&offer.app, is_desktop),
            offer,
        }
    }

    /// How well another one matches, if it does.
    fn how(&self, other: &Self) -> Option<How> {
        let meet = |a: &BTreeSet<String>, b: &BTreeSet<String>| !a.is_disjoint(b);
        let (pool, group, app) =
            (meet(&self.pool, &other.pool), meet(&self.group, &other.group), meet(&self.app, &other.app));
        let same = |a: &Names, b: &Names| match (&a.own, &b.own) {
            (Some(a), Some(b)) => !a.trim().is_empty() && a.trim().to_lowercase() == b.trim().to_lowercase(),
            _ => false,
        };
        let (ours, theirs) = (self.offer, other.offer);
        let is_desktop = ours.kind == ResourceKind::Desktop;
        // A group has one desktop, so its name need not be the same.
        let is_named = app || is_desktop;
        let all_same = same(&ours.pool, &theirs.pool)
            && same(&ours.group, &theirs.group)
            && (is_desktop || same(&ours.app, &theirs.app));
        match (pool, group) {
            _ if ours.kind != theirs.kind => None,
            (true, _) if all_same => Some(How::SameNames),
            (true, true) if is_named => Some(How::CalledTheSame),
            (true, false) if is_named => Some(How::SamePoolAndName),
            (false, true) if is_named => Some(How::SameGroupAndName),
            _ if app => Some(How::SameNameOnly),
            _ => None,
        }
    }
}

/// The packages to choose from, by everything that can make one match.
struct Index<'a> {
    offers: Vec<Compared<'a>>,
    by_name: HashMap<(ResourceKind, String), BTreeSet<usize>>,
}

impl<'a> Index<'a> {
    fn of(arm: &'a [Offer]) -> Self {
        let offers: Vec<Compared<'a>> = arm.iter().map(Compared::of).collect();
        let mut by_name: HashMap<_, BTreeSet<usize>> = HashMap::new();
        for (at, offer) in offers.iter().enumerate() {
            for name in Self::names(offer) {
                by_name.entry((offer.offer.kind, name.clone())).or_default().insert(at);
            }
        }
        Self { offers, by_name }
    }

    /// The names of which one must be the same: an application's own, or any of a desktop's surroundings.
    fn names<'b>(offer: &'b Compared<'_>) -> impl Iterator<Item = &'b String> {
        let around = (offer.offer.kind == ResourceKind::Desktop).then(|| offer.pool.iter().chain(&offer.group));
        offer.app.iter().chain(around.into_iter().flatten())
    }

    /// Those that match best, all of them.
    fn best(&self, offer: &Offer) -> Vec<Candidate> {
        let offer = Compared::of(offer);
        let near: BTreeSet<usize> = Self::names(&offer)
            .filter_map(|name| self.by_name.get(&(offer.offer.kind, name.clone())))
            .flatten()
            .copied()
            .collect();
        let matching = near.into_iter().filter_map(|at| {
            let how = offer.how(&self.offers[at])?;
            Some(Candidate { how, package: self.offers[at].offer.key.clone() })
        });
        let matching: BTreeSet<Candidate> = matching.collect();
        let best = matching.first().map(|candidate| candidate.how);
        matching.into_iter().filter(|candidate| Some(candidate.how) == best).collect()
    }

    fn why_none(&self, offer: &Offer) -> String {
        let names = [&offer.app.friendly, &offer.app.own, &offer.pool.own];
        let called = names.into_iter().flatten().find(|name| !name.trim().is_empty());
        match (called, offer.kind) {
            (None, _) => "it has no name to look for".to_owned(),
            _ if !self.offers.iter().any(|other| other.offer.kind == offer.kind) => {
                format!("the other connection publishes no {:?} at all", offer.kind)
            }
            (Some(name), ResourceKind::RemoteApp) => format!("no application is called {name:?}"),
            (Some(_), ResourceKind::Desktop) => {
                let pool = offer.pool.own.as_deref().unwrap_or_default();
                format!("no desktop is on a host pool, in a group or by a name like those of {pool:?}")
            }
        }
    }
}

#[cfg(test)]
mod tests;
