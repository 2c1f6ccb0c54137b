//! Address prefixes as Azure writes them: `10.0.0.0/16`, or a single address.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::IpAddr;

/// How many addresses of each subnet Azure keeps for itself.
/// <https://learn.microsoft.com/azure/virtual-network/virtual-networks-faq>
const RESERVED: u64 = 5;
/// A shorter IPv4 prefix than this is as good as the whole Internet.
const SHORTEST_V4: u8 = 8;
/// A shorter IPv6 prefix likewise.
const SHORTEST_V6: u8 = 16;

/// A prefix or a single address; nothing for a service tag or anything else. Bits of the host are cut off.
pub(super) fn prefix(text: &str) -> Option<IpNet> {
    let text = text.trim();
    let net = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    net.map(|net| net.trunc())
}

/// Kinds of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Versions {
    /// Those of IPv4.
    pub v4: bool,
    /// Those of IPv6.
    pub v6: bool,
}

impl Versions {
    const BOTH: Self = Self { v4: true, v6: true };

    /// Those that are in one or in the other.
    pub(super) fn or(self, other: Self) -> Self {
        Self { v4: self.v4 || other.v4, v6: self.v6 || other.v6 }
    }

    /// Those that are in both.
    pub(super) fn and(self, other: Self) -> Self {
        Self { v4: self.v4 && other.v4, v6: self.v6 && other.v6 }
    }

    /// Those that are not in the other.
    pub(super) fn but(self, other: Self) -> Self {
        Self { v4: self.v4 && !other.v4, v6: self.v6 && !other.v6 }
    }

    /// Whether there are none.
    pub(super) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// The kind of which a text stands for every address: any, the Internet, or a prefix of length 0.
    pub(super) fn all_in(text: &str) -> Self {
        match prefix(text) {
            _ if is_word(text) => Self::BOTH,
            Some(net) if net.prefix_len() == 0 => Self::of(&net),
            _ => Self::default(),
        }
    }

    /// The kind of which a text stands for so many addresses that they are as good as all.
    pub(super) fn most_in(text: &str) -> Self {
        let shortest = |net: &IpNet| match net {
            IpNet::V4(_) => SHORTEST_V4,
            IpNet::V6(_) => SHORTEST_V6,
        };
        match prefix(text) {
            _ if is_word(text) => Self::BOTH,
            Some(net) if net.prefix_len() < shortest(&net) => Self::of(&net),
            _ => Self::default(),
        }
    }

    fn of(net: &IpNet) -> Self {
        let v4 = matches!(net, IpNet::V4(_));
        Self { v4, v6: !v4 }
    }
}

/// Whether a text is a word for everybody.
fn is_word(text: &str) -> bool {
    ["*", "Internet", "Any"].iter().any(|word| text.trim().eq_ignore_ascii_case(word))
}

/// Whether two prefixes share an address.
pub(super) fn overlap(a: &IpNet, b: &IpNet) -> bool {
    a.contains(b) || b.contains(a)
}

/// Whether a prefix is of addresses that are reachable from everywhere: none of private, shared, local and multicast
/// use. <https://www.iana.org/assignments/iana-ipv4-special-registry>
pub(super) fn is_public(net: &IpNet) -> bool {
    const V4: [&str; 7] = [
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "224.0.0.0/3",
    ];
    const V6: [&str; 3] = ["fc00::/7", "fe80::/10", "ff00::/8"];
    match net {
        IpNet::V4(net) => !V4.iter().filter_map(|own| own.parse::<Ipv4Net>().ok()).any(|own| own.contains(net)),
        IpNet::V6(net) => !V6.iter().filter_map(|own| own.parse::<Ipv6Net>().ok()).any(|own| own.contains(net)),
    }
}

/// How many addresses Azure gives out of a subnet's prefixes; those of IPv6 do not count, for they never run out.
pub(super) fn capacity(prefixes: &[IpNet]) -> u64 {
    let of = |net: &IpNet| match net {
        IpNet::V4(net) => (1_u64 << (32 - net.prefix_len())).saturating_sub(RESERVED),
        IpNet::V6(_) => 0,
    };
    prefixes.iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        prefix(text).unwrap()
    }

    #[test]
    fn prefixes_addresses_and_tags_are_told_apart() {
        assert_eq!(net("10.1.2.3/16").to_string(), "10.1.0.0/16");
        assert_eq!(net(" 10.1.2.3 ").to_string(), "10.1.2.3/32");
        assert_eq!(net("2001:db8::1").to_string(), "2001:db8::1/128");
        assert_eq!([prefix("Internet"), prefix("10.0.0.0/33"), prefix("*")], [None, None, None]);
    }

    #[test]
    fn prefixes_overlap_if_one_holds_the_other() {
        assert!(overlap(&net("10.0.0.0/8"), &net("10.9.0.0/24")) && overlap(&net("10.9.0.0/24"), &net("10.0.0.0/8")));
        assert!(!overlap(&net("10.0.0.0/24"), &net("10.0.1.0/24")));
        assert!(!overlap(&net("0.0.0.0/0"), &net("::/0")));
    }

    #[test]
    fn everybody_is_written_in_many_ways() {
        let (v4, v6) = (Versions { v4: true, v6: false }, Versions { v4: false, v6: true });
        for word in ["*", "internet", " any "] {
            assert_eq!(Versions::most_in(word), Versions::BOTH, "{word}");
        }
        for most in ["0.0.0.0/0", "128.0.0.0/1", "10.0.0.0/7"] {
            assert_eq!(Versions::most_in(most), v4, "{most}");
        }
        for most in ["::/0", "2000::/3", "2000::/15"] {
            assert_eq!(Versions::most_in(most), v6, "{most}");
        }
        for some in ["VirtualNetwork", "10.0.0.0/8", "203.0.113.0/24", "2001::/16", "AzureLoadBalancer", ""] {
            assert!(Versions::most_in(some).is_empty(), "{some}");
        }
    }

    #[test]
    fn private_addresses_are_not_public() {
        assert!(is_public(&net("203.0.113.7")) && is_public(&net("2a01::/32")) && is_public(&net("172.32.0.0/16")));
        for own in ["10.2.0.0/16", "172.31.0.1", "192.168.1.0/24", "169.254.169.254", "fd00::1"] {
            assert!(!is_public(&net(own)), "{own}");
        }
    }

    #[test]
    fn azure_keeps_five_addresses_of_each_prefix() {
        assert_eq!(capacity(&[net("10.0.0.0/24"), net("10.1.0.0/29")]), 251 + 3);
        assert_eq!(capacity(&[net("10.0.0.0/31"), net("fd00::/64")]), 0);
        assert_eq!(capacity(&[net("0.0.0.0/0")]), (1 << 32) - 5);
    }
}
