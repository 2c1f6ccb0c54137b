//! Reads `TenantFeedURLs`.

use super::bounds::too_many;
use super::reader::{Reader, attributes, children, owned};
use super::{Discovery, MAX_TENANT_FEEDS, TenantFeed, TswpError};
use roxmltree::Node;

/// The name of the extension that marks feeds of Windows 365.
const CLOUD_PC: &str = "CloudPC";

pub(super) fn read<'d>(root: Node<'d, 'd>, reader: &mut Reader<'d>) -> Result<Discovery, TswpError> {
    let mut discovery = Discovery::default();
    for attribute in attributes(root) {
        match attribute.name() {
            "UserIdType" => discovery.user_id_type = owned(reader.token(root, &attribute)),
            "ClassicResources" => discovery.classic_resources = reader.truth(root, &attribute),
            "ARMResources" => discovery.arm_resources = reader.truth(root, &attribute),
            _ => {}
        }
    }
    for (count, element) in children(root, "TenantFeedURL").enumerate() {
        if count == MAX_TENANT_FEEDS {
            return Err(too_many(reader.text, element.range().start, "feeds", MAX_TENANT_FEEDS));
        }
        let feed = tenant_feed(element, reader);
        if feed.feed_url.is_empty() {
            reader.skip(element, || "a feed without FeedURL".into());
        } else {
            discovery.feeds.push(feed);
        }
    }
    Ok(discovery)
}

fn tenant_feed<'d>(element: Node<'d, 'd>, reader: &mut Reader<'d>) -> TenantFeed {
    let mut feed = TenantFeed { cloud_pc: is_cloud_pc(element), ..TenantFeed::default() };
    for attribute in attributes(element) {
        let (words, token) = (Reader::words, Reader::token);
        let (slot, read): (_, fn(&mut Reader<'d>, _, &_) -> _) = match attribute.name() {
            "FeedURL" => {
                feed.feed_url = reader.token(element, &attribute).unwrap_or_default().into_owned();
                continue;
            }
            "TenantId" => (&mut feed.tenant_id, token),
            "TenantDisplayName" => (&mut feed.tenant_display_name, words),
            "WorkspaceName" => (&mut feed.workspace_name, words),
            "Geo" => (&mut feed.geo, token),
            "ArmPath" => (&mut feed.arm_path, token),
            "HubDiscoveryURL" => (&mut feed.hub_discovery_url, token),
            "ContactEmail" => (&mut feed.contact_email, token),
            "ConsentStatus" => (&mut feed.consent_status, token),
            _ => continue,
        };
        *slot = owned(read(reader, element, &attribute));
    }
    feed
}

fn is_cloud_pc(feed: Node<'_, '_>) -> bool {
    let extensions = feed.children().filter(|child| child.tag_name().name() == "Extensions");
    let mut extensions = extensions.flat_map(|list| list.children());
    extensions.any(|extension| {
        extension.tag_name().name() == "Extension"
            && extension.attributes().any(|attribute| attribute.name() == "Name" && attribute.value() == CLOUD_PC)
    })
}
