//! One file: its items, and what it says about the list they are from.

use super::super::item::Item;
use super::super::kinds::facet_of;
use poolwarden_domain::ArmId;
use poolwarden_domain::access::Facet;
use serde_json::Value;
use std::path::Path;
use url::Url;

/// What a list was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// The last part of the path, in lower case: `roleassignments`.
    pub(super) list: String,
    /// The namespace of the provider that was asked, in lower case, where the list is one of its own:
    /// `microsoft.authorization`.
    pub(super) namespace: Option<String>,
    /// What it was asked of.
    pub(super) of: ArmId,
    /// Its `$filter`, or what it searches for.
    pub(super) filter: Option<String>,
    /// The ids in the body of the question, as `getByIds` has them.
    pub(super) ids: Vec<String>,
    /// Whether it was asked from some place on: what comes before is elsewhere.
    pub(super) is_later: bool,
}

/// A file's content.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) items: Vec<Value>,
    /// Whether it is a list, so that what is not in it is not there.
    pub(super) is_list: bool,
    /// Whether the list goes on elsewhere.
    pub(super) goes_on: bool,
    /// Whether it is an answer of Resource Graph, which looks at whole subscriptions.
    pub(super) is_of_graph: bool,
    /// What was asked, where the file holds the question too.
    pub(super) asked: Option<Asked>,
}

impl Content {
    /// A list that is here from its beginning to its end.
    pub(super) fn is_whole(&self) -> bool {
        self.is_list && !self.goes_on && !self.asked.as_ref().is_some_and(|asked| asked.is_later)
    }
}

/// Whether it is what `poolwarden audit` writes.
pub(super) fn is_facts(value: &Value) -> bool {
    ["read_at", "assignments", "directory", "coverage"].iter().all(|name| value.get(name).is_some())
}

/// Finds the items of a file.
pub(super) fn split(mut value: Value) -> Result<Content, String> {
    let asked = match (value.get("request"), value.get("response")) {
        (request, Some(response)) => {
            let status = response.get("status").and_then(Value::as_u64);
            if let Some(status) = status.filter(|status| !(200..300).contains(status)) {
                return Err(format!("records an answer with status {status}, which says nothing about what is there"));
            }
            let asked = request.and_then(asked);
            let body = value.pointer_mut("/response/body").map(Value::take);
            value = body.ok_or("records an exchange without an answer's body")?;
            asked
        }
        _ => None,
    };
    let link = |names: &[&str]| {
        let text = |name: &&str| value.get(*name).and_then(Value::as_str);
        names.iter().filter_map(text).any(|link| !link.is_empty())
    };
    let goes_on =
        link(&["nextLink", "@odata.nextLink", "$skipToken", "skip_token", "skipToken"]) || is_part_of_answer(&value);
    match value {
        Value::Array(items) => Ok(Content { items, is_list: true, asked, ..Content::default() }),
        Value::Object(mut object) => {
            for name in ["value", "data", "Value"] {
                if let Some(Value::Array(_)) = object.get(name) {
                    let Some(Value::Array(items)) = object.remove(name) else { continue };
                    let is_of_graph = name == "data";
                    return Ok(Content { items, is_list: true, goes_on, is_of_graph, asked });
                }
            }
            Ok(Content { items: vec![Value::Object(object)], asked, ..Content::default() })
        }
        _ => Err("holds no list, object or recorded exchange".to_owned()),
    }
}

/// Whether Resource Graph says that an answer is not all that there is: it was cut short, or has fewer items than were
/// found. A page that was asked for by its number has no token that leads on.
fn is_part_of_answer(value: &Value) -> bool {
    let field = |names: &[&str]| names.iter().find_map(|name| value.get(*name)).filter(|field| !field.is_null());
    // ARM's own answer has it as text, and clients may make it a truth value.
    let is_cut = field(&["resultTruncated", "result_truncated"])
        .is_some_and(|cut| cut.as_str().map_or(cut != false, |text| !text.trim().eq_ignore_ascii_case("false")));
    let count = value.get("count").and_then(Value::as_u64);
    let total = field(&["totalRecords", "total_records"]).and_then(Value::as_u64);
    is_cut || count.zip(total).is_some_and(|(count, total)| count < total)
}

fn asked(request: &Value) -> Option<Asked> {
    let url = Url::parse(request.get("url")?.as_str()?).ok()?;
    let path = url.path().trim_end_matches('/');
    let (of, list) = path.rsplit_once('/')?;
    let at = of.to_ascii_lowercase().rfind("/providers/").filter(|at| !of[at + 11..].contains('/'));
    let namespace = at.map(|at| of[at + 11..].to_ascii_lowercase());
    let of = at.map_or(of, |at| &of[..at]);
    let is_filter = |name: &str| ["$filter", "$search"].iter().any(|one| name.eq_ignore_ascii_case(one));
    let filter = url.query_pairs().find(|(name, _)| is_filter(name)).map(|(_, text)| text.into_owned());
    let ids = request.pointer("/body/ids").and_then(Value::as_array).into_iter().flatten();
    let ids = ids.filter_map(Value::as_str).map(str::to_owned).collect();
    Some(Asked {
        list: list.to_ascii_lowercase(),
        namespace,
        of: ArmId::new(of),
        filter: filter.filter(|text| !text.is_empty()),
        ids,
        is_later: is_later(&url, request.get("body")),
    })
}

/// The lists of the directory in which users and service principals are found by their names, as Microsoft Graph calls
/// them.
pub(super) const EVERYBODY: [&str; 2] = ["servicePrincipals", "users"];

/// Which of these a file's name says that it holds, all of it: `users.json`, `service-principals.json`.
pub(super) fn named_everybody(file: &Path) -> Option<&'static str> {
    let stem: String = file.file_stem()?.to_string_lossy().split(['-', '_', ' ']).collect();
    EVERYBODY.into_iter().find(|list| list.eq_ignore_ascii_case(&stem))
}

/// Whether a question, by its URL or its body, is about what comes after a page, or after some items.
fn is_later(url: &Url, body: Option<&Value>) -> bool {
    // Resource Graph has them beside the query or among its options; `az` writes them without the `$`, with a line.
    const TOKENS: [&str; 5] = ["skiptoken", "lastentry", "deltatoken", "continuationtoken", "marker"];
    const COUNTS: [&str; 2] = ["skip", "initialskip"];
    let is_place = |name: &str, text: &str| {
        let name = name.to_ascii_lowercase().replace(['$', '_'], "");
        TOKENS.contains(&name.as_str()) && !text.is_empty()
            || COUNTS.contains(&name.as_str()) && text.trim().parse::<u64>() != Ok(0)
    };
    let is_in = |fields: &Value| {
        let fields = fields.as_object().into_iter().flatten();
        fields.filter(|(_, value)| !value.is_null()).any(|(name, value)| match value {
            Value::String(text) => is_place(name, text),
            other => is_place(name, &other.to_string()),
        })
    };
    url.query_pairs().any(|(name, text)| is_place(&name, &text))
        || body.is_some_and(|body| is_in(body) || body.get("options").is_some_and(is_in))
}

/// What an empty list would have held, by the file's name: of nothing else is there a trace in it.
pub(super) fn named_list(file: &Path) -> Option<&'static str> {
    const LISTS: [&str; 6] = [
        "denyassignments",
        "roleassignmentscheduleinstances",
        "roleeligibilityscheduleinstances",
        "classicadministrators",
        "scalingplans",
        "appattachpackages",
    ];
    let stem: String = file.file_stem()?.to_string_lossy().to_ascii_lowercase().split(['-', '_', ' ']).collect();
    LISTS.into_iter().find(|list| stem.contains(list))
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Assignment,
    Definition,
    Deny,
    Active,
    Eligible,
    ClassicAdministrator,
    ManagementGroup,
    Subscription,
    Resource(Facet),
    Members,
    AppRoleAssignment,
    DelegatedGrant,
    DirectoryRoleAssignment,
    Application,
    Organization,
    DirectoryObject,
}

/// What an item is by its type, its id, and else by what it has; or what it calls itself, when that is nothing known.
pub(super) fn what_is(value: &Value) -> Result<What, String> {
    let item = Item::of(value).map_err(|_| "something that is no object".to_owned())?;
    let id = item.own("id").map(ArmId::new);
    let of_id = id.as_ref().and_then(super::super::resource::type_of);
    let has = |names: &[&str]| names.iter().all(|name| item.value(name).is_some());
    let is_set = |name: &str| item.value(name).is_some();
    // `az role definition list` writes the type of role where others write the type of resource.
    let own = item
        .own("type")
        .filter(|kind| kind.contains('/'))
        .map(|kind| kind.trim_start_matches('/').to_ascii_lowercase());
    if let Some(kind) = own.or(of_id) {
        return of_type(&kind).ok_or_else(|| crate::answers::safe(&kind, 100));
    }
    let is_subscription =
        id.as_ref().is_some_and(|id| id.as_str().matches('/').count() == 2 && id.subscription().is_some());
    Ok(match () {
        () if is_set("@odata.type") && !is_set("passwordCredentials") => What::DirectoryObject,
        () if has(&["groupId", "members"]) => What::Members,
        () if is_set("directoryScopeId") => What::DirectoryRoleAssignment,
        () if is_set("denyAssignmentName") => What::Deny,
        () if is_set("roleDefinitionId") && (is_set("principalId") || is_set("objectId")) => What::Assignment,
        () if is_set("assignableScopes") || has(&["actions", "isCustom"]) => What::Definition,
        () if has(&["appRoleId", "principalId", "resourceId"]) => What::AppRoleAssignment,
        () if has(&["clientId", "consentType", "resourceId"]) => What::DelegatedGrant,
        () if is_set("emailAddress") && is_set("role") => What::ClassicAdministrator,
        () if is_set("cloudName") || is_set("subscriptionId") && is_set("displayName") || is_subscription => {
            What::Subscription
        }
        () if is_set("verifiedDomains") || is_set("onPremisesLastSyncDateTime") && !is_set("userPrincipalName") => {
            What::Organization
        }
        () if is_set("appId") && !is_set("servicePrincipalType") && !is_set("servicePrincipalNames") => {
            What::Application
        }
        () if ["userPrincipalName", "servicePrincipalType", "appId", "securityEnabled", "mailEnabled"]
            .into_iter()
            .any(is_set) =>
        {
            What::DirectoryObject
        }
        () => return Err("something that does not say what it is".to_owned()),
    })
}

fn of_type(kind: &str) -> Option<What> {
    Some(match kind {
        "microsoft.authorization/roleassignments" => What::Assignment,
        "microsoft.authorization/roledefinitions" => What::Definition,
        "microsoft.authorization/denyassignments" => What::Deny,
        "microsoft.authorization/roleassignmentscheduleinstances" => What::Active,
        "microsoft.authorization/roleeligibilityscheduleinstances" => What::Eligible,
        "microsoft.authorization/classicadministrators" => What::ClassicAdministrator,
        "microsoft.management/managementgroups" | "microsoft.management/managementgroups/subscriptions" => {
            What::ManagementGroup
        }
        "microsoft.resources/subscriptions" => What::Subscription,
        kind => What::Resource(facet_of(kind)?),
    })
}

/// The facet that a list of Microsoft.Authorization belongs to.
pub(super) fn facet_of_list(list: &str) -> Option<Facet> {
    Some(match list {
        "roleassignments" => Facet::RoleAssignments,
        "roledefinitions" => Facet::RoleDefinitions,
        "denyassignments" => Facet::DenyAssignments,
        "roleassignmentscheduleinstances" => Facet::PimActive,
        "roleeligibilityscheduleinstances" => Facet::PimEligible,
        "classicadministrators" => Facet::ClassicAdministrators,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn things_are_known_by_what_they_have() {
        let id = |kind: &str| json!({"id": format!("/subscriptions/s/providers/Microsoft.Authorization/{kind}/x")});
        for (value, what) in [
            (id("roleAssignments"), What::Assignment),
            (id("RoleEligibilityScheduleInstances"), What::Eligible),
            (json!({"RoleDefinitionId": "r", "ObjectId": "o", "Scope": "/"}), What::Assignment),
            (
                json!({"Name": "n", "Id": "g", "IsCustom": true, "Actions": ["*"], "AssignableScopes": ["/"]}),
                What::Definition,
            ),
            (
                json!({"id": "g", "roleDefinitionId": "62e9", "principalId": "p", "directoryScopeId": "/"}),
                What::DirectoryRoleAssignment,
            ),
            (json!({"id": "g", "displayName": "d", "userPrincipalName": "u@x"}), What::DirectoryObject),
            (json!({"id": "g", "appId": "a", "displayName": "d", "passwordCredentials": []}), What::Application),
            (json!({"groupId": "g", "members": []}), What::Members),
            (json!({"id": "/subscriptions/s", "tenantId": "t"}), What::Subscription),
            (
                json!({"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v"}),
                What::Resource(Facet::KeyVaults),
            ),
        ] {
            assert_eq!(what_is(&value), Ok(what), "{value}");
        }
        assert_eq!(
            what_is(&json!({"id": "/subscriptions/s/providers/Microsoft.Web/sites/x"})),
            Err("microsoft.web/sites".into())
        );
    }

    #[test]
    fn a_recorded_question_tells_what_was_asked_of_what() {
        let url = "https://h/subscriptions/S/providers/Microsoft.Authorization/denyAssignments?$filter=atScope()&api-version=1";
        let file = json!({"request": {"url": url}, "response": {"status": 200, "body": {"value": []}}});
        let content = split(file).unwrap();
        let asked = content.asked.as_ref().unwrap();
        assert_eq!((asked.list.as_str(), &asked.of), ("denyassignments", &ArmId::new("/subscriptions/s")));
        assert_eq!(asked.filter.as_deref(), Some("atScope()"));
        assert!(content.is_whole());
        assert!(split(json!({"response": {"status": 403, "body": {"value": []}}})).is_err());
        assert!(!split(json!({"value": [], "nextLink": "https://h/2"})).unwrap().is_whole());
        assert!(split(json!({"value": [], "nextLink": null})).unwrap().is_whole());
    }

    #[test]
    fn an_answer_of_resource_graph_with_fewer_items_than_were_found_is_not_the_list() {
        let is_whole = |mut answer: Value| {
            answer["data"] = json!([]);
            split(answer).unwrap().is_whole()
        };
        for part in [
            json!({"resultTruncated": "true"}),
            json!({"resultTruncated": true}),
            json!({"result_truncated": "True", "skip_token": null}),
            json!({"count": 500, "totalRecords": 3500, "resultTruncated": "false"}),
            json!({"count": 500, "total_records": 3500, "skip_token": null}),
        ] {
            assert!(!is_whole(part.clone()), "{part}");
        }
        for whole in [
            json!({}),
            json!({"count": 500, "total_records": 500, "skip_token": null}),
            json!({"count": 500, "totalRecords": 500, "resultTruncated": "false", "facets": []}),
            json!({"result_truncated": null, "total_records": null, "count": 3}),
            json!({"resultTruncated": false}),
        ] {
            assert!(is_whole(whole.clone()), "{whole}");
        }
    }

    #[test]
    fn the_last_page_of_a_list_is_not_the_list() {
        let is_whole = |query: &str, body: Value| {
            let request = json!({"url": format!("https://h/subscriptions/s/providers/x/y?{query}"), "body": body});
            split(json!({"request": request, "response": {"status": 200, "body": {"value": []}}})).unwrap().is_whole()
        };
        assert!(is_whole("api-version=1&$skiptoken=&InitialSkip=0&LastEntry=", json!({"options": {"$skip": 0}})));
        for query in ["$skipToken=x", "%24skiptoken=x", "LastEntry=x", "InitialSkip=5", "$skip=999"] {
            assert!(!is_whole(query, Value::Null), "{query}");
        }
        for options in [json!({"$skipToken": "x"}), json!({"skip_token": "x"}), json!({"$skip": 1000})] {
            assert!(!is_whole("api-version=1", json!({"query": "resources", "options": options})), "{options}");
        }
    }
}
