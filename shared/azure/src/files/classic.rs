//! What files hold of Azure Virtual Desktop (classic): what its PowerShell module printed
//! (`Get-Rds… | ConvertTo-Json`), and recorded answers of its management interface.
//!
//! `ConvertTo-Json` writes a list of one as a single object, unless it is told `-AsArray` or given `@(…)`; and
//! `Get-RdsRemoteApp -Name Excel | ConvertTo-Json` writes one of many likewise. So a single object counts as the whole
//! list only where no package hangs on there being more.

use super::content::Kind;
use crate::classic::wire::{Identity, Thing, identify};
use crate::listing::id_of;
use poolwarden_domain::{ArmId, classic};
use serde_json::value::RawValue;
use url::Url;

/// How a list of one is saved so that it can be told from one of many.
pub(super) const AS_A_LIST: &str =
    " (save a list with `ConvertTo-Json -AsArray`, or `@(…)` before PowerShell 7: a single object may be one of many)";

/// What an item of a file is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Known {
    pub(super) kind: Kind,
    pub(super) id: Option<ArmId>,
    pub(super) is_classic: bool,
}

/// Why an item is not used.
pub(super) enum Unknown {
    /// It is of no use here, and this is what it calls itself.
    Other(String),
    /// It is of use, but does not say which it is.
    Nameless(String),
}

/// What an item is, of either model. `asked` is what the file says was asked of the classic service.
pub(super) fn what_is(item: &RawValue, asked: Option<&(Thing, ArmId)>) -> Result<Known, Unknown> {
    match identify(item, asked) {
        Some(Identity::Known(thing, id)) => Ok(Known { kind: kind_of_thing(thing), id: Some(id), is_classic: true }),
        Some(Identity::Nameless(_, why)) => Err(Unknown::Nameless(why)),
        Some(Identity::Unused(what)) => Err(Unknown::Other(what.to_owned())),
        None => {
            let kind = super::content::kind_of(item).map_err(Unknown::Other)?;
            Ok(Known { kind, id: id_of(item).map(|id| ArmId::new(&id)), is_classic: false })
        }
    }
}

/// What it is, if something of the classic service stands by itself.
pub(super) fn single(item: &RawValue, asked: Option<&(Thing, ArmId)>) -> Option<Thing> {
    match identify(item, asked)? {
        Identity::Known(thing, _) | Identity::Nameless(thing, _) => Some(thing),
        Identity::Unused(_) => None,
    }
}

/// Whether beside a single one there may be others, whose packages would be taken for gone. A group has one desktop.
pub(super) fn may_have_siblings(thing: Thing) -> bool {
    matches!(thing, Thing::HostPool | Thing::Group | Thing::RemoteApp)
}

pub(super) fn kind_of_thing(thing: Thing) -> Kind {
    match thing {
        Thing::Tenant => Kind::Workspace,
        Thing::HostPool => Kind::HostPool,
        Thing::Group => Kind::Group,
        Thing::SessionHost => Kind::SessionHost,
        Thing::RemoteApp => Kind::Application,
        Thing::Desktop => Kind::Desktop,
        Thing::AssignedUser => Kind::AssignedUser,
    }
}

/// What the classic service was asked for.
#[derive(Debug, PartialEq)]
pub(super) struct Asked {
    /// The things, and of what.
    pub(super) of: (Thing, ArmId),
    /// Whether all of them, or a single one.
    pub(super) is_list: bool,
    /// How many at a time.
    pub(super) page_size: Option<usize>,
}

/// Reads a URL of the management interface.
pub(super) fn asked_for(url: &str) -> Option<Asked> {
    let url = Url::parse(url).ok()?;
    let decode = |text: &str| percent_decoded(text);
    let mut segments = url.path_segments()?.filter(|segment| !segment.is_empty()).map(decode);
    segments.find(|segment| segment.eq_ignore_ascii_case("RdsManagement"))?;
    segments.next()?;
    let mut holder = classic::root();
    let mut of = None;
    let mut is_list = true;
    while let Some(key) = segments.next() {
        let (thing, segment) = match key.to_ascii_lowercase().as_str() {
            "tenantgroups" => (None, "tenantGroups"),
            "tenants" => (Some(Thing::Tenant), "tenants"),
            "hostpools" => (Some(Thing::HostPool), "hostPools"),
            "appgroups" => (Some(Thing::Group), "applicationGroups"),
            "sessionhosts" => (Some(Thing::SessionHost), ""),
            "remoteapps" => (Some(Thing::RemoteApp), ""),
            "assignedusers" => (Some(Thing::AssignedUser), ""),
            "desktop" => (Some(Thing::Desktop), ""),
            _ => return None,
        };
        of = thing.map(|thing| (thing, holder.clone()));
        let Some(name) = segments.next() else { break };
        is_list = false;
        if segment.is_empty() {
            break;
        }
        holder = classic::below(&holder, segment, &name)?;
        if let Some(more) = segments.clone().next() {
            is_list = !more.is_empty();
        }
    }
    let page_size = url.query_pairs().find(|(key, _)| key.eq_ignore_ascii_case("PageSize"));
    Some(Asked { of: of?, is_list, page_size: page_size.and_then(|(_, size)| size.parse().ok()) })
}

fn percent_decoded(text: &str) -> String {
    // A path has no `+` for a blank, which is all that a form adds to percent-encoding.
    let form = format!("x={}", text.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(form.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_tell_what_the_classic_service_was_asked() {
        let base = "https://rdbroker.wvd.microsoft.com/RdsManagement/V1/TenantGroups/Default%20Tenant%20Group/Tenants";
        let group = "/classic/RdsManagement/tenantGroups/Default Tenant Group";
        let pool = format!("{group}/tenants/a+b/hostPools/p");
        for (rest, thing, of, is_list) in [
            ("", Thing::Tenant, group, true),
            ("/a+b", Thing::Tenant, group, false),
            ("/a+b/HostPools?PageSize=2", Thing::HostPool, &format!("{group}/tenants/a+b"), true),
            ("/a+b/HostPools/p/SessionHosts", Thing::SessionHost, &pool, true),
            ("/a+b/HostPools/p/SessionHosts/h", Thing::SessionHost, &pool, false),
            ("/a+b/HostPools/p/AppGroups/g%2F1/", Thing::Group, &pool, false),
            (
                "/a+b/HostPools/p/AppGroups/g%2F1/Desktop",
                Thing::Desktop,
                &format!("{pool}/applicationGroups/g%2F1"),
                true,
            ),
        ] {
            let asked = asked_for(&format!("{base}{rest}")).unwrap();
            assert_eq!((asked.of, asked.is_list), ((thing, ArmId::new(of)), is_list), "{rest}");
        }
        assert_eq!(asked_for(&format!("{base}/t/HostPools?PageSize=2")).unwrap().page_size, Some(2));
        assert_eq!(asked_for(&format!("{base}/t/HostPools/p/Sessions")), None);
        assert_eq!(asked_for("https://management.azure.com/subscriptions/s"), None);
    }
}
