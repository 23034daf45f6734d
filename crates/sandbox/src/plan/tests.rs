//! Plans for typical policies, whole, so that a change of what is visible is a reviewed change.

use super::*;
use crate::policy::PythonRoots;

fn policy(level: Level) -> Policy {
    Policy {
        level,
        network: Network::None,
        read: vec!["/srv/data".into()],
        write: vec!["/srv/out".into()],
        python: PythonRoots {
            executable: "/opt/venv/bin/python3".into(),
            prefixes: vec!["/opt/venv".into(), "/usr".into()],
            links: vec!["/opt/venv/bin/python3".into(), "/opt/bin/python3".into()],
        },
        limits: SessionLimits { memory: 2_000_000_000, processes: 64, files: 256, workspace: 1_000_000_000 },
    }
}

const ROOT: Facts = Facts { uid: 0, gid: 0, landlock: 7, is_root: true };
const USER: Facts = Facts { uid: 1001, gid: 1001, landlock: 7, is_root: false };

fn planned(policy: &Policy, facts: Facts) -> Plan {
    plan(policy, facts, Path::new("/box/s")).unwrap()
}

#[test]
fn full_as_root_is_handed_to_an_unprivileged_user() {
    insta::assert_debug_snapshot!(planned(&policy(Level::Full), ROOT));
}

#[test]
fn full_as_a_user_differs_only_in_who_it_is() {
    let (root, user) = (planned(&policy(Level::Full), ROOT), planned(&policy(Level::Full), USER));
    assert_eq!(root.session, user.session);
    let (OuterPlan::Room(root), OuterPlan::Room(user)) = (root.outer, user.outer) else { panic!("no room") };
    assert_eq!(root.identity, Identity::Handed { id: 65_534 });
    assert_eq!(user, RoomPlan { identity: Identity::Same { uid: 1001, gid: 1001 }, ..root });
}

#[test]
fn restricted_has_no_rooms_and_no_sockets() {
    insta::assert_debug_snapshot!(planned(&policy(Level::Restricted), USER));
}

#[test]
fn an_open_network_shows_the_hosts_resolver_and_nothing_else_more() {
    let open = Policy { network: Network::Full, ..policy(Level::Full) };
    let (OuterPlan::Room(open), OuterPlan::Room(closed)) =
        (planned(&open, USER).outer, planned(&policy(Level::Full), USER).outer)
    else {
        panic!("no room")
    };
    let more: Vec<_> =
        open.binds.iter().filter(|bind| !closed.binds.contains(bind)).map(|bind| &bind.path).collect();
    let wanted = ["/etc/resolv.conf", "/etc/hosts", "/etc/host.conf"].map(PathBuf::from);
    assert_eq!(more, wanted.iter().collect::<Vec<_>>());
    assert!(!open.own_network && closed.own_network);
}

#[test]
fn a_proxied_network_is_as_empty_as_none_and_has_a_listener() {
    let plan = |network| planned(&Policy { network, ..policy(Level::Full) }, USER);
    let (proxied, none) = (plan(Network::Proxied), plan(Network::None));
    assert_eq!(proxied.outer, none.outer);
    assert_eq!((proxied.session.listener, none.session.listener), (Some(PROXY_PORT), None));
    assert_eq!(proxied.session.probes.last(), Some(&Probe::OnlyProxy { port: PROXY_PORT }));
    assert_eq!(none.session.probes.last(), Some(&Probe::NoRoute));
    let probes = none.session.probes.clone();
    assert_eq!(none.session, SessionPlan { listener: None, probes, ..proxied.session });
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let with = |change: &dyn Fn(&mut Policy)| {
        let mut policy = policy(Level::Full);
        change(&mut policy);
        plan(&policy, USER, Path::new("/box/s")).unwrap_err()
    };
    assert_eq!(with(&|policy| policy.read = vec!["data".into()]), PlanError::Relative("data".into()));
    for whole in ["/", "/proc", "/proc/1", "/sys/fs", "/run", "/dev"] {
        assert_eq!(with(&|policy| policy.write = vec![whole.into()]), PlanError::TooWide(whole.into()));
    }
    for reserved in ["/own/data", "/kernel"] {
        let refused = with(&|policy| policy.read = vec![reserved.into()]);
        assert_eq!(refused, PlanError::Reserved(reserved.into()));
    }
    let network = with(&|policy| {
        policy.level = Level::Restricted;
        policy.network = Network::Full;
    });
    assert_eq!(network, PlanError::RestrictedNetwork);
    for (level, expected) in
        [(Level::Restricted, PlanError::RestrictedNetwork), (Level::Off, PlanError::OpenNetwork)]
    {
        let proxied = with(&|policy| (policy.level, policy.network) = (level, Network::Proxied));
        assert_eq!(proxied, expected);
    }
    let old = Facts { landlock: 2, ..USER };
    for level in [Level::Full, Level::Restricted] {
        let refused = plan(&policy(level), old, Path::new("/box/s"));
        assert_eq!(refused, Err(PlanError::Landlock { found: 2 }));
    }
}

#[test]
fn what_the_sessions_own_mounts_would_cover_is_shown_again() {
    let mut policy = policy(Level::Full);
    policy.read.push("/tmp/data".into());
    policy.python.prefixes.push("/tmp/venv".into());
    policy.python.links.push("/tmp/bin/python3".into());
    let SessionRooms::Own { kept, .. } = planned(&policy, USER).session.rooms else { panic!("no rooms") };
    assert_eq!(kept, ["/tmp/venv", "/tmp/bin/python3", "/tmp/data"].map(PathBuf::from));
}

#[test]
fn restricted_is_refused_where_landlock_does_not_hold_signals() {
    let old = Facts { landlock: 5, ..USER };
    let refused = plan(&policy(Level::Restricted), old, Path::new("/box/s"));
    assert_eq!(refused, Err(PlanError::RestrictedLandlock { found: 5 }));
    assert!(plan(&policy(Level::Full), old, Path::new("/box/s")).is_ok());
}
