//! The discovery document: which feeds an account has.

use bytes::Bytes;

use super::{catalogue::Catalogue, xml::Xml};
use crate::auth::account::View;

const NAMESPACE: &str = "http://schemas.microsoft.com/ts/2014/03/tswfdiscovery";

pub(super) fn document(catalogue: &Catalogue, view: View, tenant: &str, origin: &str) -> Bytes {
    let mut xml = Xml::new();
    let root = [("xmlns", NAMESPACE), ("UserIdType", "Organizational"), ("ARMResources", "true")];
    xml.begin("TenantFeedURLs", &root);
    for workspace in catalogue.seen(view) {
        let feed = format!("{origin}{}", workspace.feed_path(false));
        let hub = format!("{origin}/api/arm/hubdiscovery?resourceId=");
        let mut attributes = vec![
            ("TenantId", workspace.id.as_str()),
            ("TenantDisplayName", "Contoso"),
            ("WorkspaceName", workspace.name.as_str()),
            ("FeedURL", feed.as_str()),
            ("Geo", workspace.geo),
            ("HubDiscoveryURL", hub.as_str()),
            ("ContactEmail", "helpdesk@contoso.example"),
            ("ConsentStatus", "Accepted"),
        ];
        attributes.extend(workspace.arm_path.as_deref().map(|path| ("ArmPath", path)));
        if workspace.is_cloud_pcs {
            xml.begin("TenantFeedURL", &attributes);
            xml.begin("Extensions", &[]);
            xml.empty("Extension", &[("Name", "CloudPC"), ("AadTenantId", tenant)]);
            xml.end();
            xml.end();
        } else {
            xml.empty("TenantFeedURL", &attributes);
        }
    }
    xml.finish().into()
}
