//! The rules on URLs and addresses, by tables of good and hostile ones.

use super::*;

/// Public addresses, one next to each refused range.
#[test]
fn public_addresses_are_open() {
    for ip in [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.1",
        "168.63.129.15",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.1",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2a00:1450:4001:80b::200e",
        "2003::1",
        "2001:db7::1",
        "2a00::5efe:a00:1:1",
    ] {
        for allow in [AllowPrivate::No, AllowPrivate::Yes] {
            assert_eq!(check_ip(ip.parse().unwrap(), allow), Ok(()), "{ip}");
        }
    }
}

#[test]
fn addresses_that_are_not_public_are_refused() {
    for (ip, range) in [
        ("0.0.0.0", Range::Unspecified),
        ("0.1.2.3", Range::Unspecified),
        ("10.0.0.1", Range::Private),
        ("10.255.255.255", Range::Private),
        ("100.64.0.1", Range::SharedNat),
        ("100.100.100.200", Range::SharedNat),
        ("100.127.255.255", Range::SharedNat),
        ("168.63.129.16", Range::Metadata),
        ("169.254.169.254", Range::LinkLocal),
        ("169.254.170.2", Range::LinkLocal),
        ("172.16.0.1", Range::Private),
        ("172.31.255.255", Range::Private),
        ("192.0.0.1", Range::Reserved),
        ("192.0.0.192", Range::Reserved),
        ("192.0.2.1", Range::Documentation),
        ("192.88.99.1", Range::Reserved),
        ("192.168.0.1", Range::Private),
        ("198.18.0.1", Range::Benchmark),
        ("198.19.255.255", Range::Benchmark),
        ("198.51.100.7", Range::Documentation),
        ("203.0.113.9", Range::Documentation),
        ("224.0.0.1", Range::Multicast),
        ("239.255.255.255", Range::Multicast),
        ("240.0.0.1", Range::Reserved),
        ("255.255.255.254", Range::Reserved),
        ("255.255.255.255", Range::Broadcast),
        ("::", Range::Unspecified),
        ("::127.0.0.1", Range::Embedded),
        ("::8.8.8.8", Range::Embedded),
        ("::ffff:127.0.0.1", Range::Embedded),
        ("::ffff:8.8.8.8", Range::Embedded),
        ("::ffff:0:8.8.8.8", Range::Embedded),
        ("64:ff9b::7f00:1", Range::Embedded),
        ("64:ff9b::808:808", Range::Embedded),
        ("64:ff9b:1::a00:1", Range::Embedded),
        ("64:ff9b:1:ffff::1", Range::Embedded),
        ("64:ff9c::1", Range::Reserved),
        ("100::1", Range::Reserved),
        ("2001::1", Range::Embedded),
        ("2001:0:7f00:1::", Range::Embedded),
        ("2001:2::1", Range::Benchmark),
        ("2001:2:1::1", Range::Reserved),
        ("2001:10::1", Range::Reserved),
        ("2001:20::1", Range::Reserved),
        ("2001:1ff:ffff::1", Range::Reserved),
        ("2001:db8::1", Range::Documentation),
        ("2002:7f00:1::1", Range::Embedded),
        ("2002:808:808::1", Range::Embedded),
        ("2620:4f:8000::1", Range::Reserved),
        ("2a00::5efe:10.0.0.1", Range::Embedded),
        ("2a00::200:5efe:10.0.0.1", Range::Embedded),
        ("2a00:1:2:3:100:5efe:a00:1", Range::Embedded),
        ("2a00:1:2:3:300:5efe:808:808", Range::Embedded),
        ("fe80::5efe:10.0.0.1", Range::Embedded),
        ("3ffe::1", Range::Reserved),
        ("3fff::1", Range::Documentation),
        ("3fff:fff::1", Range::Documentation),
        ("4000::1", Range::Reserved),
        ("5f00::1", Range::Reserved),
        ("fc00::1", Range::Private),
        ("fd00:ec2::254", Range::Private),
        ("fd20:ce::254", Range::Private),
        ("fe80::1", Range::LinkLocal),
        ("febf::1", Range::LinkLocal),
        ("fec0::1", Range::Private),
        ("ff02::1", Range::Multicast),
    ] {
        for allow in [AllowPrivate::No, AllowPrivate::Yes] {
            assert_eq!(check_ip(ip.parse().unwrap(), allow), Err(Refusal::PrivateAddress(range)), "{ip} {allow:?}");
        }
    }
}

#[test]
fn loopback_is_open_only_where_private_targets_are() {
    for ip in ["127.0.0.1", "127.255.255.254", "::1"] {
        let ip = ip.parse().unwrap();
        assert_eq!(check_ip(ip, AllowPrivate::No), Err(Refusal::PrivateAddress(Range::Loopback)));
        assert_eq!(check_ip(ip, AllowPrivate::Yes), Ok(()));
    }
}

#[test]
fn one_bad_address_refuses_all() {
    let ips = |text: &[&str]| text.iter().map(|ip| ip.parse().unwrap()).collect::<Vec<IpAddr>>();
    assert_eq!(check_ips(ips(&["1.1.1.1", "2606:4700::1"]), AllowPrivate::No), Ok(()));
    for bad in ["10.0.0.1", "::1", "::ffff:1.1.1.1"] {
        assert!(check_ips(ips(&["1.1.1.1", bad, "8.8.8.8"]), AllowPrivate::No).is_err(), "{bad}");
    }
}

#[test]
fn good_urls_are_taken_and_normalised() {
    for (text, url, host, port) in [
        ("https://example.com", "https://example.com/", "example.com", 443),
        ("HTTPS://Example.COM/Hooks?a=b%20c", "https://example.com/Hooks?a=b%20c", "example.com", 443),
        ("https://example.com:8443/x", "https://example.com:8443/x", "example.com", 8443),
        ("https://example.com:443/x", "https://example.com/x", "example.com", 443),
        ("https://example.com:80/", "https://example.com:80/", "example.com", 80),
        ("https://example.com./x", "https://example.com/x", "example.com", 443),
        ("https://b\u{fc}cher.example/x", "https://xn--bcher-kva.example/x", "xn--bcher-kva.example", 443),
        ("https://\u{ff45}xample\u{3002}com/x", "https://example.com/x", "example.com", 443),
        ("https://ex%61mple.com/x", "https://example.com/x", "example.com", 443),
        ("https://a_b.example.com/x", "https://a_b.example.com/x", "a_b.example.com", 443),
        ("https://example.com/a@b/../c", "https://example.com/c", "example.com", 443),
        ("https://example.com/?to=http://10.0.0.1", "https://example.com/?to=http://10.0.0.1", "example.com", 443),
        ("https://notlocalhost/x", "https://notlocalhost/x", "notlocalhost", 443),
        ("https://internal.example/x", "https://internal.example/x", "internal.example", 443),
        ("https://1.1.1.1/x", "https://1.1.1.1/x", "1.1.1.1", 443),
        ("https://0x01010101/x", "https://1.1.1.1/x", "1.1.1.1", 443),
        ("https://[2606:4700::1111]/x", "https://[2606:4700::1111]/x", "[2606:4700::1111]", 443),
    ] {
        let target = check_url(text, AllowPrivate::No).unwrap_or_else(|refusal| panic!("{text}: {refusal:?}"));
        assert_eq!(target.url().as_str(), url, "{text}");
        assert_eq!(target.host().to_string(), host, "{text}");
        assert_eq!(target.port(), port, "{text}");
        assert!(target.is_https());
    }
}

#[test]
fn hostile_urls_are_refused() {
    use Range::{Embedded, LinkLocal, Loopback, Metadata, Private, Unspecified};
    use Refusal::*;
    let long = format!("https://example.com/{}", "a".repeat(URL_MAX_BYTES));
    let label = format!("https://{}.example/", "a".repeat(64));
    let name = format!("https://{}com/", "a.".repeat(130));
    for (text, refusal) in [
        // Not a URL that means what it seems to.
        ("", Malformed),
        ("example.com", Malformed),
        ("/hooks", Malformed),
        ("//example.com/x", Malformed),
        ("https:", Malformed),
        ("https:/example.com", Malformed),
        ("https:example.com", Malformed),
        ("https://", Malformed),
        ("https:///example.com", Malformed),
        ("https://?x", Malformed),
        ("https://:443/", Malformed),
        ("https://example.com:99999/", Malformed),
        ("https://example.com:-1/", Malformed),
        ("https://example.com:x/", Malformed),
        ("https://exa mple.com/", Malformed),
        (" https://example.com/", Malformed),
        ("https://example.com/ ", Malformed),
        ("https://example.com/\n", Malformed),
        ("ht\ttps://example.com/", Malformed),
        ("https://example.com/\u{0}", Malformed),
        ("https://example.com/a b", Malformed),
        ("https:\\\\example.com\\x", Malformed),
        ("https://example.com\\@10.0.0.1/", Malformed),
        ("https://exam\u{ad}ple..com/", Malformed),
        ("https://example..com/", Malformed),
        ("https://.example.com/", Malformed),
        ("https://example.com../", Malformed),
        ("https://./", Malformed),
        ("https://*.example.com/", Malformed),
        ("https://a,b.example/", Malformed),
        ("https://256.256.256.256/", Malformed),
        ("https://1.2.3.4.5/", Malformed),
        ("https://0xffffffff1/", Malformed),
        ("https://[::1/", Malformed),
        ("https://[fe80::1%25eth0]/", Malformed),
        ("https://xn--/", Malformed),
        (&label, Malformed),
        (&name, Malformed),
        (&long, TooLong),
        // Scheme.
        ("http://example.com/", Scheme),
        ("http://1.1.1.1/", Scheme),
        ("ftp://example.com/", Scheme),
        ("file:///etc/passwd", Scheme),
        ("gopher://example.com/", Scheme),
        ("ws://example.com/", Scheme),
        ("httpss://example.com/", Scheme),
        ("javascript://example.com/%0aalert(1)", Scheme),
        // Parts that do not belong in it.
        ("https://user@example.com/", Userinfo),
        ("https://user:pass@example.com/", Userinfo),
        ("https://:@example.com/", Userinfo),
        ("https://@example.com/", Userinfo),
        ("https://example.com:443@10.0.0.1/", Userinfo),
        ("https://example.com&@10.0.0.1/", Userinfo),
        ("https://example.com/#x", Fragment),
        ("https://example.com/#", Fragment),
        ("https://example.com#@10.0.0.1/", Fragment),
        // Ports of other services.
        ("https://example.com:0/", Port),
        ("https://example.com:22/", Port),
        ("https://example.com:25/", Port),
        ("https://example.com:0025/", Port),
        ("https://example.com:53/", Port),
        ("https://example.com:2375/", Port),
        ("https://example.com:3306/", Port),
        ("https://example.com:5432/", Port),
        ("https://example.com:6379/", Port),
        ("https://example.com:9200/", Port),
        ("https://example.com:11211/", Port),
        ("https://example.com:27017/", Port),
        // Names of this machine and of private networks.
        ("https://localhost/", PrivateName),
        ("https://LOCALHOST:8443/", PrivateName),
        ("https://localhost./", PrivateName),
        ("https://a.localhost/", PrivateName),
        ("https://loc%61lhost/", PrivateName),
        ("https://\u{ff4c}ocalhost/", PrivateName),
        ("https://printer.local/", PrivateName),
        ("https://metadata.google.internal/", PrivateName),
        ("https://router.home.arpa/", PrivateName),
        ("https://localhost.localdomain/", PrivateName),
        // One address in all its spellings.
        ("https://127.0.0.1/", PrivateAddress(Loopback)),
        ("https://127.0.0.1./", PrivateAddress(Loopback)),
        ("https://127.1/", PrivateAddress(Loopback)),
        ("https://127.0.1/", PrivateAddress(Loopback)),
        ("https://2130706433/", PrivateAddress(Loopback)),
        ("https://0x7f000001/", PrivateAddress(Loopback)),
        ("https://0x7f.1/", PrivateAddress(Loopback)),
        ("https://0X7F.0x0.0x0.0x1/", PrivateAddress(Loopback)),
        ("https://0177.0.0.1/", PrivateAddress(Loopback)),
        ("https://017700000001/", PrivateAddress(Loopback)),
        ("https://0177.1/", PrivateAddress(Loopback)),
        ("https://%31%32%37.0.0.1/", PrivateAddress(Loopback)),
        ("https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/", PrivateAddress(Loopback)),
        ("https://\u{2460}\u{2461}\u{2466}.0.0.1/", PrivateAddress(Loopback)),
        ("https://127\u{3002}0\u{ff0e}0.1/", PrivateAddress(Loopback)),
        ("https://[::1]/", PrivateAddress(Loopback)),
        ("https://[0:0:0:0:0:0:0:1]/", PrivateAddress(Loopback)),
        ("https://[::127.0.0.1]/", PrivateAddress(Embedded)),
        ("https://[::ffff:127.0.0.1]/", PrivateAddress(Embedded)),
        ("https://[::ffff:7f00:1]/", PrivateAddress(Embedded)),
        ("https://[0:0:0:0:0:ffff:7f00:1]/", PrivateAddress(Embedded)),
        ("https://[64:ff9b::169.254.169.254]/", PrivateAddress(Embedded)),
        ("https://[2002:a9fe:a9fe::]/", PrivateAddress(Embedded)),
        ("https://0/", PrivateAddress(Unspecified)),
        ("https://0.0.0.0/", PrivateAddress(Unspecified)),
        ("https://0x0/", PrivateAddress(Unspecified)),
        ("https://[::]/", PrivateAddress(Unspecified)),
        // Metadata services and private networks.
        ("https://169.254.169.254/latest/meta-data/", PrivateAddress(LinkLocal)),
        ("https://2852039166/", PrivateAddress(LinkLocal)),
        ("https://0xa9fea9fe/", PrivateAddress(LinkLocal)),
        ("https://169.16689662/", PrivateAddress(LinkLocal)),
        ("https://0251.0376.0251.0376/", PrivateAddress(LinkLocal)),
        ("https://[fd00:ec2::254]/", PrivateAddress(Private)),
        ("https://168.63.129.16/", PrivateAddress(Metadata)),
        ("https://10.1/", PrivateAddress(Private)),
        ("https://192.168.257/", PrivateAddress(Private)),
    ] {
        assert_eq!(check_url(text, AllowPrivate::No).map(|target| target.url), Err(refusal), "{text:?}");
    }
}

#[test]
fn private_targets_open_loopback_and_http_to_it_and_nothing_else() {
    for text in [
        "http://127.0.0.1:40000/hook",
        "http://localhost:8081/hook",
        "http://a.localhost/hook",
        "http://[::1]:8081/hook",
        "http://2130706433/",
        "https://localhost/hook",
        "https://127.0.0.1/hook",
    ] {
        let target = check_url(text, AllowPrivate::Yes).unwrap_or_else(|refusal| panic!("{text}: {refusal:?}"));
        assert_eq!(target.is_https(), text.starts_with("https"), "{text}");
        assert!(check_url(text, AllowPrivate::No).is_err(), "{text}");
    }
    for text in [
        "http://example.com/",
        "http://1.1.1.1/",
        "http://10.0.0.1/",
        "https://10.0.0.1/",
        "http://0.0.0.0/",
        "https://169.254.169.254/",
        "http://[::ffff:127.0.0.1]/",
        "https://metadata.google.internal/",
        "http://user@localhost/",
        "http://localhost/#x",
        "http://localhost:6379/",
        "http://localhost.example.com/",
    ] {
        assert!(check_url(text, AllowPrivate::Yes).is_err(), "{text}");
    }
}

#[test]
fn ports_are_sorted() {
    assert!(PORTS.is_sorted());
}

#[test]
fn refusals_read_as_sentences() {
    let refusal = check_url("https://10.0.0.1/", AllowPrivate::No).unwrap_err();
    assert_eq!(refusal.to_string(), "must lead to a public address, not to a private network");
    assert_eq!(Refusal::TooLong.message(), format!("must be at most {URL_MAX_BYTES} bytes long"));
}

proptest::proptest! {
    /// No spelling of an address is allowed if the address is not.
    #[test]
    fn every_spelling_of_an_address_is_judged_alike(bits: u32, private: bool) {
        // Half of them near the edges of refused ranges.
        let bits = if private { [0x7f00_0000, 0x0a00_0000, 0xa9fe_0000, 0xc0a8_0000][bits as usize % 4] | (bits & 0xffff) } else { bits };
        let ip = Ipv4Addr::from(bits);
        let [a, b, c, d] = ip.octets();
        let (b16, b24) = (bits & 0xffff, bits & 0xff_ffff);
        let verdict = check_ip(IpAddr::V4(ip), AllowPrivate::No);
        for host in [
            format!("{ip}"), format!("{ip}."), format!("{bits}"), format!("{bits:#x}"), format!("0{bits:o}"),
            format!("{a}.{b24}"), format!("{a:#x}.{b}.{b16}"), format!("0{a:o}.{b:#X}.{c}.0{d:o}"),
        ] {
            let judged = check_url(&format!("https://{host}/"), AllowPrivate::No).map(|_| ());
            proptest::prop_assert_eq!(judged, verdict, "{} {}", host, ip);
        }
        for embedded in [
            Ipv6Addr::from(u128::from(bits)),
            ip.to_ipv6_mapped(),
            Ipv6Addr::from((0x64_ff9b << 96) | u128::from(bits)),
            Ipv6Addr::from((0x2002 << 112) | (u128::from(bits) << 80) | 1),
            Ipv6Addr::from((0x2a00 << 112) | (0x5efe << 32) | u128::from(bits)),
        ] {
            let judged = check_url(&format!("https://[{embedded}]/"), AllowPrivate::No);
            proptest::prop_assert!(matches!(judged, Err(Refusal::PrivateAddress(_))), "{}", embedded);
        }
    }

    /// An accepted URL can be used in a request and contains no secrets.
    #[test]
    fn what_is_taken_is_a_plain_https_url(text in "https?://[a-z0-9.:@\\[\\]%_-]{0,20}[/?#a-z|^`{}\"<>'\u{e9}]{0,10}") {
        if let Ok(target) = check_url(&text, AllowPrivate::No) {
            let url = target.url();
            proptest::prop_assert!(target.is_https() && url.username().is_empty() && url.fragment().is_none());
            proptest::prop_assert!(url.as_str().parse::<http::Uri>().is_ok(), "{}", url);
            let again = check_url(url.as_str(), AllowPrivate::No);
            proptest::prop_assert_eq!(again.as_ref(), Ok(&target));
        }
    }
}
