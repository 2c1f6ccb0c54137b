//! Connection files as AVD hands them out: CRLF, UTF-8 for most and UTF-16LE
//! with a byte order mark for some, a signature that looks like one (nobody
//! could check it), and an `activityhint` that differs each time.

use std::fmt::Write as _;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest as _, Sha256};

use super::catalogue::{Model, Offer, Workspace};

/// What the signature covers, as the file itself says it.
const SIGN_SCOPE: &str = "Full Address,Alternate Full Address,GatewayHostname,GatewayUsageMethod,GatewayProfileUsageMethod,RemoteApplicationProgram,RemoteApplicationMode,RemoteApplicationName,RemoteApplicationCmdLine,LoadBalanceInfo";
/// Blocks of 32 bytes in a signature.
const SIGNATURE_BLOCKS: u8 = 12;

pub(super) fn file(workspace: &Workspace, offer: &Offer, tenant: &str, hint: &str) -> Vec<u8> {
    let text = text(workspace, offer, tenant, hint);
    if offer.dice % 4 == 0 {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect()
    } else {
        text.into_bytes()
    }
}

fn text(workspace: &Workspace, offer: &Offer, tenant: &str, hint: &str) -> String {
    let pool = offer.pool.property("objectId").as_str().unwrap_or("");
    let region = workspace.region;
    let gateway = format!("rdgateway-{region}.wvd.microsoft.com");
    let mut out = String::with_capacity(3000);
    let mut line = |name: &str, value: &str| {
        // One line a property, whatever the title holds.
        let value = value.replace(['\r', '\n'], " ");
        write!(out, "{name}:{value}\r\n").expect("writing to a String cannot fail");
    };
    line("gatewayusagemethod", "i:1");
    line("gatewayprofileusagemethod", "i:1");
    line("gatewaybrokeringtype", "i:1");
    line("wvd endpoint pool", &format!("s:{pool}"));
    line("geo", &format!("s:{}", workspace.geo));
    if workspace.model == Model::Arm {
        line("armpath", &format!("s:{}", offer.pool.id));
    }
    line("aadtenantid", &format!("s:{tenant}"));
    line("full address", &format!("s:{gateway}"));
    line("alternate full address", &format!("s:{gateway}"));
    line("diagnosticserviceurl", &format!("s:https://rdbroker-{region}.wvd.microsoft.com/api/arm/clientdiagnostics"));
    line("hubdiscoverygeourl", &format!("s:https://rdweb-{region}.wvd.microsoft.com/api/arm/hubdiscovery?resourceId="));
    line("resourceprovider", if workspace.model == Model::Arm { "s:arm" } else { "s:rds" });
    line("loadbalanceinfo", &format!("s:mth://localhost/{pool}/{}", offer.id));
    line("workspace id", &format!("s:{}", workspace.id));
    line("gatewayhostname", &format!("s:afdfp-{gateway}:443"));
    line("activityhint", &format!("s:ms-wvd-ep:{hint}?ScaleUnitPath={region}-su{}", hint.len() % 4));
    line("remoteapplicationprogram", &format!("s:||{}", offer.id));
    line("remotedesktopname", &format!("s:{}", offer.title));
    if offer.is_desktop {
        line("remoteapplicationmode", "i:0");
    } else {
        line("remoteapplicationmode", "i:1");
        line("remoteapplicationname", &format!("s:{}", offer.title));
        line("remoteapplicationcmdline", &format!("s:{}", offer.command_line()));
    }
    line("targetisaadjoined", "i:1");
    line("use redirection server name", "i:1");
    let custom = offer.pool.property("customRdpProperty").as_str().unwrap_or("");
    for property in custom.split(';').filter(|property| !property.is_empty()) {
        if let Some((name, value)) = property.split_once(':') {
            line(name, value);
        }
    }
    line("signscope", &format!("s:{SIGN_SCOPE}"));
    line("signature", &format!("s:{}", signature(offer)));
    out
}

/// Bytes that depend on what is covered.
fn signature(offer: &Offer) -> String {
    let covered = format!("{} {} {} {}", offer.id, offer.title, offer.command_line(), offer.pool.id);
    let bytes: Vec<u8> =
        (0..SIGNATURE_BLOCKS).flat_map(|block| Sha256::digest(format!("{block} {covered}").as_bytes())).collect();
    BASE64_STANDARD.encode(bytes)
}
