//! What an account should see, as JSON: for tests that compare without a
//! parser of what is served.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    catalogue::{Icons, Model, Offer, Workspace},
    icons,
};
use crate::{auth::account::View, state::Simulation};

/// Everything that both models' feeds offer to an account.
pub(crate) fn expected(simulation: &Simulation, account: &str) -> Value {
    let view = View::of(account);
    let snapshot = simulation.world.current();
    let model = |model: Model| -> Vec<Value> {
        let catalogue = simulation.rendered.catalogue(&snapshot, model, &simulation.options);
        catalogue.seen(view).map(|workspace| of_workspace(workspace, view, simulation.options.seed)).collect()
    };
    json!({
        "account": account,
        "arm": model(Model::Arm),
        "classic": if simulation.feed.is_classic_retired() { Vec::new() } else { model(Model::Classic) },
    })
}

fn of_workspace(workspace: &Workspace, view: View, seed: u64) -> Value {
    json!({
        "id": workspace.id,
        "name": workspace.name,
        "armPath": workspace.arm_path,
        "cloudPc": workspace.is_cloud_pcs,
        "feedPath": workspace.feed_path(true),
        "redirects": workspace.redirects(),
        "resources": workspace.seen(view).map(|offer| of_offer(offer, workspace, seed)).collect::<Vec<_>>(),
    })
}

fn of_offer(offer: &Offer, workspace: &Workspace, seed: u64) -> Value {
    let icon = icons::largest(offer, seed).map(|png| hex(&png));
    let associations: Vec<Value> = offer
        .file_extensions()
        .iter()
        .map(|(extension, primary)| json!({"extension": extension, "primary": primary}))
        .collect();
    let pool = offer.pool.property("objectId");
    json!({
        "id": offer.id,
        "title": offer.title,
        "alias": offer.alias,
        "kind": if offer.is_desktop { "Desktop" } else { "RemoteApp" },
        "cloudPc": offer.is_cloud_pc,
        "lastUpdated": offer.last_updated,
        "armPath": (workspace.model == Model::Arm).then_some(&offer.source.id),
        "hostPool": offer.pool.id,
        "hostPoolObjectId": pool,
        "icon": offer.icons() != Icons::None,
        "iconFormats": match offer.icons() {
            Icons::None => json!([]),
            Icons::Ico => json!(["ico"]),
            Icons::IcoAndPng => json!(["ico", "png"]),
        },
        "iconPngSha256": icon,
        "folders": offer.folders(),
        "fileAssociations": associations,
        "showByDefault": offer.show_by_default().unwrap_or(true),
        "requiredCommandLine": offer.command_line(),
        "rdpEncoding": if offer.dice % 4 == 0 { "utf-16le" } else { "utf-8" },
    })
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
