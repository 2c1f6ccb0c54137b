//! Who is in the directory of an audited estate.

use super::draft::{Draft, Principal, Service, Who};
use crate::estate::names;

/// Share of names with awkward content.
const ODD_NAMES: f64 = 0.08;
/// How deep groups are nested at most.
const MAX_DEPTH: usize = 4;
/// One in so many nested groups contains the group it is in.
const CIRCLES: f64 = 0.2;

const GIVEN: [&str; 10] = ["Ada", "Björn", "Chloé", "Dmitri", "Eun-ji", "Fatima", "Grace", "Hiro", "Ines", "Jürgen"];
const FAMILY: [&str; 10] =
    ["Okafor", "Lindqvist", "O'Brien", "Nakamura", "Weiß", "García", "Novák", "Haddad", "Smith", "van Dijk"];

impl Draft {
    fn principal(&mut self, plain: &str, who: Who) -> String {
        let id = self.dice.guid();
        let name = names::friendly(&mut self.dice, ODD_NAMES, plain);
        self.principals.insert(id.clone(), Principal { name, who });
        id
    }

    fn person(&mut self, guest: bool, enabled: bool) -> String {
        let number = self.number();
        let plain = format!("{} {} {number}", self.dice.pick(&GIVEN), self.dice.pick(&FAMILY));
        self.principal(&plain, Who::User { guest, enabled })
    }

    /// Somebody of the tenant, who can sign in.
    pub(crate) fn member(&mut self) -> String {
        self.person(false, true)
    }

    /// Several of them.
    pub(crate) fn several(&mut self, count: usize) -> Vec<String> {
        (0..count).map(|_| self.member()).collect()
    }

    /// Somebody from elsewhere.
    pub(crate) fn guest(&mut self) -> String {
        self.person(true, true)
    }

    /// Somebody who cannot sign in any more.
    pub(crate) fn disabled(&mut self) -> String {
        self.person(false, false)
    }

    /// The id of somebody who is not there any more.
    pub(crate) fn deleted(&mut self, kind: &'static str) -> String {
        self.principal("deleted", Who::Deleted(kind))
    }

    /// A group of these members, some of whom are in groups in that group.
    pub(crate) fn group(&mut self, plain: &str, members: Vec<String>) -> String {
        let top = self.principal(plain, Who::Group);
        let depth = 1 + self.dice.below(MAX_DEPTH);
        let (mut at, mut waiting) = (top.clone(), members);
        for level in 1..depth {
            let stay = self.dice.below(waiting.len() + 1);
            let deeper = waiting.split_off(stay);
            let below = self.principal(&format!("{plain}, part {level}"), Who::Group);
            waiting.push(below.clone());
            self.members.insert(at, waiting);
            (at, waiting) = (below, deeper);
        }
        if at != top && self.dice.chance(CIRCLES) {
            waiting.push(top.clone());
        }
        self.members.insert(at, waiting);
        top
    }

    /// A group of new members of the tenant.
    pub(crate) fn group_of_new(&mut self, plain: &str, count: usize) -> String {
        let members = self.several(count);
        self.group(plain, members)
    }

    /// The service principal of an application.
    pub(crate) fn application(&mut self, name: &str) -> String {
        let app_id = self.dice.guid();
        self.service(name, Service { app_id, ..Service::default() })
    }

    /// A managed identity.
    pub(crate) fn identity(&mut self, name: &str) -> String {
        let app_id = self.dice.guid();
        self.service(name, Service { app_id, managed: true, ..Service::default() })
    }

    /// A service principal of exactly this name.
    pub(crate) fn service(&mut self, name: &str, service: Service) -> String {
        let id = self.dice.guid();
        let who = Who::ServicePrincipal(Box::new(service));
        self.principals.insert(id.clone(), Principal { name: name.to_owned(), who });
        id
    }

    /// A group or an application: somebody of whom no rule minds that it holds
    /// something.
    pub(crate) fn somebody(&mut self, plain: &str) -> String {
        match self.dice.below(3) {
            0 => self.application(plain),
            1 => self.identity(plain),
            _ => {
                let count = 1 + self.dice.below(4);
                self.group_of_new(plain, count)
            }
        }
    }
}
