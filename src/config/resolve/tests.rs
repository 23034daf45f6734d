//! One file, one environment, one command line: who wins, and what is refused.

use super::*;
use crate::config::{Fallback, Preload, SandboxLevel};

fn environment(pairs: &[(&str, &str)]) -> Environment {
    let home = [("HOME", "/home/someone"), ("PATH", "/usr/bin:/bin")];
    Environment::of(home.iter().chain(pairs).map(|(name, value)| (name.into(), value.into())))
}

fn merged(text: &str, pairs: &[(&str, &str)], flags: Flags) -> Result<Resolved, ConfigError> {
    let environment = environment(pairs);
    let base = base(&flags, &environment)?;
    let file = LoadedFile::parse(text.into(), Path::new("/base/actwright.toml"))?;
    merge(flags, &environment, base, &file)
}

fn refusal(text: &str, pairs: &[(&str, &str)], flags: Flags) -> String {
    let error = merged(text, pairs, flags).unwrap_err();
    format!("{error} | {}", error.hint().unwrap_or("-"))
}

#[test]
fn without_anything_the_defaults_hold() {
    let resolved = merged("", &[], Flags::default()).unwrap();
    assert_eq!(resolved.config.base, Path::new("/home/someone/.local/share/actwright"));
    assert_eq!(resolved.config.limits.memory, 2_000_000_000);
    assert_eq!(resolved.config.python, PythonChoice::Auto);
    assert_eq!(resolved.log, "warn");
    let toml = resolved.listing.to_toml();
    assert!(toml.lines().all(|line| line.ends_with("# default")), "{toml}");
    assert_eq!(toml.lines().count(), env::KEYS.len());
}

#[test]
fn a_later_source_wins_and_is_named() {
    let text = "[limits]\nmemory = \"1GB\"\ntimeout = 5\nfiles = 100\n";
    let pairs = [("ACTWRIGHT_MEMORY", "500MB"), ("ACTWRIGHT_TIMEOUT", "7")];
    let flags = Flags { memory: Some(Size(300_000_000)), ..Flags::default() };
    let resolved = merged(text, &pairs, flags).unwrap();
    let toml = resolved.listing.to_toml();
    for line in [
        "limits.memory = 300000000  # flag",
        "limits.timeout = 7  # environment",
        "limits.files = 100  # file",
        "limits.processes = 64  # default",
    ] {
        assert!(toml.lines().any(|l| l == line), "{line} is not in\n{toml}");
    }
    assert_eq!(resolved.listing.to_json()["limits.files"]["where"], "actwright.toml, line 4");
}

#[test]
fn what_config_prints_reads_back() {
    let printed = merged("", &[], Flags::default()).unwrap().listing.to_toml();
    let again = merged(&printed, &[], Flags::default()).unwrap();
    assert_eq!(again.config.limits.max_timeout.as_secs(), 3600);
}

#[test]
fn off_comes_from_the_command_line_alone() {
    let off = Flags { sandbox: Some("off".into()), ..Flags::default() };
    assert_eq!(merged("", &[], off).unwrap().config.sandbox.level, SandboxLevel::Off);
    for (text, pairs) in [("[sandbox]\nlevel = \"off\"", &[][..]), ("", &[("ACTWRIGHT_SANDBOX", "off")][..])]
    {
        let message = refusal(text, pairs, Flags::default());
        assert!(message.contains("only the command line can say that"), "{message}");
    }
}

#[test]
fn absurd_values_are_refused_with_place_and_range() {
    for (text, words) in [
        (
            "[limits]\nmemory = 0",
            "`limits.memory` (set by `actwright.toml`, line 2) is 0; allowed are 64000000 to",
        ),
        ("[limits]\nfiles = 1", "allowed are 64 to 1048576"),
        ("[limits]\ntimeout = 0", "allowed are 10ms to 7d"),
        ("[limits]\ntimeout = 4000", "more than `limits.max_timeout`"),
        ("[sessions]\nmax = 0", "`sessions.max`"),
        (
            "[sandbox]\nlevel = \"ful\"",
            "allowed are `full`, `full-or-restricted`, `restricted`, `off` | did you mean `full`?",
        ),
        (
            "[sandbox]\nnetwork = \"yes\"",
            "allowed are `none`, `full` and a list of hosts | write a list of hosts as [",
        ),
        (
            "[sandbox]\nnetwork = [\"https://a.example/\"]",
            "has `https://a.example/`, which is an address of a page",
        ),
        ("[sandbox]\nnetwork = []", "is an empty list; write \"none\""),
        ("[sandbox]\nnetwork = [\"a.example\", \"full\"]", "has `full` in a list; write it alone"),
        ("[sandbox]\nnetwork = 3", "expected \"none\", \"full\" or a list of hosts"),
        (
            "[sandbox]\nlevel = \"restricted\"\nnetwork = [\"a.example\"]",
            "can't be a list at level `restricted`",
        ),
        ("[network]\nconnections = 0", "`network.connections` (set by `actwright.toml`, line 2) is 0"),
        ("[network]\nhosts = []", "unknown key `hosts`"),
        ("[sandbox]\nread = [\"data\"]", "a relative path | write a path that starts with `/`"),
        ("[sandbox]\nread = [\"/no/such/place\"]", "which does not exist"),
        ("python = \"/no/such/python\"", "which does not exist | name the executable"),
        ("python = \"no-such-python\"", "which is not on `PATH`"),
        ("python = \"/usr\"", "which is a directory"),
        ("log = \"actwright=lound\"", "which is no filter"),
    ] {
        let message = refusal(text, &[], Flags::default());
        assert!(message.contains(words), "{text:?} gave {message}");
    }
}

#[test]
fn a_list_of_hosts_is_read_from_each_place() {
    let shown = |text: &str, pairs: &[(&str, &str)], flag: Option<&str>| {
        let network = flag.map(|flag| flag.parse().unwrap());
        let resolved = merged(text, pairs, Flags { network, ..Flags::default() }).unwrap();
        resolved
            .listing
            .to_toml()
            .lines()
            .find(|line| line.starts_with("sandbox.network"))
            .unwrap()
            .to_owned()
    };
    let file = "[sandbox]\nnetwork = [\"A.example.\", \"*.b.example:443\"]\n";
    let pairs = [("ACTWRIGHT_NETWORK", "c.example, 10.1.2.3:8080")];
    for (found, expected) in [
        (shown(file, &[], None), "sandbox.network = [\"a.example\", \"*.b.example:443\"]  # file"),
        (shown(file, &pairs, None), "sandbox.network = [\"c.example\", \"10.1.2.3:8080\"]  # environment"),
        (shown(file, &pairs, Some("d.example")), "sandbox.network = [\"d.example\"]  # flag"),
        (shown(file, &pairs, Some("none")), "sandbox.network = \"none\"  # flag"),
    ] {
        assert_eq!(found, expected);
    }
    let printed = merged(file, &[], Flags::default()).unwrap().listing.to_toml();
    assert!(matches!(
        merged(&printed, &[], Flags::default()).unwrap().config.sandbox.network,
        Network::List(_)
    ));
}

#[test]
fn names_of_tests_lead_to_the_loopback_or_nowhere() {
    let with = |text| merged("", &[("ACTWRIGHT_TEST_NETWORK_RESOLVE", text)], Flags::default());
    let resolved = with("a.example=127.0.0.1:80,b.example=[::1]:8080").unwrap();
    assert_eq!(resolved.config.network.test_servers.len(), 2);
    assert!(resolved.warnings[0].contains("names lead to servers of a test"), "{:?}", resolved.warnings);
    for text in [
        "a.example=10.0.0.1:80",
        "a.example=1.1.1.1:80",
        "a.example",
        "a.example=localhost:80",
        "127.1=127.0.0.1:1",
    ] {
        assert!(with(text).unwrap_err().to_string().contains("alone, for tests"), "{text}");
    }
    assert!(merged("", &[], Flags::default()).unwrap().config.network.test_servers.is_empty());
}

#[test]
fn a_bad_variable_is_named() {
    let message = refusal("", &[("ACTWRIGHT_MEMORY", "lots")], Flags::default());
    assert!(message.contains("`limits.memory` (set by `ACTWRIGHT_MEMORY`) can't be read"), "{message}");
    let message = refusal("", &[("ACTWRIGHT_BASE", "here")], Flags::default());
    assert!(message.contains("`base` (set by `ACTWRIGHT_BASE`) is `here`, a relative path"), "{message}");
}

#[test]
fn a_misspelt_variable_is_a_warning() {
    let resolved = merged("", &[("ACTWRIGHT_SANBOX", "full"), ("ACTWRIGHT_MEMORY", "")], Flags::default());
    assert_eq!(
        resolved.unwrap().warnings,
        ["the environment variable `ACTWRIGHT_SANBOX` means nothing; did you mean `ACTWRIGHT_SANDBOX`?"]
    );
}

#[test]
fn a_relative_flag_starts_where_the_user_stands() {
    let flags = Flags { base: Some("target".into()), ..Flags::default() };
    let resolved = merged("", &[], flags).unwrap();
    assert_eq!(resolved.config.base, std::env::current_dir().unwrap().join("target"));
}

#[test]
fn a_lower_level_is_taken_only_where_it_is_named_and_has_no_network() {
    let both = "[sandbox]\nlevel = \"full-or-restricted\"\n";
    let sandbox = merged(both, &[], Flags::default()).unwrap().config.sandbox;
    assert_eq!((sandbox.level, sandbox.fallback), (SandboxLevel::Full, Fallback::Restricted));
    assert_eq!(merged("", &[], Flags::default()).unwrap().config.sandbox.fallback, Fallback::None);
    for network in ["\"full\"", "[\"example.org\"]"] {
        let text = format!("{both}network = {network}\n");
        let error = merged(&text, &[], Flags::default()).unwrap_err().to_string();
        assert!(error.contains("full-or-restricted") && error.contains("none"), "{error}");
    }
}

#[test]
fn what_is_imported_in_advance_is_a_word_or_names_of_modules() {
    let preload = |text: &str, pairs: &[(&str, &str)]| {
        merged(text, pairs, Flags::default()).unwrap().config.packages.preload
    };
    let these = |names: &[&str]| Preload::These(names.iter().map(|name| (*name).to_owned()).collect());
    assert_eq!(preload("", &[]), Preload::Auto);
    assert_eq!(preload("[packages]\npreload = \"off\"", &[]), Preload::Off);
    assert_eq!(preload("[packages]\npreload = [\"numpy\", \"PIL\"]", &[]), these(&["numpy", "PIL"]));
    let variable = |value| [("ACTWRIGHT_PACKAGES_PRELOAD", value)];
    assert_eq!(preload("[packages]\npreload = \"off\"", &variable("auto")), Preload::Auto);
    assert_eq!(preload("", &variable("numpy pandas")), these(&["numpy", "pandas"]));
    let refused = [
        ("preload = \"on\"", "allowed are `auto`, `off` and a list of modules"),
        ("preload = [\"os.path\"]", "has `os.path`, which is no name of a module"),
        ("preload = [\"_private\"]", "has `_private`, which is no name of a module"),
        ("preload = 7", "expected \"auto\", \"off\" or a list of modules"),
    ];
    for (text, words) in refused {
        let said = refusal(&format!("[packages]\n{text}"), &[], Flags::default());
        assert!(said.contains(words), "{text}: {said}");
    }
}
