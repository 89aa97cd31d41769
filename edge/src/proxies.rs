//! Which proxies in front are believed, and the client that they name in `X-Forwarded-For`. An entry of that header
//! proves something only if the next proxy on the way wrote it: what stands further to the left can be the client's own.

use http::HeaderMap;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The proxies in front that are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Proxies {
    /// None: the peer of a connection is the client.
    #[default]
    Absent,
    /// One, wherever it is: it wrote the last entry.
    Any,
    /// Those in these networks.
    In(Arc<[Network]>),
}

impl Proxies {
    /// Whether clients reach the server by a proxy.
    pub fn are_in_front(&self) -> bool {
        *self != Proxies::Absent
    }

    /// The client of a request from this peer.
    pub(crate) fn client(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Option<IpAddr> {
        match self {
            Proxies::Absent => peer,
            Proxies::Any => entries(headers).next().flatten().or(peer),
            Proxies::In(networks) => {
                let believed = |address: IpAddr| networks.iter().any(|network| network.contains(address));
                let mut client = peer?;
                let mut entries = entries(headers);
                while believed(client) {
                    // What cannot be read names nobody. The proxy that passed it on is then the last that is known.
                    let Some(Some(before)) = entries.next() else { break };
                    client = before;
                }
                Some(client)
            }
        }
    }
}

/// The entries of the header, the last first; `None` for one that is no address. Bytes, since a client may put what it
/// likes before the entry of a proxy.
fn entries(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let lines = headers.get_all(FORWARDED_FOR).iter().rev();
    let entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    entries.map(<[u8]>::trim_ascii).filter(|entry| !entry.is_empty()).map(address)
}

/// The address in an entry: bare, in brackets, or either of both with a port.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let entry = std::str::from_utf8(entry).ok()?;
    let bare = || entry.parse::<IpAddr>().ok();
    let with_port = || entry.parse::<SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || Some(IpAddr::V6(entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok()?));
    bare().or_else(with_port).or_else(bracketed).map(|address| address.to_canonical())
}

/// Addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    bits: u32,
}

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        let (differs, width) = match (self.first, address) {
            (IpAddr::V4(first), IpAddr::V4(address)) => (u128::from(first.to_bits() ^ address.to_bits()), 32),
            (IpAddr::V6(first), IpAddr::V6(address)) => (first.to_bits() ^ address.to_bits(), 128),
            _ => return false,
        };
        differs >> (width - self.bits) == 0
    }
}

/// Why a list of networks is not accepted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotNetworks(String);

impl FromStr for Proxies {
    type Err = NotNetworks;

    fn from_str(text: &str) -> Result<Proxies, NotNetworks> {
        match text {
            "false" => Ok(Proxies::Absent),
            "true" => Ok(Proxies::Any),
            list => {
                let networks = list.split(',').map(|network| network.trim().parse::<Network>());
                Ok(Proxies::In(networks.collect::<Result<Arc<[Network]>, NotNetworks>>()?))
            }
        }
    }
}

impl FromStr for Network {
    type Err = NotNetworks;

    fn from_str(text: &str) -> Result<Network, NotNetworks> {
        let form = || {
            let text = if text.is_empty() { "an empty entry" } else { text };
            NotNetworks(format!("must be true, false, or networks such as 10.0.0.0/8,::1/128; not {text}"))
        };
        let (first, bits) = text.split_once('/').map_or((text, None), |(first, bits)| (first, Some(bits)));
        let first: IpAddr = first.parse().map_err(|_| form())?;
        if first != first.to_canonical() {
            return Err(NotNetworks(format!("{text}: a network of IPv4 is written like 10.0.0.0/8")));
        }
        let width = if first.is_ipv4() { 32 } else { 128 };
        let bits: u32 = match bits {
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => bits.parse().map_err(|_| form())?,
            Some(_) => return Err(form()),
            None => width,
        };
        if bits > width {
            return Err(NotNetworks(format!("{text}: an address has {width} bits")));
        }
        if bits == 0 {
            return Err(NotNetworks(format!("{text}: this believes every client; name the networks of the proxies")));
        }
        let network = Network { first: masked(first, bits), bits };
        if network.first != first {
            return Err(NotNetworks(format!("{text}: the network of this address is {}/{bits}", network.first)));
        }
        Ok(network)
    }
}

/// The address with zeros after so many bits, of which there is at least one.
fn masked(address: IpAddr, bits: u32) -> IpAddr {
    match address {
        IpAddr::V4(four) => Ipv4Addr::from_bits(four.to_bits() & (u32::MAX << (32 - bits))).into(),
        IpAddr::V6(six) => Ipv6Addr::from_bits(six.to_bits() & (u128::MAX << (128 - bits))).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    /// The client for a header of these lines.
    fn client(behind_proxy: &str, peer: &str, lines: &[&[u8]]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(line).expect("a header value"));
        }
        let proxies: Proxies = behind_proxy.parse().expect("proxies");
        proxies.client(&headers, peer.parse().ok()).expect("a client").to_string()
    }

    #[test]
    fn an_entry_may_have_a_port_and_brackets() {
        for (entry, expected) in [
            ("198.51.100.7", Some("198.51.100.7")),
            ("198.51.100.7:49152", Some("198.51.100.7")),
            ("2001:db8::7", Some("2001:db8::7")),
            ("[2001:db8::7]", Some("2001:db8::7")),
            ("[2001:db8::7]:49152", Some("2001:db8::7")),
            ("::ffff:198.51.100.7", Some("198.51.100.7")),
            ("[::ffff:198.51.100.7]:1", Some("198.51.100.7")),
            ("unknown", None),
            ("_hidden", None),
            ("198.51.100", None),
            ("198.51.100.7:", None),
            ("198.51.100.7:65536", None),
            ("[198.51.100.7]", None),
            ("[2001:db8::7", None),
            ("2001:db8::7]", None),
            ("client.example:80", None),
            ("\u{e4}", None),
        ] {
            assert_eq!(address(entry.as_bytes()).map(|address| address.to_string()).as_deref(), expected, "{entry}");
        }
        assert_eq!(address(b"\xff"), None);
    }

    #[test]
    fn without_a_proxy_the_header_is_not_read() {
        assert_eq!(client("false", "192.0.2.1", &[b"198.51.100.7"]), "192.0.2.1");
    }

    #[test]
    fn one_proxy_that_may_be_anywhere_wrote_the_last_entry() {
        let cases: [(&[&[u8]], &str); 7] = [
            (&[b"10.0.0.9, 198.51.100.7", b"10.0.0.9,198.51.100.8"], "198.51.100.8"),
            (&[b"10.0.0.9, [2001:db8::7]:5"], "2001:db8::7"),
            (&[b"198.51.100.7 , "], "198.51.100.7"),
            (&[b"\xff\xfe, 198.51.100.7"], "198.51.100.7"),
            (&[b"198.51.100.7, unknown"], "192.0.2.1"),
            (&[b" ,"], "192.0.2.1"),
            (&[], "192.0.2.1"),
        ];
        for (lines, expected) in cases {
            assert_eq!(client("true", "192.0.2.1", lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn the_client_is_the_last_entry_outside_the_networks() {
        let networks = "10.0.0.0/8, 192.0.2.1,2001:db8:aaaa::/48";
        let cases: [(&str, &[&[u8]], &str); 13] = [
            // From outside nobody is believed.
            ("203.0.113.5", &[b"198.51.100.7"], "203.0.113.5"),
            ("192.0.2.2", &[b"198.51.100.7"], "192.0.2.2"),
            ("2001:db8:aaab::1", &[b"198.51.100.7"], "2001:db8:aaab::1"),
            // One proxy, and several.
            ("192.0.2.1", &[b"198.51.100.7"], "198.51.100.7"),
            ("2001:db8:aaaa:1::1", &[b"198.51.100.7:1, 10.255.255.255, [2001:db8:aaaa::2]:3"], "198.51.100.7"),
            ("10.1.1.1", &[b"198.51.100.7", b"10.1.1.2", b"10.1.1.3"], "198.51.100.7"),
            // The client's own entries come first.
            ("10.1.1.1", &[b"10.1.1.9, 203.0.113.9", b"198.51.100.7, 10.1.1.2"], "198.51.100.7"),
            ("10.1.1.1", &[b"\xff, nonsense, 198.51.100.7"], "198.51.100.7"),
            ("10.1.1.1", &[b"10.1.1.9, ::ffff:198.51.100.7"], "198.51.100.7"),
            // A client inside the networks.
            ("10.1.1.1", &[b"10.1.1.9, 10.1.1.2"], "10.1.1.9"),
            // What names nobody.
            ("10.1.1.1", &[b"198.51.100.7, unknown, 10.1.1.2"], "10.1.1.2"),
            ("10.1.1.1", &[b"unknown"], "10.1.1.1"),
            ("10.1.1.1", &[], "10.1.1.1"),
        ];
        for (peer, lines, expected) in cases {
            assert_eq!(client(networks, peer, lines), expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn a_client_without_an_address_is_no_proxy() {
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED_FOR, HeaderValue::from_static("198.51.100.7"));
        let proxies: Proxies = "10.0.0.0/8".parse().expect("networks");
        assert_eq!(proxies.client(&headers, None), None);
    }

    #[test]
    fn a_network_ends_at_its_last_bit() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0"]),
            ("192.0.2.128/25", ["192.0.2.128", "192.0.2.255"], ["192.0.2.127", "192.0.3.128"]),
            ("128.0.0.0/1", ["128.0.0.0", "255.255.255.255"], ["127.255.255.255", "8000::"]),
            ("192.0.2.1", ["192.0.2.1", "192.0.2.1"], ["192.0.2.0", "::c000:201"]),
            ("fd00::/8", ["fd00::", "fdff:ffff::1"], ["fc00::", "fe00::"]),
            ("8000::/1", ["8000::", "ffff::"], ["7fff::", "128.0.0.1"]),
            ("::1", ["::1", "::1"], ["::2", "0.0.0.1"]),
        ] {
            let network: Network = network.parse().expect("a network");
            let contains = |text: &str| network.contains(text.parse().expect("an address"));
            assert_eq!((inside.map(contains), outside.map(contains)), ([true; 2], [false; 2]), "{network:?}");
        }
    }

    #[test]
    fn a_list_that_means_something_else_is_refused() {
        for (text, said) in [
            ("yes", "must be true, false, or networks"),
            ("", "not an empty entry"),
            ("10.0.0.0/8,", "not an empty entry"),
            ("true,10.0.0.0/8", "not true"),
            ("10.0.0.0/8;::1", "not 10.0.0.0/8;::1"),
            ("10.0.0.0/", "not 10.0.0.0/"),
            ("10.0.0.0/+8", "not 10.0.0.0/+8"),
            ("10.0.0/24", "not 10.0.0/24"),
            ("proxy.example", "not proxy.example"),
            ("10.0.0.0/33", "an address has 32 bits"),
            ("::/129", "an address has 128 bits"),
            ("0.0.0.0/0", "believes every client"),
            ("::1,::/0", "::/0: this believes every client"),
            ("10.1.2.3/8", "the network of this address is 10.0.0.0/8"),
            ("2001:db8::1/32", "the network of this address is 2001:db8::/32"),
            ("::ffff:10.0.0.0/104", "a network of IPv4 is written like"),
        ] {
            let refused = text.parse::<Proxies>().expect_err(text).to_string();
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }
}
