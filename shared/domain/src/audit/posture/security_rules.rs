//! What the rules of a network security group let through: the first that matches, by priority, decides.
//! <https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview>

use super::address::{Versions, prefix};
use super::estate::{items, reference, texts};
use crate::ArmId;
use crate::access::{ArmResource, at};
use ipnet::IpNet;
use serde_json::Value;

/// One rule of a security group.
#[derive(Debug, Clone)]
pub(super) struct SecurityRule<'a> {
    /// What it is called.
    pub name: &'a str,
    /// Its place: the smaller, the earlier.
    pub priority: i64,
    /// Whether it is about what comes in.
    pub is_inbound: bool,
    /// Whether it lets through.
    pub allows: bool,
    /// Its own part of the group's body.
    body: &'a Value,
}

impl<'a> SecurityRule<'a> {
    /// Address prefixes and service tags of one side: `source` or `destination`.
    pub(super) fn addresses(&self, side: &str) -> Vec<&'a str> {
        self.both(side, "AddressPrefix", "AddressPrefixes")
    }

    /// The application security groups of one side.
    pub(super) fn application_groups(&self, side: &str) -> Vec<ArmId> {
        let path = format!("properties/{side}ApplicationSecurityGroups");
        items(self.body, &path).iter().filter_map(|group| reference(group, "id")).collect()
    }

    /// What its maker wrote.
    pub(super) fn description(&self) -> &'a str {
        at(self.body, "properties/description").and_then(Value::as_str).unwrap_or_default()
    }

    fn both(&self, side: &str, one: &str, several: &str) -> Vec<&'a str> {
        let mut all = texts(self.body, &format!("properties/{side}{several}"));
        let single = texts(self.body, &format!("properties/{side}{one}"));
        all.extend(single.into_iter().filter(|text| !text.trim().is_empty()));
        all
    }

    fn protocol(&self) -> &'a str {
        at(self.body, "properties/protocol").and_then(Value::as_str).unwrap_or("*")
    }

    fn is_for_protocol(&self, protocol: &str) -> bool {
        self.protocol() == "*" || self.protocol().eq_ignore_ascii_case(protocol)
    }

    fn is_for_port(&self, port: u16) -> bool {
        let ranges = self.both("destination", "PortRange", "PortRanges");
        ranges.into_iter().any(|range| match range.trim().split_once('-') {
            _ if range.trim() == "*" => true,
            Some((low, high)) => {
                low.parse().is_ok_and(|low: u16| low <= port) && high.parse().is_ok_and(|high: u16| port <= high)
            }
            None => range.trim().parse() == Ok(port),
        })
    }

    /// Of which kind of addresses it is about as good as all on the Internet.
    fn about_internet(&self) -> Versions {
        self.sources(Versions::most_in)
    }

    fn sources(&self, of: impl Fn(&str) -> Versions) -> Versions {
        match self.application_groups("source").is_empty() {
            true => self.addresses("source").into_iter().map(of).fold(Versions::default(), Versions::or),
            false => Versions::default(),
        }
    }

    /// Of which kind of addresses it is about all that comes, from wherever, to whatever and by whichever port. A part of
    /// the Internet, be it half of it, is not all.
    fn about_everything(&self) -> Versions {
        // Nothing comes in to the Internet.
        let any = |text: &str| match text.trim().eq_ignore_ascii_case("Internet") {
            true => Versions::default(),
            false => Versions::all_in(text),
        };
        let is_whole = self.protocol() == "*"
            && self.both("destination", "PortRange", "PortRanges").contains(&"*")
            && self.application_groups("destination").is_empty();
        let to = self.addresses("destination").into_iter().map(any).fold(Versions::default(), Versions::or);
        if is_whole { self.sources(Versions::all_in).and(to) } else { Versions::default() }
    }
}

/// The rules that somebody has put in a security group, in the order in which they are tried.
pub(super) fn rules(group: &ArmResource) -> Vec<SecurityRule<'_>> {
    let mut rules: Vec<SecurityRule<'_>> = group.list("securityRules").iter().filter_map(one).collect();
    rules.sort_by_key(|rule| rule.priority);
    rules
}

fn one(body: &Value) -> Option<SecurityRule<'_>> {
    let text = |path: &str| at(body, path).and_then(Value::as_str);
    Some(SecurityRule {
        name: text("name")?,
        priority: at(body, "properties/priority").and_then(Value::as_i64).unwrap_or(i64::MAX),
        is_inbound: text("properties/direction")?.eq_ignore_ascii_case("Inbound"),
        allows: text("properties/access")?.eq_ignore_ascii_case("Allow"),
        body,
    })
}

/// The rules that let the Internet in: none after those that shut it out altogether.
pub(super) fn open_to_internet(group: &ArmResource) -> Vec<SecurityRule<'_>> {
    let mut shut = Versions::default();
    let mut open = Vec::new();
    for rule in rules(group).into_iter().filter(|rule| rule.is_inbound) {
        if !rule.allows {
            shut = shut.or(rule.about_everything());
        } else if !rule.about_internet().but(shut).is_empty() {
            open.push(rule);
        }
    }
    open
}

/// Where something outside is that machines must reach.
#[derive(Debug)]
pub(super) struct Need {
    /// What it is called.
    pub name: &'static str,
    /// `Tcp` or `Udp`.
    pub protocol: &'static str,
    /// At which port.
    pub port: u16,
    /// Service tags that hold it.
    pub tags: &'static [&'static str],
    /// Its addresses, where they are known; one that can be reached suffices.
    pub addresses: &'static [&'static str],
    /// The shortest literal prefix that counts. Azure lets nothing but rules that name the platform stand in the way
    /// of its own address.
    pub shortest_prefix: u8,
}

/// Whether the rules for what goes out let something through, from these subnets and application security groups. What
/// no rule is about, Azure's own let through.
pub(super) fn lets_out(rules: &[SecurityRule<'_>], need: &Need, subnets: &[IpNet], groups: &[ArmId]) -> bool {
    let reaches = |target: Option<&IpNet>| {
        let decides = |rule: &&SecurityRule<'_>| {
            !rule.is_inbound
                && rule.is_for_protocol(need.protocol)
                && rule.is_for_port(need.port)
                && is_from(rule, subnets, groups)
                && is_to(rule, need, target)
        };
        rules.iter().find(decides).is_none_or(|rule| rule.allows)
    };
    let targets: Vec<IpNet> = need.addresses.iter().filter_map(|text| prefix(text)).collect();
    if targets.is_empty() { reaches(None) } else { targets.iter().any(|target| reaches(Some(target))) }
}

fn is_from(rule: &SecurityRule<'_>, subnets: &[IpNet], groups: &[ArmId]) -> bool {
    let is_all = |text: &str| matches!(text, "*" | "0.0.0.0/0") || text.eq_ignore_ascii_case("VirtualNetwork");
    let holds = |text: &str| prefix(text).is_some_and(|own| subnets.iter().any(|subnet| own.contains(subnet)));
    rule.addresses("source").into_iter().any(|text| is_all(text.trim()) || holds(text))
        || rule.application_groups("source").iter().any(|group| groups.contains(group))
}

fn is_to(rule: &SecurityRule<'_>, need: &Need, target: Option<&IpNet>) -> bool {
    rule.addresses("destination").into_iter().any(|text| {
        let is_tag = need.tags.iter().any(|tag| tag.eq_ignore_ascii_case(text.trim()));
        let is_all = text.trim() == "0.0.0.0/0" && need.tags.contains(&"*");
        let holds =
            |own: IpNet| own.prefix_len() >= need.shortest_prefix && target.is_some_and(|net| own.contains(net));
        is_tag || is_all || prefix(text).is_some_and(holds)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn group(rules: &Value) -> ArmResource {
        let (id, kind) = (ArmId::new("/nsg"), "microsoft.network/networksecuritygroups".to_owned());
        ArmResource { id, kind, location: None, body: json!({ "properties": { "securityRules": rules } }) }
    }

    fn rule(name: &str, priority: u32, direction: &str, access: &str, more: &Value) -> Value {
        let mut properties = json!({
            "priority": priority, "direction": direction, "access": access, "protocol": "*",
            "sourceAddressPrefix": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*",
        });
        for (key, value) in more.as_object().unwrap() {
            properties[key] = value.clone();
        }
        json!({ "name": name, "properties": properties })
    }

    fn open(rules: &[Value]) -> Vec<String> {
        open_to_internet(&group(&json!(rules))).into_iter().map(|rule| rule.name.to_owned()).collect()
    }

    const HTTPS: Need = Need {
        name: "WindowsVirtualDesktop",
        protocol: "Tcp",
        port: 443,
        tags: &["*", "Internet", "WindowsVirtualDesktop"],
        addresses: &[],
        shortest_prefix: 0,
    };

    fn out(rules: &[Value]) -> bool {
        let group = group(&json!(rules));
        lets_out(&super::rules(&group), &HTTPS, &[prefix("10.0.1.0/24").unwrap()], &[ArmId::new("/asg")])
    }

    #[test]
    fn what_is_open_is_what_the_internet_gets_through() {
        let rdp = rule("rdp", 300, "Inbound", "Allow", &json!({"destinationPortRange": "3389"}));
        let office = rule("office", 310, "Inbound", "Allow", &json!({"sourceAddressPrefix": "203.0.113.0/24"}));
        let tag = rule(
            "tag",
            320,
            "inbound",
            "allow",
            &json!({"sourceAddressPrefix": "", "sourceAddressPrefixes": ["10.0.0.0/8", "internet"]}),
        );
        let lent = rule("lent", 330, "Inbound", "Allow", &json!({"sourceApplicationSecurityGroups": [{"id": "/a"}]}));
        let away = rule("away", 340, "Outbound", "Allow", &json!({}));
        assert_eq!(open(&[tag, rdp, office, lent, away]), ["rdp", "tag"]);
    }

    #[test]
    fn nothing_is_open_after_the_internet_was_shut_out() {
        let rdp = rule("rdp", 300, "Inbound", "Allow", &json!({}));
        let shut = |priority| rule("shut", priority, "Inbound", "Deny", &json!({"sourceAddressPrefix": "Internet"}));
        let half = rule("half", 100, "Inbound", "Deny", &json!({"destinationPortRange": "22"}));
        assert_eq!(open(&[rdp.clone(), shut(200)]), [""; 0]);
        assert_eq!(open(&[rdp.clone(), shut(400)]), ["rdp"]);
        assert_eq!(open(&[rdp, half]), ["rdp"]);
    }

    #[test]
    fn a_part_of_the_internet_that_is_shut_out_leaves_the_rest_open() {
        let from = |name: &str, priority: u32, access: &str, sources: &[&str]| {
            rule(
                name,
                priority,
                "Inbound",
                access,
                &json!({"sourceAddressPrefix": "", "sourceAddressPrefixes": sources}),
            )
        };
        let rdp = from("rdp", 200, "Allow", &["*"]);
        let shut = |sources: &[&str], open: &Value| self::open(&[from("shut", 100, "Deny", sources), open.clone()]);
        for part in [&["2.0.0.0/7"][..], &["::/0"], &["0.0.0.0/0"], &["0.0.0.0/1", "::/0"]] {
            assert_eq!(shut(part, &rdp), ["rdp"], "{part:?}");
        }
        for all in [&["*"][..], &["internet"], &["Any"], &["0.0.0.0/0", "::/0"]] {
            assert_eq!(shut(all, &rdp), [""; 0], "{all:?}");
        }
        let (v4, v6) = (from("v4", 200, "Allow", &["0.0.0.0/0"]), from("v6", 200, "Allow", &["::/0"]));
        assert_eq!(shut(&["0.0.0.0/0"], &v4), [""; 0]);
        assert_eq!(shut(&["::/0"], &v6), [""; 0]);
        assert_eq!(shut(&["::/0"], &v4), ["v4"]);
        assert_eq!(shut(&["0.0.0.0/0"], &v6), ["v6"]);
    }

    #[test]
    fn the_first_rule_that_matches_decides_what_goes_out() {
        let deny = |more: Value| rule("deny", 400, "Outbound", "Deny", &more);
        let allow = |more: Value| rule("allow", 300, "Outbound", "Allow", &more);
        assert!(out(&[]));
        assert!(!out(&[deny(json!({}))]));
        assert!(!out(&[deny(json!({"destinationAddressPrefix": "0.0.0.0/0"}))]));
        assert!(out(&[deny(json!({})), allow(json!({"destinationAddressPrefix": "WindowsVirtualDesktop"}))]));
        assert!(out(&[
            deny(json!({})),
            allow(json!({"sourceAddressPrefix": "", "sourceApplicationSecurityGroups": [{"id": "/ASG"}]}))
        ]));
        assert!(!out(&[deny(json!({})), allow(json!({"sourceAddressPrefix": "10.9.0.0/16"}))]));
        assert!(!out(&[
            deny(json!({})),
            allow(json!({"destinationPortRanges": ["80", "444-500"], "destinationPortRange": ""}))
        ]));
        assert!(out(&[deny(json!({"protocol": "Udp"})), deny(json!({"destinationPortRange": "80"}))]));
        assert!(out(&[rule("in", 100, "Inbound", "Deny", &json!({}))]));
    }
}
