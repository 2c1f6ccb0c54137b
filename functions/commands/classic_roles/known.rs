//! Whom a request is for: an application may be named in one way and listed by the service in another.

use super::source::Desk;
use crate::commands::roles::is_guid;
use anyhow::bail;
use poolwarden_azure::Wanted;
use poolwarden_domain::access::{DirectoryObject, Facet, State, principal_id};
use poolwarden_domain::delegated::{Assignee, RdsAssignment, Request};
use std::collections::BTreeMap;

/// A request, with an application by its id, which is what the service takes.
pub(super) struct Known {
    /// The request.
    pub(super) request: Request,
    /// The same for the ids that the service may list the application by.
    pub(super) likewise: Vec<Request>,
    /// Why an application that is named by its name has no id here.
    nameless: Option<String>,
}

/// The request as the service takes it and lists what came of it. An application that is named by an id may be one that
/// the directory does not tell of. Fails if the directory knows several by the name.
pub(super) async fn known_as(desk: &Desk, request: Request) -> anyhow::Result<Known> {
    let Some(Assignee::ServicePrincipal { name, tenant }) = request.assignee.clone() else {
        return Ok(Known { request, likewise: Vec::new(), nameless: None });
    };
    let id = principal_id(&name);
    let is_id = is_guid(&id);
    let (mut objects, mut unread) = (BTreeMap::new(), None);
    if let Some(directory) = desk.deps.sources.directory(&desk.name) {
        let (app_ids, names) = if is_id { (vec![id.clone()], Vec::new()) } else { (Vec::new(), vec![name.clone()]) };
        let read = directory.read(&Wanted { app_ids, names, ..Wanted::default() }, None).await;
        objects = read.directory.objects;
        unread = read.coverage.into_iter().find_map(|one| match one.state {
            State::Unknown(reason) if one.facet == Facet::Principals => Some(reason.to_string()),
            _ => None,
        });
    }
    let is_it = |object: &DirectoryObject| match object {
        DirectoryObject::ServicePrincipal { app_id, name: called, .. } => {
            (*app_id == id || called.eq_ignore_ascii_case(&name)).then(|| app_id.clone())
        }
        _ => None,
    };
    let found: Vec<(&String, String)> =
        objects.iter().filter_map(|(object, one)| is_it(one).map(|app_id| (object, app_id))).collect();
    let of = |name: &str| {
        let assignee = Assignee::ServicePrincipal { name: name.to_owned(), tenant: tenant.clone() };
        Request { assignee: Some(assignee), ..request.clone() }
    };
    match (found.as_slice(), unread) {
        // Of two with the same name, one may be what could not be read.
        (_, Some(reason)) if !is_id => {
            let nameless = format!("who is called {name:?} could not be read ({reason}); write its application id");
            Ok(Known { request, likewise: Vec::new(), nameless: Some(nameless) })
        }
        ([(object, app_id)], _) => Ok(Known { request: of(app_id), likewise: vec![of(object)], nameless: None }),
        ([], _) if is_id => Ok(Known { request: of(&id), likewise: Vec::new(), nameless: None }),
        ([], _) => {
            let nameless = format!("no application of the directory is called {name:?}; write its application id");
            Ok(Known { request, likewise: Vec::new(), nameless: Some(nameless) })
        }
        (several, _) => {
            let ids: Vec<&str> = several.iter().map(|(_, app_id)| app_id.as_str()).collect();
            bail!("several applications are called {name:?}; name one by its id: {}", ids.join(", "))
        }
    }
}

impl Known {
    /// Fails for an application that the directory does not tell the id of.
    pub(super) fn must_be_known(&self) -> anyhow::Result<()> {
        self.nameless.as_ref().map_or(Ok(()), |reason| bail!("{reason}"))
    }

    /// What may be the assignments that it is about.
    pub(super) async fn there(&self, desk: &Desk) -> anyhow::Result<Vec<RdsAssignment>> {
        let all = desk.roles.whole().await.map_err(anyhow::Error::msg)?;
        let is_it =
            |one: &RdsAssignment| self.request.may_be(one) || self.likewise.iter().any(|request| request.may_be(one));
        Ok(all.into_iter().filter(is_it).collect())
    }
}
