//! The rules for webhook targets: which URLs and which addresses are allowed. The core applies them when an endpoint is
//! created or changed, the worker at every attempt. Pure: nothing is resolved or connected to here.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};
use url::{Host, Url};

/// Greatest length of a webhook's URL, in bytes.
pub const URL_MAX_BYTES: usize = 2048;

/// Whether targets on this machine are allowed: `webhooks.allow_private_targets`. It allows loopback and `http`, never
/// the networks that the machine is part of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AllowPrivate {
    /// Public addresses only.
    #[default]
    No,
    /// Loopback as well.
    Yes,
}

/// An allowed URL. The addresses of its host are checked separately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    url: Url,
    host: Host,
    port: u16,
}

impl Target {
    /// The normalised URL, without a dot at the end of the host.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The host: an ASCII name in lower case without a dot at its end, or an address.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port, explicit or the scheme's default.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the scheme is `https`.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }
}

/// Why a URL or an address is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Longer than [`URL_MAX_BYTES`].
    TooLong,
    /// Not a URL with a host.
    Malformed,
    /// Neither `https` nor, where allowed, `http` to this machine.
    Scheme,
    /// Has a user name or password.
    Userinfo,
    /// Has a fragment.
    Fragment,
    /// The port belongs to a service other than the web.
    Port,
    /// The host name has a meaning on private networks only.
    PrivateName,
    /// The address is not on the public internet.
    PrivateAddress(Range),
}

impl Refusal {
    /// What the URL must be; a sentence that follows the field's name.
    pub const fn message(self) -> &'static str {
        match self {
            Refusal::TooLong => "must be at most 2048 bytes long",
            Refusal::Malformed => "must be a URL such as https://example.com/hooks",
            Refusal::Scheme => "must begin with https://",
            Refusal::Userinfo => "must not hold a user name or password",
            Refusal::Fragment => "must not have a part after #",
            Refusal::Port => "must not use the port of a service that is not the web",
            Refusal::PrivateName | Refusal::PrivateAddress(_) => "must lead to a public address",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::PrivateAddress(range) => write!(f, "{}, not to {}", self.message(), range.name()),
            _ => f.write_str(self.message()),
        }
    }
}

impl std::error::Error for Refusal {}

/// The kind of an address that is not public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// This machine.
    Loopback,
    /// A private network (RFC 1918, RFC 4193, RFC 3879).
    Private,
    /// Link-local (RFC 3927, RFC 4291); the metadata services of most clouds have such addresses.
    LinkLocal,
    /// Carrier-grade NAT (RFC 6598).
    SharedNat,
    /// A cloud's internal service at a public address.
    Metadata,
    /// Unspecified (`0.0.0.0/8`, `::`).
    Unspecified,
    /// Multicast.
    Multicast,
    /// Broadcast.
    Broadcast,
    /// Documentation (RFC 5737, RFC 3849, RFC 9637).
    Documentation,
    /// Benchmarks (RFC 2544, RFC 5180).
    Benchmark,
    /// An IPv4 address embedded in an IPv6 address: mapped, compatible, NAT64, 6to4, Teredo or ISATAP.
    Embedded,
    /// Anything else that is not assigned to hosts.
    Reserved,
}

impl Range {
    /// Name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Range::Loopback => "this machine",
            Range::Private => "a private network",
            Range::LinkLocal => "a link-local address",
            Range::SharedNat => "a carrier's private network",
            Range::Metadata => "a cloud's metadata service",
            Range::Unspecified => "an unspecified address",
            Range::Multicast => "a multicast address",
            Range::Broadcast => "a broadcast address",
            Range::Documentation => "an address of documentation",
            Range::Benchmark => "an address of benchmarks",
            Range::Embedded => "an IPv4 address inside an IPv6 one",
            Range::Reserved => "a reserved address",
        }
    }
}

/// Ports of services other than the web: those that browsers block (the fetch standard's list), and databases, queues,
/// caches and control planes that trust whoever connects. Sorted.
#[rustfmt::skip]
const PORTS: &[u16] = &[
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109,
    110, 111, 113, 115, 117, 119, 123, 135, 137, 138, 139, 143, 161, 162, 179, 389, 427, 445, 465, 512, 513, 514, 515,
    526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 623, 636, 853, 873, 989, 990, 992, 993, 995, 1080, 1433,
    1434, 1521, 1719, 1720, 1723, 1883, 2049, 2181, 2375, 2376, 2379, 2380, 3128, 3306, 3389, 3659, 4045, 4190, 4369,
    5060, 5061, 5432, 5671, 5672, 5900, 5984, 5985, 5986, 6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697,
    7000, 7001, 8883, 9042, 9092, 9160, 9200, 9300, 10080, 10250, 10255, 11211, 27017, 27018, 27019, 28015,
];

/// Names that have a meaning on private networks only, whatever they resolve to (RFC 6761, RFC 6762, RFC 8375).
const PRIVATE_SUFFIXES: &[&str] = &["local", "internal", "home.arpa", "localdomain"];

/// Checks everything in a URL that needs no name look-up; [`check_ip`] checks the addresses.
///
/// # Errors
/// The first rule that it violates.
pub fn check_url(text: &str, allow: AllowPrivate) -> Result<Target, Refusal> {
    if text.len() > URL_MAX_BYTES {
        return Err(Refusal::TooLong);
    }
    // The parser drops tabs and line ends, and reads `\` as `/` and `https:x` as `https://x`: what a person sees and
    // what is used would differ.
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err(Refusal::Malformed);
    }
    let (scheme, rest) = text.split_once("://").ok_or(Refusal::Malformed)?;
    let http = scheme.eq_ignore_ascii_case("http");
    if !http && !scheme.eq_ignore_ascii_case("https") {
        return Err(Refusal::Scheme);
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() {
        return Err(Refusal::Malformed);
    }
    // Also an empty one, which the parser drops.
    if authority.contains('@') {
        return Err(Refusal::Userinfo);
    }
    let mut url = Url::parse(text).map_err(|_| Refusal::Malformed)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refusal::Userinfo);
    }
    if rest.contains('#') {
        return Err(Refusal::Fragment);
    }
    let host = host(&mut url)?;
    check_host(&host, allow)?;
    if http && !(allow == AllowPrivate::Yes && is_loopback(&host)) {
        return Err(Refusal::Scheme);
    }
    let port = url.port_or_known_default().ok_or(Refusal::Malformed)?;
    if PORTS.binary_search(&port).is_ok() {
        return Err(Refusal::Port);
    }
    Ok(Target { url, host, port })
}

/// The normalised host; a dot at the end of a name is removed from the URL as well.
fn host(url: &mut Url) -> Result<Host, Refusal> {
    let name = match url.host() {
        Some(Host::Ipv4(ip)) => return Ok(Host::Ipv4(ip)),
        Some(Host::Ipv6(ip)) => return Ok(Host::Ipv6(ip)),
        Some(Host::Domain(name)) => name.strip_suffix('.').unwrap_or(name).to_owned(),
        None => return Err(Refusal::Malformed),
    };
    // The parser accepts names that DNS does not.
    let known = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
    let label = |label: &str| !label.is_empty() && label.len() <= 63 && label.bytes().all(known);
    if name.len() > 253 || !name.split('.').all(label) {
        return Err(Refusal::Malformed);
    }
    url.set_host(Some(&name)).map_err(|_| Refusal::Malformed)?;
    match url.host() {
        // Without the dot it must still be a name.
        Some(Host::Domain(again)) if again == name => Ok(Host::Domain(name)),
        _ => Err(Refusal::Malformed),
    }
}

fn check_host(host: &Host, allow: AllowPrivate) -> Result<(), Refusal> {
    match host {
        Host::Ipv4(ip) => check_ip(IpAddr::V4(*ip), allow),
        Host::Ipv6(ip) => check_ip(IpAddr::V6(*ip), allow),
        Host::Domain(name) if is_under(name, "localhost") => match allow {
            AllowPrivate::Yes => Ok(()),
            AllowPrivate::No => Err(Refusal::PrivateName),
        },
        Host::Domain(name) if PRIVATE_SUFFIXES.iter().any(|suffix| is_under(name, suffix)) => Err(Refusal::PrivateName),
        Host::Domain(_) => Ok(()),
    }
}

fn is_under(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn is_loopback(host: &Host) -> bool {
    match host {
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
        Host::Domain(name) => is_under(name, "localhost"),
    }
}

/// Checks all addresses of a name: one refused address refuses all, since a client may use any of them.
///
/// # Errors
/// The first address that is refused.
pub fn check_ips(ips: impl IntoIterator<Item = IpAddr>, allow: AllowPrivate) -> Result<(), Refusal> {
    ips.into_iter().try_for_each(|ip| check_ip(ip, allow))
}

/// Checks one address.
///
/// # Errors
/// [`Refusal::PrivateAddress`] unless it is a host's on the public internet, or loopback where that is allowed.
pub fn check_ip(ip: IpAddr, allow: AllowPrivate) -> Result<(), Refusal> {
    let range = match ip {
        IpAddr::V4(ip) => range_v4(ip),
        IpAddr::V6(ip) => range_v6(ip),
    };
    match range {
        None => Ok(()),
        Some(Range::Loopback) if allow == AllowPrivate::Yes => Ok(()),
        Some(range) => Err(Refusal::PrivateAddress(range)),
    }
}

/// From IANA's registry of special-purpose addresses; infrastructure anycast is no receiver either.
fn range_v4(ip: Ipv4Addr) -> Option<Range> {
    Some(match ip.octets() {
        [0, ..] => Range::Unspecified,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Range::Private,
        [100, 64..=127, ..] => Range::SharedNat,
        [127, ..] => Range::Loopback,
        [169, 254, ..] => Range::LinkLocal,
        // Azure's platform service: a public address that every virtual machine there reaches.
        [168, 63, 129, 16] => Range::Metadata,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Range::Documentation,
        [198, 18..=19, ..] => Range::Benchmark,
        [192, 0, 0, _] | [192, 31, 196, _] | [192, 52, 193, _] | [192, 88, 99, _] | [192, 175, 48, _] => {
            Range::Reserved
        }
        [224..=239, ..] => Range::Multicast,
        [255, 255, 255, 255] => Range::Broadcast,
        [240..=255, ..] => Range::Reserved,
        _ => return None,
    })
}

fn range_v6(ip: Ipv6Addr) -> Option<Range> {
    Some(match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Range::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Range::Loopback,
        // Compatible, mapped, translated (RFC 2765); NAT64, well-known and local (RFC 6052, RFC 8215).
        [0, 0, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0, 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => Range::Embedded,
        [0x64, 0xff9b, 0 | 1, ..] => Range::Embedded,
        // Teredo (RFC 4380) and 6to4 (RFC 3056).
        [0x2001, 0, ..] | [0x2002, ..] => Range::Embedded,
        // ISATAP (RFC 5214), under any prefix, with both bits that its identifier leaves open.
        [_, _, _, _, id, 0x5efe, ..] if id & !0x0300 == 0 => Range::Embedded,
        [0xfc00..=0xfdff, ..] => Range::Private,
        [0xfe80..=0xfebf, ..] => Range::LinkLocal,
        [0xfec0..=0xfeff, ..] => Range::Private,
        [0xff00..=0xffff, ..] => Range::Multicast,
        [0x2001, 0x0002, 0, ..] => Range::Benchmark,
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Range::Documentation,
        // Protocol assignments (RFC 2928), AS112 (RFC 7534), and the former 6bone.
        [0x2001, 0..=0x01ff, ..] | [0x2620, 0x4f, 0x8000, ..] | [0x3ffe, ..] => Range::Reserved,
        // Only 2000::/3 is assigned to hosts.
        [0x2000..=0x3fff, ..] => return None,
        _ => Range::Reserved,
    })
}

#[cfg(test)]
mod tests;
