use proptest::prelude::*;

use super::*;
use crate::core::build::Build;
use crate::core::secret::Secret;
use crate::core::spec::{ServerExe, Severity};

fn good() -> ClusterSpec {
    let mut spec = ClusterSpec::new("demo", std::env::temp_dir().join("demo"));
    spec.server = Some(ServerExe {
        path: "/usr/bin/redis-server".into(),
        version: ServerVersion::redis(7, 0, 15),
        build: Build::default(),
    });
    spec
}

fn check(spec: &ClusterSpec) -> Vec<Problem> {
    validate(spec, &MachineFacts::default(), &BTreeMap::new())
}

/// The problems of the good spec after a change.
fn after(change: impl FnOnce(&mut ClusterSpec)) -> Vec<Problem> {
    let mut spec = good();
    change(&mut spec);
    check(&spec)
}

fn with(facts: &MachineFacts) -> Vec<Problem> {
    validate(&good(), facts, &BTreeMap::new())
}

#[test]
fn the_defaults_with_a_server_have_no_problem() {
    assert_eq!(check(&good()), []);
}

#[test]
fn a_server_must_be_chosen_and_know_clusters() {
    assert_eq!(after(|spec| spec.server = None), [Problem::error(Field::Server, P::NoServer)]);
    let old = ServerVersion::redis(2, 8, 19);
    let problems =
        after(|spec| spec.server = Some(ServerExe { path: "x".into(), version: old, build: Build::default() }));
    assert_eq!(problems, [Problem::error(Field::Server, P::ServerTooOld(old))]);
}

#[test]
fn a_name_must_do_for_a_folder_on_every_system() {
    for name in ["demo", "集群 1", "a.b", "con-1", "COM10", "comet", "-x"] {
        assert_eq!(after(|spec| name.clone_into(&mut spec.name)), [], "{name}");
    }
    for name in [
        "a/b", "a\\b", "a:b", "a?", "<a>", "a|b", "a*", "a\"b", ".hidden", "..", "dot.", " a", "a ", "a\tb", "a\nb",
        "CON", "nul.txt", "com1", "LPT9.x", "Aux", "com¹",
    ] {
        let problems = after(|spec| name.clone_into(&mut spec.name));
        assert!(
            matches!(
                problems.as_slice(),
                [Problem { field: Field::Name, severity: Severity::Error, kind: P::NameUnusable(_) }]
            ),
            "{name}: {problems:?}"
        );
    }
    assert_eq!(after(|spec| spec.name.clear()), [Problem::error(Field::Name, P::NameEmpty)]);
    assert_eq!(after(|spec| spec.name = "a".repeat(65)).len(), 1);
}

#[test]
fn a_name_is_taken_whatever_its_case() {
    let facts = MachineFacts { taken_names: vec!["DEMO".to_owned()], ..MachineFacts::default() };
    assert_eq!(with(&facts), [Problem::error(Field::Name, P::NameTaken)]);
}

#[test]
fn a_cluster_needs_three_masters_on_valkey_too() {
    for version in [ServerVersion::redis(7, 0, 15), ServerVersion::valkey(9, 1, 2)] {
        let problems = after(|spec| {
            spec.masters = 2;
            spec.server = Some(ServerExe { path: "x".into(), version, build: Build::default() });
        });
        assert_eq!(problems, [Problem::error(Field::Masters, P::TooFewMasters(2))]);
    }
}

#[test]
fn no_replicas_are_worth_a_warning() {
    assert_eq!(after(|spec| spec.replicas = 0), [Problem::warning(Field::Replicas, P::NoReplicas)]);
}

#[test]
fn two_hundred_nodes_are_the_most() {
    assert_eq!(after(|spec| spec.masters = 100), []);
    assert_eq!(after(|spec| spec.masters = 101), [Problem::error(Field::Masters, P::TooManyNodes(202))]);
    let huge = after(|spec| (spec.masters, spec.replicas) = (u16::MAX, u16::MAX));
    assert!(huge.iter().any(|problem| matches!(problem.kind, P::TooManyNodes(_))), "{huge:?}");
}

#[test]
fn a_row_of_ports_must_end_below_the_highest_with_a_bus_port() {
    assert_eq!(after(|spec| spec.ports = Ports::From(55_530)), []);
    assert_eq!(
        after(|spec| spec.ports = Ports::From(55_533)),
        [Problem::error(Field::Ports, P::BusPortTooHigh(55_536))]
    );
    assert_eq!(
        after(|spec| spec.ports = Ports::From(65_533)),
        [
            Problem::error(Field::Ports, P::PortOutOfRange(65_536)),
            Problem::error(Field::Ports, P::BusPortTooHigh(65_533)),
        ]
    );
    assert!(after(|spec| spec.ports = Ports::From(0)).contains(&Problem::error(Field::Ports, P::PortOutOfRange(0))));
}

#[test]
fn a_list_of_ports_must_have_one_for_each_node_and_none_twice() {
    let list = |ports: &[u16]| {
        let ports = ports.to_vec();
        after(move |spec| spec.ports = Ports::List(ports))
    };
    assert_eq!(list(&[7000, 7001, 7002, 7003, 7004, 7005]), []);
    assert_eq!(list(&[7000]), [Problem::error(Field::Ports, P::PortCount { given: 1, needed: 6 })]);
    assert_eq!(list(&[7000, 7001, 7002, 7000, 7004, 7000]), [Problem::error(Field::Ports, P::PortTwice(7000))]);
    assert_eq!(
        list(&[7000, 7001, 7002, 7003, 7004, 17_000]),
        [Problem::error(Field::Ports, P::PortIsBusPort { port: 17_000, of: 7000 })]
    );
    assert_eq!(list(&[7000, 7001, 7002, 7003, 60_000, 60_001]).len(), 2);
    assert_eq!(list(&[7000, 7001, 7002, 7003, 7004, 0]), [Problem::error(Field::Ports, P::PortOutOfRange(0))]);
}

#[test]
#[cfg(unix)]
fn low_ports_are_worth_a_warning() {
    assert_eq!(after(|spec| spec.ports = Ports::From(1000)), [Problem::warning(Field::Ports, P::PortPrivileged(1000))]);
}

#[test]
fn busy_ports_are_named_with_the_systems_reason() {
    let reason = || "in use".to_owned();
    let busy_ports = BTreeMap::from([(7001, reason()), (17_002, reason()), (9999, reason())]);
    assert_eq!(
        with(&MachineFacts { busy_ports, ..MachineFacts::default() }),
        [
            Problem::error(Field::Ports, P::PortInUse { port: 7001, reason: reason() }),
            Problem::error(Field::Ports, P::BusPortInUse { port: 7002, bus_port: 17_002, reason: reason() }),
        ]
    );
}

#[test]
fn bind_takes_addresses_and_no_names() {
    for bind in ["127.0.0.1", "::1", "127.0.0.1 -::1", " 127.0.0.1 "] {
        assert_eq!(after(|spec| bind.clone_into(&mut spec.bind)), [], "{bind}");
    }
    for bind in ["", "  ", "localhost", "127.0.0", "127.0.0.1,::1", "127.0.0.1\" evil"] {
        let problems = after(|spec| bind.clone_into(&mut spec.bind));
        assert!(
            matches!(problems.as_slice(), [Problem { field: Field::Bind, kind: P::BindUnusable { .. }, .. }]),
            "{bind}: {problems:?}"
        );
    }
    let old = ServerVersion::redis(6, 0, 20);
    let problems = after(|spec| {
        spec.bind = "127.0.0.1 -::1".to_owned();
        spec.server = Some(ServerExe { path: "x".into(), version: old, build: Build::default() });
    });
    assert!(matches!(problems.as_slice(), [Problem { kind: P::BindUnusable { .. }, .. }]), "{problems:?}");
    let facts = MachineFacts { bind_error: Some("no such address".to_owned()), ..MachineFacts::default() };
    assert!(matches!(with(&facts).as_slice(), [Problem { kind: P::BindUnusable { .. }, .. }]));
}

#[test]
fn an_address_of_windows_is_not_known_inside_wsl() {
    let inside = |bind: &str| {
        after(|spec| {
            let path = r"\\wsl.localhost\Ubuntu\usr\bin\redis-server".into();
            spec.server = Some(ServerExe { path, version: ServerVersion::redis(7, 0, 15), build: Build::Upstream });
            spec.config.password = Secret::new("x");
            bind.clone_into(&mut spec.bind);
        })
    };
    assert_eq!(inside("127.0.0.1"), []);
    assert_eq!(inside("0.0.0.0"), []);
    let kind = P::BindOutsideWsl("192.168.1.5".to_owned());
    assert_eq!(inside("127.0.0.1 192.168.1.5"), [Problem::warning(Field::Bind, kind)]);
}

#[test]
fn an_open_address_needs_a_password_or_the_written_wish_to_do_without() {
    let open = |change: fn(&mut ClusterSpec)| {
        after(|spec| {
            spec.bind = "127.0.0.1 192.168.1.5".to_owned();
            change(spec);
        })
    };
    let kind = || P::BindOpen("192.168.1.5".to_owned());
    assert_eq!(open(|_| ()), [Problem::error(Field::Bind, kind())]);
    assert_eq!(open(|spec| spec.config.password = Secret::new("x")), []);
    assert_eq!(
        open(|spec| spec.config.extra = "protected-mode no".to_owned()),
        [Problem::warning(Field::Bind, kind())]
    );
    // A server without a protected mode can't be told so.
    let old = open(|spec| {
        spec.server =
            Some(ServerExe { path: "x".into(), version: ServerVersion::redis(3, 0, 504), build: Build::default() });
    });
    assert_eq!(old, [Problem::warning(Field::Bind, kind())]);
    for bind in ["0.0.0.0", "*", "::"] {
        let problems = after(|spec| bind.clone_into(&mut spec.bind));
        assert_eq!(problems, [Problem::error(Field::Bind, P::BindOpen(bind.to_owned()))]);
    }
}

#[test]
fn the_folder_must_be_whole_writable_empty_and_roomy() {
    assert_eq!(after(|spec| spec.dir = "demo".into()), [Problem::error(Field::Dir, P::DirNotAbsolute)]);
    assert_eq!(after(|spec| spec.dir = "".into()), [Problem::error(Field::Dir, P::DirNotAbsolute)]);
    let problems = after(|spec| spec.dir = std::env::temp_dir().join("a\nb"));
    assert!(matches!(problems.as_slice(), [Problem { kind: P::DirUnspellable(_), .. }]), "{problems:?}");
    let facts = MachineFacts {
        dir_error: Some("read only".to_owned()),
        dir_holds: Some("7000".to_owned()),
        disk_free: Some(100),
        ..MachineFacts::default()
    };
    assert_eq!(
        with(&facts),
        [
            Problem::error(Field::Dir, P::DirNotWritable("read only".to_owned())),
            Problem::error(Field::Dir, P::DirNotEmpty("7000".to_owned())),
            Problem::error(Field::Dir, P::DiskTooSmall { free: 100, needed: 384_000_000 }),
        ]
    );
    let enough = MachineFacts { disk_free: Some(384_000_000), ..MachineFacts::default() };
    assert_eq!(with(&enough), []);
}

#[test]
fn settings_are_judged_in_their_fields() {
    let problems = after(|spec| {
        spec.config.node_timeout_ms = 99;
        spec.config.password = Secret::new("a\0b");
        spec.config.maxmemory = "lots".to_owned();
        spec.config.maxmemory_policy = "lru".to_owned();
        spec.config.save = Some(vec![(0, 1), (60, 0)]);
    });
    assert_eq!(
        problems.iter().map(|problem| problem.field).collect::<Vec<_>>(),
        [Field::NodeTimeout, Field::Password, Field::Maxmemory, Field::MaxmemoryPolicy, Field::Save,]
    );
    assert!(matches!(&problems[4].kind, P::BadSave(text) if text == "0 1"));
    assert_eq!(
        after(|spec| {
            spec.config.node_timeout_ms = 100;
            spec.config.password = Secret::new("密码 \"quoted\"\n");
            spec.config.maxmemory = "256MB".to_owned();
            spec.config.maxmemory_policy = "allkeys-lfu".to_owned();
            spec.config.save = Some(Vec::new());
        }),
        []
    );
}

#[test]
fn a_password_that_the_server_would_spoil_later_is_worth_a_warning() {
    let problems = after(|spec| {
        spec.config.password = Secret::new("a\"b");
        spec.server =
            Some(ServerExe { path: "x".into(), version: ServerVersion::valkey(8, 1, 1), build: Build::default() });
    });
    assert!(
        matches!(problems.as_slice(), [Problem { field: Field::Password, severity: Severity::Warning, .. }]),
        "{problems:?}"
    );
}

#[test]
fn further_directives_and_edited_files_are_judged_by_line() {
    let mut spec = good();
    spec.config.extra = "hz 10\nport 1".to_owned();
    spec.config.extra_by_port =
        BTreeMap::from([(7001, "bogus 1".to_owned()), (7002, "bogus 1".to_owned()), (9000, "hz 1".to_owned())]);
    let edited =
        BTreeMap::from([(7002, "port 7002\nbind 127.0.0.1\nlogfile server.log\npidfile server.pid".to_owned())]);
    let problems = validate(&spec, &MachineFacts::default(), &edited);
    let fields: Vec<_> = problems.iter().map(|problem| problem.field).collect();
    assert_eq!(
        fields,
        [Field::Extra, Field::ExtraFor(7001), Field::ExtraFor(7002), Field::ExtraFor(9000)],
        "{problems:?}"
    );
    assert!(matches!(problems[0].kind, P::ReservedDirective { line: 2, .. }));
    assert!(matches!(problems[1].kind, P::UnknownDirective { line: 1, .. }));
    assert!(matches!(&problems[2].kind, P::BadDirective { reason, .. } if reason.contains("cluster-enabled")));
    assert_eq!(problems[3], Problem::warning(Field::ExtraFor(9000), P::NoSuchNode(9000)));
}

/// Whether any of the problems stops the creation.
fn stops(problems: &[Problem]) -> bool {
    problems.iter().any(|problem| problem.severity == Severity::Error)
}

#[test]
fn only_errors_stop_a_creation() {
    assert!(!stops(&after(|spec| spec.replicas = 0)));
    assert!(stops(&after(|spec| spec.server = None)));
}

proptest! {
    #[test]
    fn problems_come_by_field_errors_first_and_never_panic(
        name in any::<String>(),
        masters in any::<u16>(),
        replicas in any::<u16>(),
        first in any::<u16>(),
        list in proptest::option::of(proptest::collection::vec(any::<u16>(), 0..300)),
        bind in any::<String>(),
        extra in any::<String>(),
        password in any::<String>(),
    ) {
        let mut spec = good();
        (spec.name, spec.masters, spec.replicas, spec.bind) = (name, masters, replicas, bind);
        spec.ports = list.map_or(Ports::From(first), Ports::List);
        spec.config.extra.clone_from(&extra);
        spec.config.password = Secret::new(password);
        let edited = BTreeMap::from([(first, extra)]);
        let problems = validate(&spec, &MachineFacts::default(), &edited);
        let order = |problem: &Problem| (problem.field, std::cmp::Reverse(problem.severity));
        prop_assert!(problems.is_sorted_by_key(order));
    }

    /// What passes can be written: nothing is found too late.
    #[test]
    fn what_passes_can_be_written(password in any::<String>(), extra in "[a-z0-9 \"'#\n-]{0,40}") {
        let mut spec = good();
        spec.config.password = Secret::new(password);
        spec.config.extra = extra;
        if !stops(&check(&spec)) {
            prop_assert!(crate::core::conf::node_file(&spec, 7000).is_ok());
        }
    }
}

fn on_windows(code_page: u32) -> MachineFacts {
    let windows =
        WindowsFacts { code_page, physical: Some(16 << 30), commit_free: Some(8 << 30), ..WindowsFacts::default() };
    MachineFacts { windows: Some(windows), ..MachineFacts::default() }
}

fn kinds(spec: &ClusterSpec, facts: &MachineFacts, field: Field) -> Vec<P> {
    let problems = validate(spec, facts, &BTreeMap::new());
    problems.into_iter().filter(|problem| problem.field == field).map(|problem| problem.kind).collect()
}

#[test]
fn on_windows_a_folder_is_judged_as_its_servers_read_it() {
    let spec = ClusterSpec::new("dev", r"C:\Users\张伟\dev");
    let found = kinds(&spec, &on_windows(1252), Field::Dir);
    assert!(matches!(found[0], P::DirOnWindows(PathProblem::Unspellable { character: '张', .. })), "{found:?}");
    let found = kinds(&spec, &on_windows(936), Field::Dir);
    assert!(!found.iter().any(|kind| matches!(kind, P::DirOnWindows(_))), "{found:?}");
    let found = kinds(&ClusterSpec::new("dev", r"C:\Slotdeck\dev"), &on_windows(1252), Field::Dir);
    assert!(found.contains(&P::DirOnWindows(PathProblem::Shared)), "{found:?}");
    assert!(!kinds(&spec, &MachineFacts::default(), Field::Dir).iter().any(|kind| matches!(kind, P::DirOnWindows(_))));
}

#[test]
fn a_build_that_translates_names_itself_may_lie_anywhere() {
    let mut spec = ClusterSpec::new("dev", r"C:\dev");
    let exe =
        |build| ServerExe { path: r"C:\工具\redis-server.exe".into(), version: ServerVersion::redis(7, 2, 5), build };
    spec.server = Some(exe(Build::Zkteco));
    assert!(matches!(kinds(&spec, &on_windows(1252), Field::Server)[..], [P::ExeOnWindows(_)]));
    spec.server = Some(exe(Build::Cygwin));
    assert_eq!(kinds(&spec, &on_windows(1252), Field::Server), []);
}

#[test]
fn old_ports_tell_how_much_page_file_they_set_aside() {
    let mut spec = ClusterSpec::new("dev", r"C:\dev");
    let version = ServerVersion::redis(3, 0, 504);
    spec.server = Some(ServerExe { path: r"C:\redis-server.exe".into(), version, build: Build::MsOpenTech });
    assert_eq!(kinds(&spec, &on_windows(1252), Field::Maxmemory), [P::PageFile { needed: 96 << 30, free: 8 << 30 }]);
    spec.config.maxmemory = "256mb".into();
    assert_eq!(kinds(&spec, &on_windows(1252), Field::Maxmemory), []);
}

#[test]
fn on_windows_an_address_that_others_reach_brings_a_question_of_the_firewall() {
    let mut spec = ClusterSpec::new("dev", r"C:\dev");
    assert!(kinds(&spec, &on_windows(1252), Field::Bind).is_empty());
    spec.bind = "127.0.0.1 192.168.1.7".into();
    let found = kinds(&spec, &on_windows(1252), Field::Bind);
    assert!(found.contains(&P::FirewallAsks("192.168.1.7".into())), "{found:?}");
}

#[test]
fn a_server_inside_wsl_reads_every_folder_and_the_firewall_does_not_ask_for_it() {
    let mut spec = ClusterSpec::new("dev", r"C:\集群");
    spec.bind = "0.0.0.0".into();
    let path = r"\\wsl.localhost\Ubuntu\opt\工具\redis-server".into();
    spec.server = Some(ServerExe { path, version: ServerVersion::redis(7, 0, 15), build: Build::Upstream });
    let facts = on_windows(1252);
    assert_eq!(kinds(&spec, &facts, Field::Server), []);
    assert!(
        !kinds(&spec, &facts, Field::Dir)
            .iter()
            .any(|kind| matches!(kind, P::DirOnWindows(problem) if *problem != PathProblem::Shared))
    );
    assert!(!kinds(&spec, &facts, Field::Bind).iter().any(|kind| matches!(kind, P::FirewallAsks(_))));
}
