//! The look-alikes of the threat model, once as a table and once as properties.

use proptest::prelude::*;

use super::*;

fn pattern(text: &str) -> DomainPattern {
    DomainPattern::parse(text, true).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn origin(text: &str) -> Origin {
    Origin::parse(text, true).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refusal(text: &str) -> String {
    match DomainPattern::parse(text, false) {
        Ok(pattern) => panic!("{text} was taken for {pattern}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn scheme_slash_case_and_script_are_normalised() {
    for (text, normalised) in [
        ("example.com", "example.com"),
        ("https://Example.COM/", "example.com"),
        ("HTTP://example.com", "example.com"),
        ("*.Example.com", "*.example.com"),
        ("https://*.example.co.uk/", "*.example.co.uk"),
        ("münchen.de", "xn--mnchen-3ya.de"),
        ("MÜNCHEN.de", "xn--mnchen-3ya.de"),
        ("xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("ｅｘａｍｐｌｅ.com", "example.com"),
        ("me.github.io", "me.github.io"),
        ("*.me.github.io", "*.me.github.io"),
        ("r3---sn-4g5e6nez.example.com", "r3---sn-4g5e6nez.example.com"),
        ("http://localhost:8081/", "localhost:8081"),
        ("shop.localhost:8081", "shop.localhost:8081"),
        ("127.0.0.1:8081", "127.0.0.1:8081"),
    ] {
        assert_eq!(pattern(text).to_string(), normalised);
    }
}

#[test]
fn everything_else_is_refused_with_what_to_write_instead() {
    let long = format!("{}.com", "a.".repeat(148) + "bcd");
    for (text, sentence) in [
        ("", "no domain was given"),
        ("https://", "no domain was given"),
        ("ftp://example.com", "ftp:// is not how web pages are loaded"),
        ("https://example.com/shop", "write the domain alone, such as example.com"),
        ("example.com//", "write the domain alone, such as example.com"),
        ("example.com?x=1", "write the domain alone, such as example.com"),
        ("https://example.com@evil.com", "write the domain alone, such as evil.com"),
        ("https://example.com\\@evil.com", "write the domain alone"),
        ("example.com:8443", "every https port of a domain is covered: write example.com"),
        ("*.example.com:443", "write *.example.com"),
        ("example.com:", "not a valid domain name"),
        ("example.com:99999", "not a valid domain name"),
        ("192.168.0.1", "192.168.0.1 is an address"),
        ("2130706433", "2130706433 is an address"),
        ("0x7f.1", "0x7f.1 is an address"),
        ("0x7f000001", "is an address"),
        ("127.0.0.0x1", "is an address"),
        ("*.1.2.3.4", "is an address"),
        ("①.②.③.④", "is an address"),
        ("[::1]", "is an address"),
        ("::1", "is an address"),
        ("[::ffff:1.2.3.4]:443", "is an address"),
        ("com", "com is a public suffix"),
        ("co.uk", "co.uk is a public suffix"),
        ("github.io", "github.io is a public suffix"),
        ("*.com", "com is a public suffix"),
        ("*.co.uk", "co.uk is a public suffix"),
        ("*.github.io", "write a domain of your own below it, such as example.github.io"),
        ("*.GITHUB.io", "github.io is a public suffix"),
        ("*.kawasaki.jp", "is a public suffix"),
        ("*", "a * may only stand first"),
        ("*.", "not a valid domain name"),
        ("*.*.example.com", "a * may only stand first"),
        ("a.*.example.com", "a * may only stand first"),
        ("*example.com", "a * may only stand first"),
        ("＊.example.com", "not a valid domain name"),
        ("intranet", "intranet has no dot in it"),
        ("EXAMPLE.com.", "write example.com"),
        (".example.com", "not a valid domain name"),
        ("a..example.com", "not a valid domain name"),
        ("-a.example.com", "not a valid domain name"),
        ("a-.example.com", "not a valid domain name"),
        ("under_score.example.com", "'_' cannot be part"),
        ("exa mple.com", "' ' cannot be part"),
        (" example.com", "' ' cannot be part"),
        ("example.com\n", "'\\n' cannot be part"),
        ("exa%6dple.com", "'%' cannot be part"),
        ("a,b.com", "',' cannot be part"),
        ("😀.example.com", "'😀' cannot be part of a domain name"),
        ("xn--e28h.com", "'😀' cannot be part of a domain name"),
        ("i❤.ws", "cannot be part of a domain name"),
        ("xn--zzzzzzzz.example.com", "not a valid domain name"),
        ("localhost", "localhost is this computer"),
        ("localhost:8081", "localhost is this computer"),
        ("x.localhost:8081", "x.localhost is this computer"),
        (&long, "the domain has 303 characters"),
        (&format!("{}.com", "a".repeat(64)), "not a valid domain name"),
        (&"x".repeat(5000), "the domain has 5000 characters"),
    ] {
        let refusal = refusal(text);
        assert!(refusal.contains(sentence), "{text:?} was answered with: {refusal}");
    }
}

#[test]
fn loopback_needs_a_port_and_has_no_wildcard() {
    for text in ["localhost", "http://localhost/", "*.localhost:8081", "127.0.0.1"] {
        let error = DomainPattern::parse(text, true).unwrap_err().to_string();
        assert!(error.contains("needs its port"), "{text}: {error}");
    }
}

#[test]
fn an_origin_is_taken_only_as_a_browser_serialises_it() {
    for text in
        ["https://example.com", "https://a.example.com:8443", "https://xn--mnchen-3ya.de", "https://a_b.com"]
    {
        assert_eq!(Origin::parse(text, false).unwrap().as_str(), text);
    }
    for (text, error) in [
        ("null", OriginError::Opaque),
        ("", OriginError::NotExact),
        ("example.com", OriginError::NotExact),
        ("http://example.com", OriginError::NotHttps),
        ("http://localhost:8081", OriginError::NotHttps),
        ("file:///etc", OriginError::NotExact),
        ("data:text/html,x", OriginError::NotExact),
        ("chrome-extension://abc", OriginError::NotExact),
        ("https://example.com/", OriginError::NotExact),
        ("https://example.com/path", OriginError::NotExact),
        ("https://example.com?q", OriginError::NotExact),
        ("https://example.com#f", OriginError::NotExact),
        ("https://user@example.com", OriginError::NotExact),
        ("https://example.com@evil.com", OriginError::NotExact),
        ("https://EXAMPLE.com", OriginError::NotExact),
        ("HTTPS://example.com", OriginError::NotExact),
        ("https://example.com.", OriginError::NotExact),
        ("https://a..example.com", OriginError::NotExact),
        ("https://example.com:443", OriginError::NotExact),
        ("https://münchen.de", OriginError::NotExact),
        ("https://example.com, https://evil.com", OriginError::NotExact),
        ("https://example.com https://evil.com", OriginError::NotExact),
        (" https://example.com", OriginError::NotExact),
        ("https://1.2.3.4", OriginError::Address),
        ("https://[::1]", OriginError::Address),
        ("https://2130706433", OriginError::NotExact),
    ] {
        assert_eq!(Origin::parse(text, false), Err(error), "{text}");
    }
    assert_eq!(Origin::parse("http://localhost", true), Err(OriginError::NotHttps));
    assert_eq!(Origin::parse("http://localhost.evil.com:8081", true), Err(OriginError::NotHttps));
    assert_eq!(origin("http://localhost:8081").port(), Some(8081));
}

#[test]
fn look_alikes_do_not_match() {
    for (text, matching, others) in [
        (
            "example.com",
            &["https://example.com", "https://example.com:8443"][..],
            &[
                "https://www.example.com",
                "https://example.com.evil.com",
                "https://evil-example.com",
                "https://evilexample.com",
                "https://example.co",
                "https://xn--xample-2of.com",
                "http://localhost:8081",
            ][..],
        ),
        (
            "*.example.com",
            &["https://example.com", "https://www.example.com", "https://a.b.example.com:444"],
            &[
                "https://evil-example.com",
                "https://evilexample.com",
                "https://example.com.evil.com",
                "https://com",
            ],
        ),
        (
            "localhost:8081",
            &["http://localhost:8081"],
            &[
                "http://localhost:8082",
                "https://localhost:8081",
                "https://localhost",
                "http://x.localhost:8081",
            ],
        ),
    ] {
        let pattern = pattern(text);
        for origin_text in matching {
            assert!(pattern.matches(&origin(origin_text)), "{text} does not match {origin_text}");
        }
        for origin_text in others {
            assert!(!pattern.matches(&origin(origin_text)), "{text} matches {origin_text}");
        }
    }
}

#[test]
fn a_homograph_becomes_another_name_and_does_not_match() {
    let cyrillic = pattern("еxample.com");
    assert_ne!(cyrillic.to_string(), "example.com");
    assert!(!cyrillic.matches(&origin("https://example.com")));
}

#[test]
fn candidates_go_from_the_host_to_ever_wider_wildcards() {
    assert_eq!(
        DomainPattern::candidates(&origin("https://a.b.example.com:8443")),
        ["a.b.example.com", "*.a.b.example.com", "*.b.example.com", "*.example.com"],
    );
    assert_eq!(DomainPattern::candidates(&origin("http://localhost:8081")), ["localhost:8081"]);
}

#[test]
fn a_wildcard_is_proved_on_the_host_behind_it() {
    assert_eq!(pattern("*.shop.example.com").verification_host(), "shop.example.com");
    assert!(pattern("*.example.com").is_wildcard());
    assert!(!pattern("example.com").is_wildcard());
}

/// Hosts of few labels, so that random ones are often similar.
fn hosts() -> impl Strategy<Value = String> {
    let label = prop::sample::select(vec![
        "a",
        "b",
        "example",
        "evil-example",
        "com",
        "co",
        "uk",
        "github",
        "io",
        "xn--mnchen-3ya",
    ]);
    prop::collection::vec(label, 1..6).prop_map(|labels| labels.join("."))
}

/// The same rule in another way: compares whole labels from the right.
fn covers(pattern: &str, host: &str) -> bool {
    let host: Vec<&str> = host.rsplit('.').collect();
    match pattern.strip_prefix("*.") {
        Some(base) => host.starts_with(&base.rsplit('.').collect::<Vec<_>>()),
        None => pattern.rsplit('.').eq(host),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_pattern_matches_exactly_the_hosts_that_it_covers(base in hosts(), wildcard: bool, host in hosts(), port in prop::option::of(1u16..)) {
        let text = if wildcard { format!("*.{base}") } else { base };
        let Ok(pattern) = DomainPattern::parse(&text, false) else { return Ok(()) };
        let port = port.filter(|port| *port != 443).map(|port| format!(":{port}")).unwrap_or_default();
        let origin = Origin::parse(&format!("https://{host}{port}"), false).unwrap();
        prop_assert_eq!(pattern.matches(&origin), covers(&text, &host));
        prop_assert_eq!(DomainPattern::candidates(&origin).contains(&text), covers(&text, &host));
    }

    #[test]
    fn whatever_parses_as_a_pattern_parses_again_to_itself(text in any::<String>(), loopback: bool) {
        if let Ok(pattern) = DomainPattern::parse(&text, loopback) {
            prop_assert_eq!(DomainPattern::parse(&pattern.to_string(), loopback), Ok(pattern));
        }
    }

    #[test]
    fn near_misses_never_panic_either(
        text in "(https?://)?(\\*\\.)?[a-zA-Z0-9.ü例😀_:/@*%\\[\\] -]{0,40}(\\.(com|co\\.uk|localhost:80|\u{3002}de))?/?",
        loopback: bool,
    ) {
        if let Ok(pattern) = DomainPattern::parse(&text, loopback) {
            let normalised = pattern.to_string();
            prop_assert!(normalised.is_ascii() && normalised == normalised.to_lowercase());
            prop_assert_eq!(DomainPattern::parse(&normalised, loopback), Ok(pattern));
        }
        if let Ok(origin) = Origin::parse(&text, loopback) {
            prop_assert_eq!(origin.as_str(), text);
        }
    }

    #[test]
    fn arbitrary_bytes_are_no_danger_to_either_parser(bytes in prop::collection::vec(any::<u8>(), 0..400), loopback: bool) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = DomainPattern::parse(&text, loopback);
        if let Ok(origin) = Origin::parse(&text, loopback) {
            prop_assert_eq!(Origin::parse(origin.as_str(), loopback), Ok(origin.clone()));
        }
    }

    #[test]
    fn an_exact_pattern_taken_from_an_origin_matches_it(host in hosts()) {
        if let Ok(pattern) = DomainPattern::parse(&host, false) {
            let origin = Origin::parse(&format!("https://{}", pattern.verification_host()), false).unwrap();
            prop_assert!(pattern.matches(&origin));
        }
    }
}

#[test]
fn a_pattern_is_shown_in_its_owners_script_where_that_differs() {
    for (text, shown) in [
        ("bücher.example.com", Some("bücher.example.com")),
        ("*.xn--bcher-kva.example.com", Some("*.bücher.example.com")),
        ("books.example.com", None),
    ] {
        let pattern = DomainPattern::parse(text, false).unwrap();
        assert_eq!(pattern.in_owner_script().as_deref(), shown, "{text}");
    }
}
