//! Which texts are hosts, which rules they meet, and which lists are refused.

use super::*;

fn read(text: &str) -> Result<String, HostError> {
    Host::parse(text).map(|host| host.to_string())
}

#[test]
fn a_name_has_one_form() {
    for text in ["example.org", "EXAMPLE.org", "example.org.", "eXample.ORG."] {
        assert_eq!(read(text).as_deref(), Ok("example.org"), "{text}");
    }
    assert_eq!(read("xn--bcher-kva.example").as_deref(), Ok("xn--bcher-kva.example"));
    assert_eq!(read("a_b.r3---sn.example").as_deref(), Ok("a_b.r3---sn.example"));
    assert_eq!(read("0xcafe.example").as_deref(), Ok("0xcafe.example"));
    assert_eq!(read("192.0.2.7").as_deref(), Ok("192.0.2.7"));
    assert_eq!(read("[2001:DB8:0::7]").as_deref(), Ok("[2001:db8::7]"));
}

#[test]
fn what_is_no_plain_host_is_refused() {
    let long = format!("{}.example", "a".repeat(64));
    let longer = ["abcdefg."; 32].concat() + "example";
    let cases = [
        ("", HostError::Empty),
        (".", HostError::Malformed),
        ("example..org", HostError::Malformed),
        (".example.org", HostError::Malformed),
        ("example.org..", HostError::Malformed),
        ("-a.example", HostError::Malformed),
        ("a-.example", HostError::Malformed),
        ("exa mple.org", HostError::Malformed),
        ("example.org\0", HostError::Malformed),
        ("example.org%2e", HostError::Malformed),
        ("example.org\\", HostError::Malformed),
        (long.as_str(), HostError::Malformed),
        (longer.as_str(), HostError::Malformed),
        ("user@example.org", HostError::UserInfo),
        ("example.org@evil.example", HostError::UserInfo),
        // Cyrillic e, fullwidth dot, dotless i, soft hyphen.
        ("\u{435}xample.org", HostError::NotAscii),
        ("example\u{ff0e}org", HostError::NotAscii),
        ("w\u{131}ki.example", HostError::NotAscii),
        ("exam\u{ad}ple.org", HostError::NotAscii),
        ("2130706433", HostError::Number),
        ("0x7f000001", HostError::Number),
        ("0x7F.1", HostError::Number),
        ("017700000001", HostError::Number),
        ("127.1", HostError::Number),
        ("127.0.1", HostError::Number),
        ("0177.0.0.1", HostError::Number),
        ("127.0.0.0x1", HostError::Number),
        ("127.0.0.1.", HostError::Number),
        ("1.2.3.4.5", HostError::Number),
        ("example.256", HostError::Number),
        ("example.0x", HostError::Number),
        ("[::ffff:127.0.0.1]", HostError::Disguised),
        ("[::ffff:7f00:1]", HostError::Disguised),
        ("[::127.0.0.1]", HostError::Disguised),
        ("[::1]", HostError::Disguised),
        ("[64:ff9b::7f00:1]", HostError::Disguised),
        ("[2002:7f00:1::]", HostError::Disguised),
        ("[fe80::1%lo]", HostError::Malformed),
        ("[::1", HostError::Malformed),
        ("[]", HostError::Malformed),
        ("::1", HostError::Malformed),
        ("[127.0.0.1]", HostError::Malformed),
    ];
    for (text, expected) in cases {
        assert_eq!(Host::parse(text), Err(expected), "{text:?}");
    }
}

#[test]
fn a_rule_opens_what_it_names_and_nothing_else() {
    let list =
        "example.org, *.example.net:443, one.example:8080, 10.1.2.3, [2001:db8::7]:443, UPPER.example.";
    let list = AllowList::parse(list.split(", ")).unwrap();
    let cases = [
        ("example.org", 80, true),
        ("example.org", 443, true),
        ("example.org", 8080, false),
        ("www.example.org", 443, false),
        ("example.org.evil.example", 443, false),
        ("myexample.org", 443, false),
        ("a.example.net", 443, true),
        ("a.b.example.net", 443, true),
        ("a.example.net", 80, false),
        ("example.net", 443, false),
        ("badexample.net", 443, false),
        ("xample.net", 443, false),
        ("one.example", 8080, true),
        ("one.example", 443, false),
        ("10.1.2.3", 80, true),
        ("10.1.2.4", 80, false),
        ("[2001:db8::7]", 443, true),
        ("[2001:db8::7]", 80, false),
        ("[2001:db8::8]", 443, false),
        ("upper.example", 80, true),
        ("xn--xample-9uf.org", 443, false),
    ];
    for (host, port, expected) in cases {
        assert_eq!(list.allows(&Host::parse(host).unwrap(), port), expected, "{host}:{port}");
    }
}

#[test]
fn a_list_prints_in_its_plain_form() {
    let list =
        AllowList::parse(["Example.ORG.", "*.Example.net:443", "2001:db8::7", "[2001:db8::8]:8443"]).unwrap();
    assert_eq!(list.entries(), ["example.org", "*.example.net:443", "[2001:db8::7]", "[2001:db8::8]:8443"]);
}

#[test]
fn nonsense_is_refused_by_its_name() {
    let cases = [
        ("https://example.org/", "`https://example.org/`, which is an address of a page"),
        ("example.org/path", "`example.org/path`, which is an address of a page"),
        ("*", "a star stands for the first part only"),
        ("*.org", "a star stands for the first part only"),
        ("*example.org", "a star stands for the first part only"),
        ("a.*.example.org", "a star stands for the first part only"),
        ("*.*.example.org", "a star stands for the first part only"),
        ("*.10.1.2.3", "a star stands for the first part only"),
        ("example.org:", "`example.org:`, whose port is no number"),
        ("example.org:0", "whose port is no number"),
        ("example.org:65536", "whose port is no number"),
        ("example.org:+80", "whose port is no number"),
        ("example.org:http", "whose port is no number"),
        ("user@example.org", "has a user name in it"),
        ("b\u{fc}cher.example", "write the name's ASCII form (`xn--…`)"),
        ("127.1", "is a number in an unusual spelling"),
        ("127.0.0.1", "an address of the machine itself"),
        ("0.0.0.0", "an address of the machine itself"),
        ("169.254.169.254", "an address of the machine itself"),
        ("[fe80::1]", "an address of the machine itself"),
        ("::1", "stands for another one"),
        ("[::ffff:10.0.0.1]", "stands for another one"),
        ("", "``, which is empty"),
        (" example.org", "is no host name"),
        ("none", "has `none` in a list"),
    ];
    for (entry, words) in cases {
        let said = AllowList::parse([entry]).unwrap_err().to_string();
        assert!(said.contains(words), "{entry:?} gave {said}");
    }
    assert_eq!(AllowList::parse([]), Err(RuleError::NoRules));
    assert_eq!(AllowList::parse(["a.example"; 1_001]), Err(RuleError::TooMany));
}
