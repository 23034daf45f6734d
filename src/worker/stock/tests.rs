//! Who may be imported in advance, and who brings whom.

use super::*;
use crate::packages::Package;

fn package(name: &str, modules: &[&str], requires: &[&str]) -> Package {
    Package {
        name: name.parse().unwrap(),
        version: "1".to_owned(),
        modules: modules.iter().map(|module| (*module).to_owned()).collect(),
        requires: requires.iter().map(|name| name.parse().unwrap()).collect(),
    }
}

fn check(packages: Vec<Package>, preload: Preload, popular: &[&str], names: &[&str], admitted: &[&str]) {
    let present = Present { set: "3.12-x".to_owned(), packages };
    let popular = popular.iter().map(|name| (*name).to_owned()).collect();
    let stock = Stock::of(Some(&present), &preload, SandboxLevel::Full, popular, &[]);
    let found = stock.map(|stock| (stock.names, stock.admitted)).unwrap_or_default();
    assert_eq!(
        found,
        (names.iter().map(|n| (*n).into()).collect(), admitted.iter().map(|n| (*n).into()).collect())
    );
}

fn these(names: &[&str]) -> Preload {
    Preload::These(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn a_well_known_module_comes_from_its_own_package() {
    let numpy = || package("numpy", &["numpy"], &[]);
    check(vec![numpy()], Preload::Auto, &["numpy"], &["numpy"], &["numpy"]);
    check(vec![numpy()], Preload::Off, &["numpy"], &[], &[]);
    // Another package brings it, or puts something beside it.
    check(vec![package("evil", &["numpy"], &[])], Preload::Auto, &["numpy"], &[], &[]);
    check(
        vec![numpy(), package("evil", &["numpy", "evil"], &[])],
        Preload::Auto,
        &["numpy", "evil"],
        &[],
        &[],
    );
    // The interpreter may have it itself; the zygote sees that.
    check(vec![numpy()], Preload::Auto, &["humanize", "numpy"], &["humanize", "numpy"], &["numpy"]);
}

#[test]
fn what_an_agent_can_add_is_not_imported_unless_the_operator_names_it() {
    let set = || {
        vec![
            package("humanize", &["humanize"], &["helper"]),
            package("helper", &["helper"], &[]),
            package("other", &["other"], &[]),
        ]
    };
    check(set(), Preload::Auto, &["humanize", "other"], &[], &[]);
    check(set(), these(&["humanize"]), &["other"], &["humanize"], &["helper", "humanize"]);
}

#[test]
fn without_a_room_around_the_zygote_nothing_is_imported_that_an_agent_can_add() {
    let present = Present { set: "3.12-x".to_owned(), packages: vec![package("numpy", &["numpy"], &[])] };
    let stock = |level| Stock::of(Some(&present), &Preload::Auto, level, vec!["numpy".to_owned()], &[]);
    assert!(stock(SandboxLevel::Full).is_some() && stock(SandboxLevel::Off).is_some());
    assert_eq!(stock(SandboxLevel::Restricted), None);
    let own = Stock::of(None, &Preload::Auto, SandboxLevel::Restricted, vec!["numpy".to_owned()], &[]);
    assert!(own.is_some_and(|stock| stock.admitted.is_empty()));
}

#[test]
fn what_does_not_survive_a_fork_is_never_wanted() {
    check(Vec::new(), Preload::Auto, &["polars", "torch", "pyarrow"], &[], &[]);
}
