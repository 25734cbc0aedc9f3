use super::*;

const SEVEN: Option<ServerVersion> = Some(ServerVersion::redis(7, 0, 15));

/// Severity, line and words of each remark, for short comparisons.
fn said(remarks: &[Remark]) -> Vec<String> {
    remarks.iter().map(|remark| format!("{:?}: {}", remark.severity, remark.kind)).collect()
}

fn one(text: &str, version: Option<ServerVersion>) -> String {
    let remarks = said(&lint(text, version));
    assert_eq!(remarks.len(), 1, "{text:?}: {remarks:?}");
    remarks.into_iter().next().unwrap()
}

#[test]
fn good_lines_pass() {
    let text = "# more memory\nmaxmemory 1gb\nAppendFsync always\nsave 900 1\nsave 60 1000\nsave \"\"\n\
                client-output-buffer-limit pubsub 32mb 8mb 60\nclient-output-buffer-limit normal 0 0 0\r\n\
                slowlog-log-slower-than -1\nrename-command FLUSHALL \"\"\nunixsocketperm 700\nprotected-mode no\n";
    let expected: Vec<Remark> = Vec::new();
    assert_eq!(lint(text, SEVEN), expected);
    assert_eq!(lint(text, None), expected);
}

#[test]
fn what_the_server_can_not_read_is_named_by_line() {
    assert_eq!(one("\nmasteruser \"abc", SEVEN), "Error: Line 2: a quote is not closed.");
    assert_eq!(one("masteruser \"a\"b", SEVEN), "Error: Line 1: a closing quote must be followed by a blank.");
    assert_eq!(one("hz", SEVEN), "Error: Line 1: 'hz' needs a value.");
    assert_eq!(
        one("appendfsync always # safe", SEVEN),
        "Error: Line 1: there are no comments at the end of a line: '#' belongs to the value of 'appendfsync'."
    );
    assert_eq!(
        one("masteruser two words", SEVEN),
        "Error: Line 1: 'masteruser' has too many values, or one that should be in double quotes."
    );
    assert_eq!(one("hz fast", SEVEN), "Error: Line 1: 'hz' takes a whole number.");
    assert_eq!(one("activedefrag on", SEVEN), "Error: Line 1: 'activedefrag' takes yes or no.");
    assert_eq!(one("maxmemory 1tb", SEVEN), "Error: Line 1: 'maxmemory' takes an amount of memory, like 64mb.");
    assert!(one("maxmemory-policy lru", SEVEN).contains("no maxmemory policy"));
    assert!(one("save 900", SEVEN).contains("'save' takes"));
    assert!(one("save 900 1 60 10", Some(ServerVersion::redis(6, 2, 5))).contains("'save' takes"));
    assert!(one("\u{feff}hz 10", SEVEN).contains("byte order mark"));
    assert!(one("masteruser a\0b", SEVEN).contains("NUL"));
}

#[test]
fn old_servers_cut_long_lines_comments_too() {
    let text = format!("# {}", "a".repeat(1030));
    assert!(one(&text, Some(ServerVersion::redis(6, 2, 5))).contains("longer than 1023 bytes"));
    assert!(lint(&text, SEVEN).is_empty());
}

#[test]
fn an_unknown_directive_is_an_error_where_the_server_would_not_start() {
    assert_eq!(one("protectd-mode no", SEVEN), "Error: Line 1: this server does not know 'protectd-mode'.");
    assert!(one("protected-mode no", Some(ServerVersion::redis(3, 0, 504))).starts_with("Error"));
    assert!(one("brand-new 1", Some(ServerVersion::redis(9, 9, 0))).starts_with("Warning"));
    assert!(one("brand-new 1", None).starts_with("Warning"));
    assert!(one("search.threads 1", SEVEN).starts_with("Warning"));
}

#[test]
fn a_setting_twice_is_named_under_any_of_its_names() {
    assert_eq!(
        one("replica-priority 1\nslave-priority 2", SEVEN),
        "Warning: Line 2: 'slave-priority' stands there twice."
    );
}

#[test]
fn what_slotdeck_sets_is_reserved_in_further_directives() {
    for name in RESERVED {
        let value = match name {
            "cluster-enabled" | "daemonize" => "no",
            "port" | "cluster-port" => "7000",
            _ if name.ends_with("port") => "1",
            _ => "x",
        };
        let said = one(&format!("{name} {value}"), SEVEN);
        assert_eq!(said, format!("Error: Line 1: '{name}' is set by Slotdeck itself."));
    }
    assert!(one("PrimaryAuth x", Some(ServerVersion::valkey(8, 0, 0))).contains("set by Slotdeck"));
}

#[test]
fn what_slotdeck_could_not_live_with_is_refused() {
    for line in [
        "include /etc/redis/redis.conf",
        "replicaof 127.0.0.1 7000",
        "slaveof 127.0.0.1 7000",
        "tls-port 7443",
        "tls-cluster yes",
        "rename-command CLUSTER \"\"",
        "user default on nopass ~* +@all",
    ] {
        assert!(one(line, SEVEN).starts_with("Error: Line 1: "), "{line}");
    }
    assert!(one("unixsocket /tmp/redis.sock", SEVEN).contains("socket"));
    assert!(lint("tls-port 0\ntls-cluster no\nuser alice on nopass", SEVEN).is_empty());
}

#[test]
fn a_problem_knows_its_line() {
    assert_eq!(line_of(&lint("\n\nbogus 1", SEVEN)[0].kind), Some(3));
    assert_eq!(line_of(&ProblemKind::NoServer), None);
}

mod edited {
    use super::*;

    const FILE: &str = "port 7000\nbind 127.0.0.1\ndir ./\ndaemonize no\nlogfile server.log\npidfile server.pid\n\
                        cluster-enabled yes\ncluster-config-file nodes-7000.conf\n";

    fn check(text: &str, password: &str) -> Vec<String> {
        let password = Secret::new(password);
        said(&lint_file(text, SEVEN, &Node { port: 7000, host: "127.0.0.1", password: &password }))
    }

    /// The one remark about the file with this line changed or added.
    fn changed(line: &str) -> String {
        let name = line.split(' ').next().unwrap();
        let kept: Vec<&str> = FILE.lines().filter(|old| !old.starts_with(&format!("{name} "))).chain([line]).collect();
        let remarks = check(&kept.join("\n"), "");
        assert_eq!(remarks.len(), 1, "{line}: {remarks:?}");
        remarks.into_iter().next().unwrap()
    }

    #[test]
    fn a_file_that_is_still_the_node_passes() {
        assert_eq!(check(FILE, ""), Vec::<String>::new());
        let with_password = format!("{FILE}requirepass ********\nmasterauth \"se cret\"\n");
        assert_eq!(check(&with_password, "se cret"), Vec::<String>::new());
        assert_eq!(check(&FILE.replace("127.0.0.1", "192.168.1.5 127.0.0.1"), ""), Vec::<String>::new());
        assert_eq!(check(&FILE.replace("127.0.0.1", "* -::*"), ""), Vec::<String>::new());
    }

    #[test]
    fn a_file_that_is_no_longer_this_node_is_an_error() {
        for line in [
            "port 7001",
            "cluster-enabled no",
            "daemonize yes",
            "supervised systemd",
            "dir /var/lib/redis",
            "cluster-config-file ../nodes.conf",
            "bind 192.168.1.5",
            "requirepass other",
            "cluster-port 7005",
            "cluster-announce-ip 10.0.0.1",
        ] {
            assert!(changed(line).starts_with("Error"), "{line}");
        }
        assert!(changed("logfile /var/log/redis.log").starts_with("Warning"));
        assert!(changed("include more.conf").starts_with("Warning"));
    }

    #[test]
    fn the_last_line_counts_as_for_the_server() {
        let remarks = check(&format!("{FILE}port 7009\n"), "");
        assert_eq!(remarks.len(), 2, "{remarks:?}");
        assert_eq!(remarks[0], "Warning: Line 9: 'port' stands there twice.");
        assert!(remarks[1].starts_with("Error: Line 9: "), "{remarks:?}");
    }

    #[test]
    fn what_is_missing_is_said_at_the_first_line() {
        let remarks = check("cluster-enabled yes\n", "secret");
        assert!(remarks.iter().all(|remark| remark.contains("Line 1: ")), "{remarks:?}");
        let said = remarks.join("\n");
        for name in ["port 7000", "'requirepass'", "'masterauth'"] {
            assert!(said.contains(name), "{name}: {said}");
        }
        assert!(check("", "").iter().any(|remark| remark.contains("'cluster-enabled yes'")));
    }

    #[test]
    fn a_mask_stands_for_the_password_and_for_nothing_else() {
        assert!(changed("requirepass ********").contains("must be the password of the cluster"));
    }
}
