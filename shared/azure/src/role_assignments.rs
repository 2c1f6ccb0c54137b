//! Role assignments of Azure at any scope: listed, made and removed.
//!
//! An assignment's name follows from who, what and where, so making it twice makes it once, and whoever does not know
//! how a request ended may simply send it again.

use crate::access::wire;
use crate::arm::{Arm, Call, Shared, json};
use crate::listing::Listed;
use crate::throttle::{Kind, Meter};
use crate::versions::{AUTHORIZATION, SUBSCRIPTIONS};
use poolwarden_domain::access::{Assignment, Definition, principal_id};
use poolwarden_domain::text::guid_of;
use poolwarden_domain::{ArmId, Reading, Unreadable, Why};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The role that reads assignments.
const READER: &str = "Reader";
/// The role that makes and removes them, and what of it does.
const MAKER: &str = "Role Based Access Control Administrator (Microsoft.Authorization/roleAssignments/write)";
const REMOVER: &str = "Role Based Access Control Administrator (Microsoft.Authorization/roleAssignments/delete)";
/// What Azure answers when somebody holds the role there already, under another name.
const EXISTS: &str = "RoleAssignmentExists";
/// What it answers when it does not know the principal (yet).
const NO_PRINCIPAL: &str = "PrincipalNotFound";
/// The version of the language of conditions; there is no other that is taken.
const CONDITION_VERSION: &str = "2.0";

/// A role assignment to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRoleAssignment {
    /// Where.
    pub scope: ArmId,
    /// The role's GUID.
    pub role: String,
    /// The principal's object id.
    pub principal: String,
    /// `User`, `Group`, `ServicePrincipal`, …; Azure looks it up where it is not given.
    pub principal_type: Option<String>,
    /// Under which condition.
    pub condition: Option<String>,
    /// What it is for.
    pub description: Option<String>,
}

impl NewRoleAssignment {
    /// Its name: the same for the same scope, principal and role.
    pub fn name(&self) -> String {
        guid_of(&[&self.scope.canonical(), &self.principal, &self.role])
    }

    /// Its id.
    pub fn id(&self) -> ArmId {
        below(&self.scope, "roleAssignments", &self.name())
    }

    /// Whether an assignment gives the same role to the same principal at the same scope.
    pub fn is(&self, one: &Assignment) -> bool {
        one.scope == self.scope
            && one.role.name().eq_ignore_ascii_case(&self.role)
            && one.principal.id == principal_id(&self.principal)
    }

    fn body(&self) -> serde_json::Value {
        let holder = self.scope.up_to("subscriptions").unwrap_or_else(|| ArmId::new("/"));
        let mut properties = serde_json::json!({
            "roleDefinitionId": below(&holder, "roleDefinitions", &self.role),
            "principalId": self.principal,
        });
        let version = self.condition.as_ref().map(|_| CONDITION_VERSION.to_owned());
        for (name, value) in [
            ("principalType", &self.principal_type),
            ("condition", &self.condition),
            ("conditionVersion", &version),
            ("description", &self.description),
        ] {
            if let Some(value) = value {
                properties[name] = serde_json::json!(value);
            }
        }
        serde_json::json!({ "properties": properties })
    }
}

/// What became of an assignment that was to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Granted {
    /// It was made, under this id.
    Made(ArmId),
    /// The principal holds the role there already, by the assignment of this id.
    Already(ArmId),
}

/// What became of an assignment that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// It was removed.
    Removed,
    /// There was none.
    WasNotThere,
}

/// What is listed of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Around<'a> {
    /// Made at the scope or above it.
    Above,
    /// Made at the scope, above it or below it.
    AboveAndBelow,
    /// The same, of one principal, by its object id; not what its groups hold.
    Of(&'a str),
}

/// Lists, makes and removes role assignments.
#[derive(Clone)]
pub struct RoleAssignments {
    arm: Arm,
}

impl RoleAssignments {
    /// Ready to ask, nothing asked yet.
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { arm: Arm::new(shared) }
    }

    /// The role assignments around a scope, sorted; all of them or none.
    pub async fn list(&self, scope: &ArmId, around: Around<'_>) -> Reading<Vec<Assignment>> {
        let (assignments, unknown) = self.look(scope, around).await?;
        unknown.into_iter().next().map_or(Ok(assignments), Err)
    }

    /// The same as far as they can be had, and what cannot: for those who only look.
    pub async fn look(&self, scope: &ArmId, around: Around<'_>) -> Reading<(Vec<Assignment>, Vec<Unreadable>)> {
        let filters: Vec<Option<String>> = match around {
            Around::Above => vec![Some("atScope()".to_owned())],
            Around::AboveAndBelow => vec![None, Some("atScope()".to_owned())],
            Around::Of(principal) => vec![Some(format!("principalId eq '{}'", principal.replace('\'', "''")))],
        };
        let (mut found, mut unknown) = (BTreeMap::new(), Vec::new());
        for filter in filters {
            let call = self.call(scope, "roleAssignments", "the role assignments", filter.as_deref());
            let listed = self.listed(call, wire::assignment).await?;
            found.extend(listed.items.into_iter().map(|one| ((one.scope.clone(), one.id.clone()), one)));
            unknown.extend(listed.flaws.into_iter().map(|flaw| flaw.reason).chain(listed.stopped));
        }
        Ok((found.into_values().collect(), unknown))
    }

    /// The role assignment of this id, if it is there.
    pub async fn get(&self, id: &ArmId) -> Reading<Option<Assignment>> {
        let call = self.one(id, Kind::Read, None, "the role assignment", READER);
        self.arm.ask(&call, |body| wire::assignment(json::<&RawValue>(body)?)).await
    }

    /// The roles that can be assigned at a scope.
    pub async fn definitions(&self, scope: &ArmId) -> Reading<Vec<Definition>> {
        self.whole(self.call(scope, "roleDefinitions", "the role definitions", None), wire::definition).await
    }

    /// The subscriptions that can be seen, by id, with what people call them.
    pub async fn subscriptions(&self) -> Reading<Vec<(ArmId, String)>> {
        let call = Call {
            url: self.arm.shared.endpoints.arm_url("/subscriptions", &[("api-version", SUBSCRIPTIONS)]),
            body: None,
            meter: Meter::new(None, Kind::Read),
            what: "the subscriptions",
            scope: ArmId::new("/"),
            role: READER,
        };
        let read = |raw: &RawValue| {
            let subscription = crate::wire::subscription(raw)?;
            Ok((ArmId::new(&format!("/subscriptions/{}", subscription.id)), subscription.display_name))
        };
        self.whole(call, read).await
    }

    /// Makes an assignment. What is there already stays as it is.
    pub async fn grant(&self, new: &NewRoleAssignment) -> Reading<Granted> {
        let body = new.body().to_string().into();
        let call = self.one(&new.id(), Kind::Write, Some(body), "the new role assignment", MAKER);
        let call = Call { scope: new.scope.clone(), ..call };
        match self.arm.ask(&call, |body| wire::assignment(json::<&RawValue>(body)?)).await {
            Ok(Some(made)) => Ok(Granted::Made(made.id)),
            Ok(None) => {
                let text = "404, there is no such scope, or no such role that can be assigned there";
                Err(Unreadable::new(Why::Missing, format!("{} of {}: {text}", call.what, call.scope)))
            }
            Err(reason) if reason.detail.contains(EXISTS) => {
                Ok(Granted::Already(existing(&reason.detail, &new.scope).unwrap_or_else(|| new.id())))
            }
            Err(reason) if reason.detail.contains(NO_PRINCIPAL) => {
                let advice = "check the object id; a principal that was made just now is known everywhere only after some minutes: say what it is (--principal-type), and Azure takes it on trust";
                Err(Unreadable::new(reason.why, format!("{}; {advice}", reason.detail)))
            }
            Err(reason) => Err(reason),
        }
    }

    /// Makes an assignment again, as it was and under its id.
    pub async fn restore(&self, gone: &Assignment) -> Reading<()> {
        let new = NewRoleAssignment {
            scope: gone.scope.clone(),
            role: gone.role.name().to_owned(),
            principal: gone.principal.id.clone(),
            principal_type: Some(gone.principal.kind.clone()).filter(|kind| !kind.is_empty()),
            condition: gone.condition.clone(),
            description: gone.description.clone(),
        };
        let body = new.body().to_string().into();
        let call = self.one(&gone.id, Kind::Write, Some(body), "the role assignment that was removed", MAKER);
        let text = "404, there is no such scope, or no such role that can be assigned there";
        let missing = || Unreadable::new(Why::Missing, format!("{} of {}: {text}", call.what, call.scope));
        self.arm.ask(&call, |_| Ok(())).await?.ok_or_else(missing)
    }

    /// Removes the assignment of this id.
    pub async fn revoke(&self, id: &ArmId) -> Reading<Removed> {
        let call = self.one(id, Kind::Write, None, "the removal of the role assignment", REMOVER);
        // What was removed is answered with; nothing is when there was nothing.
        Ok(match self.arm.ask(&call, |body| Ok(!body.is_empty())).await? {
            Some(true) => Removed::Removed,
            Some(false) | None => Removed::WasNotThere,
        })
    }

    fn call(&self, scope: &ArmId, list: &str, what: &'static str, filter: Option<&str>) -> Call {
        let mut query = vec![("api-version", AUTHORIZATION)];
        query.extend(filter.map(|filter| ("$filter", filter)));
        Call {
            url: self
                .arm
                .shared
                .endpoints
                .arm_url(&format!("{scope}/providers/Microsoft.Authorization/{list}"), &query),
            body: None,
            meter: Meter::new(scope.subscription(), Kind::Read),
            what,
            scope: scope.clone(),
            role: READER,
        }
    }

    fn one(&self, id: &ArmId, kind: Kind, body: Option<bytes::Bytes>, what: &'static str, role: &'static str) -> Call {
        Call {
            url: self.arm.shared.endpoints.arm_url(id.as_str(), &[("api-version", AUTHORIZATION)]),
            body,
            meter: Meter::new(id.subscription(), kind),
            what,
            scope: id.clone(),
            role,
        }
    }

    async fn whole<T>(&self, call: Call, read: impl Fn(&RawValue) -> Result<T, String>) -> Reading<Vec<T>> {
        self.listed(call, read).await.and_then(Listed::whole)
    }

    async fn listed<T>(&self, call: Call, read: impl Fn(&RawValue) -> Result<T, String>) -> Reading<Listed<T>> {
        let subject = format!("{} of {}", call.what, call.scope);
        self.arm
            .list(call, read)
            .await?
            .ok_or_else(|| Unreadable::new(Why::Missing, format!("{subject}: 404, there is no such scope")))
    }
}

fn below(scope: &ArmId, kind: &str, name: &str) -> ArmId {
    let scope = scope.as_str().trim_end_matches('/');
    ArmId::new(&format!("{scope}/providers/Microsoft.Authorization/{kind}/{name}"))
}

/// The assignment that Azure names when it says that there is one: 32 hexadecimal digits.
fn existing(text: &str, scope: &ArmId) -> Option<ArmId> {
    const DIGITS: usize = 32;
    let (_, message) = text.split_once(EXISTS)?;
    let mut words = message.split(|letter: char| !(letter.is_ascii_hexdigit() || letter == '-'));
    let word = words.find(|word| word.bytes().filter(u8::is_ascii_hexdigit).count() == DIGITS)?;
    Some(below(scope, "roleAssignments", &principal_id(word)))
}

#[cfg(test)]
mod tests;
