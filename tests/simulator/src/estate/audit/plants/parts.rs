//! Shares, vaults, logs: R40, R41, V37, V38, V40 to V46.

use serde_json::{Value, json};

use super::{machines::user_or_entitled, privileged::WAYS};
use crate::estate::{
    audit::{
        clean::{Clean, Site, protect, share_of},
        draft::{Draft, How},
        ids,
    },
    model::Kind,
};

fn any_site<'c>(draft: &mut Draft, clean: &'c Clean) -> &'c Site {
    draft.dice.pick(&clean.sites)
}

pub(super) fn elevated_share(draft: &mut Draft, clean: &Clean) {
    let holder = user_or_entitled(draft, clean, "Share wizards");
    let site = any_site(draft, clean);
    let scope = if draft.dice.chance(0.5) { site.storage.clone() } else { draft.spare_group() };
    let how = *draft.dice.pick(&WAYS);
    draft.hold(how, &scope, &holder, ids::SMB_ELEVATED);
    draft.grant_violates(&["R40"], &scope, &holder, ids::SMB_ELEVATED);
}

pub(super) fn elevated_user(draft: &mut Draft, clean: &Clean) {
    let pool = draft.dice.pick(&clean.pools);
    let user = draft.dice.pick(&pool.desktop.1).clone();
    let holder = if draft.dice.chance(0.5) { user } else { draft.group("Profile helpers", vec![user]) };
    let site = any_site(draft, clean);
    let scope = draft.dice.pick(&[&site.storage, &site.home, &site.share]).to_string();
    let how = *draft.dice.pick(&WAYS[..3]);
    draft.hold(how, &scope, &holder, ids::SMB_ELEVATED);
    draft.grant_violates(&["V45"], &scope, &holder, ids::SMB_ELEVATED);
}

pub(super) fn readable_secrets(draft: &mut Draft, clean: &Clean) {
    let site = any_site(draft, clean);
    if draft.dice.chance(0.5) {
        let holder = if draft.dice.chance(0.5) { draft.member() } else { draft.group_of_new("Secret readers", 2) };
        let scope = draft.dice.pick(&[&site.vault, &site.home, &site.subscription]).to_string();
        let how = *draft.dice.pick(&[How::Standing, How::Scheduled]);
        draft.hold(how, &scope, &holder, ids::SECRETS_USER);
        draft.grant_violates(&["R41"], &scope, &holder, ids::SECRETS_USER);
    } else {
        let flag = if draft.dice.chance(0.5) { json!(false) } else { Value::Null };
        draft.edit(&site.vault, |body| body["properties"]["enableRbacAuthorization"] = flag);
        draft.violates("R41", &site.vault, None, Some("access-policy"));
    }
}

pub(super) fn short_logs(draft: &mut Draft, clean: &Clean) {
    let site = any_site(draft, clean);
    draft.edit(&site.log_workspace, |body| body["properties"]["retentionInDays"] = json!(7));
    draft.violates("V37", &site.log_workspace, None, None);
}

pub(super) fn no_diagnostics(draft: &mut Draft, _: &Clean) {
    let kind = *draft.dice.pick(&[Kind::HostPool, Kind::ApplicationGroup, Kind::Workspace]);
    let id = draft.any(kind);
    let setting = format!("{id}/providers/Microsoft.Insights/diagnosticSettings/avd");
    match draft.dice.below(3) {
        0 => drop(draft.resources.remove(&setting.to_ascii_lowercase())),
        1 => draft.edit(&setting, |body| body["properties"]["workspaceId"] = Value::Null),
        _ => draft.edit(&setting, |body| {
            body["properties"]["logs"] = json!([{"categoryGroup": "allLogs", "enabled": false}]);
        }),
    }
    draft.violates("V38", &id, None, None);
}

pub(super) fn unprotected(draft: &mut Draft, clean: &Clean) {
    let site = any_site(draft, clean);
    if draft.dice.chance(0.5) {
        let name = format!("scratch{}", draft.number());
        let share = share_of(draft, &site.storage, &name);
        // A backup that was deleted is kept for a while, and is none.
        let item = protect(draft, &site.recovery_vault, &site.storage, &name);
        draft.edit(&item, |body| body["properties"]["isScheduledForDeferredDelete"] = json!(true));
        draft.violates("V40", &share, None, Some("protectedItem"));
    } else {
        draft.edit(&site.recovery_vault, |body| {
            body["properties"]["securitySettings"]["softDeleteSettings"]["softDeleteState"] = json!("Disabled");
        });
        draft.violates("V40", &site.recovery_vault, None, Some("softDeleteState"));
    }
}

/// Opens a vault or an account to the public.
fn open(body: &mut Value) {
    body["properties"]["publicNetworkAccess"] = json!("Enabled");
    body["properties"]["networkAcls"] = json!({"defaultAction": "Allow", "bypass": "AzureServices"});
}

pub(super) fn open_vault(draft: &mut Draft, clean: &Clean) {
    let site = any_site(draft, clean);
    let subject = *draft.dice.pick(&["enableRbacAuthorization", "enablePurgeProtection", "publicNetworkAccess"]);
    draft.edit(&site.vault, |body| match subject {
        "publicNetworkAccess" => open(body),
        flag => body["properties"][flag] = json!(false),
    });
    draft.violates("V41", &site.vault, None, Some(subject));
}

pub(super) fn lasting_secret(draft: &mut Draft, clean: &Clean) {
    let site = any_site(draft, clean);
    let number = draft.number();
    let (id, subject) = if draft.dice.chance(0.5) {
        let attributes = json!({"enabled": true, "created": 1_924_992_000_u64});
        (draft.secret(&site.vault, &format!("for-ever-{number}"), attributes), "exp")
    } else {
        let attributes = json!({"enabled": true, "exp": 2_177_452_800_u64, "created": 1_577_836_800_u64});
        (draft.secret(&site.vault, &format!("domain-Join-{number}"), attributes), "created")
    };
    draft.violates("V42", &id, None, Some(subject));
}

pub(super) fn old_certificate(draft: &mut Draft, clean: &Clean) {
    let site = any_site(draft, clean);
    let name = format!("gateway-{}", draft.number());
    // From 2015 to 2028.
    let attributes = json!({"enabled": true, "nbf": 1_420_070_400_u64, "exp": 1_830_297_600_u64});
    let id = draft.certificate(&site.vault, &name, attributes);
    draft.violates("V43", &id, None, None);
}

pub(super) fn open_files(draft: &mut Draft, clean: &Clean) {
    let site = any_site(draft, clean);
    if draft.dice.chance(0.5) {
        draft.edit(&site.storage, open);
        draft.violates("V44", &site.storage, None, Some("publicNetworkAccess"));
    } else {
        let source = *draft.dice.pick(&["None", "AADDS"]);
        draft.edit(&site.storage, |body| {
            body["properties"]["azureFilesIdentityBasedAuthentication"]["directoryServiceOptions"] = json!(source);
        });
        draft.violates("V44", &site.storage, None, Some("directoryServiceOptions"));
    }
}

/// A level for fewer people than open something, as the policy counts them.
pub(super) fn slow_files(draft: &mut Draft, clean: &Clean) {
    let pool = &clean.pools[0];
    let group = pool.resource_group.clone();
    let id = format!("{group}/providers/Microsoft.NetApp/netAppAccounts/anf-avd/capacityPools/slow-{}", draft.number());
    draft.resource(
        &id,
        "Microsoft.NetApp/netAppAccounts/capacityPools",
        json!({
            "properties": {"serviceLevel": "Standard", "size": 1_099_511_627_776_u64},
        }),
    );
    // The people of the first pool are more than this.
    draft.policy["thresholds"]["netapp_standard_users"] = json!(pool.desktop.1.len());
    draft.violates("V46", &id, None, None);
}
