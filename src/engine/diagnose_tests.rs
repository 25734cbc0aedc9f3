use std::path::Path;
use std::process::{Command, Stdio};

use super::*;

fn cause(text: &str) -> Option<Cause> {
    likely_cause(&text.lines().map(str::to_owned).collect::<Vec<_>>())
}

/// What a real server says that is started with this redis.conf in this folder and ends by itself.
fn server_says(dir: &Path, config: &str) -> Cause {
    std::fs::write(dir.join("redis.conf"), config).unwrap();
    let said = std::fs::File::create(dir.join("said")).unwrap();
    let mut server = Command::new("/usr/bin/redis-server")
        .arg("redis.conf")
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(said.try_clone().unwrap())
        .stderr(said)
        .spawn()
        .unwrap();
    let begun = std::time::Instant::now();
    while server.try_wait().unwrap().is_none() {
        if begun.elapsed() > std::time::Duration::from_secs(10) {
            server.kill().unwrap();
            server.wait().unwrap();
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let text = String::from_utf8_lossy(&std::fs::read(dir.join("said")).unwrap()).into_owned();
    cause(&text).unwrap_or_else(|| panic!("no cause in: {text}"))
}

/// As above, in a folder of its own.
fn server_complains(config: &str) -> Cause {
    let dir = tempfile::tempdir().unwrap();
    server_says(dir.path(), config)
}

fn bad_line(line: u32, text: &str, reason: &str) -> Cause {
    Cause::BadConfigLine { line: Some(line), text: text.to_owned(), reason: reason.to_owned() }
}

#[test]
fn a_real_server_s_complaint_about_its_configuration_is_quoted() {
    assert!(matches!(
        server_complains("port 0\nno-such 1\n"),
        Cause::BadConfigLine { line: Some(2), text, .. } if text == "no-such 1"
    ));
    assert!(matches!(
        server_complains("maxmemory-policy foo\n"),
        Cause::BadConfigLine { reason, .. } if reason.contains("noeviction")
    ));
    assert!(matches!(server_complains("dir /no/where\n"), Cause::WrongDir(what) if what.starts_with("/no/where: ")));
    assert!(
        matches!(server_complains("logfile /no/where/x.log\n"), Cause::LogUnwritable(why) if why.contains("No such"))
    );
    assert!(matches!(server_complains("include /no/where.conf\n"), Cause::ConfigUnreadable(_)));
    assert_eq!(
        server_complains("port 0\nunixsocket s\nloadmodule /no/where.so\n"),
        Cause::Module("/no/where.so".to_owned())
    );
    assert!(
        matches!(server_complains("port 0\nunixsocket s\naclfile /no/where.acl\n"), Cause::Acl(why) if why.contains("/no/where.acl"))
    );
    assert!(
        matches!(server_complains("port 0\nunixsocket s\nuser foo +nosuch\n"), Cause::Acl(why) if why.contains("+nosuch"))
    );
    assert!(matches!(server_complains("port 0\nunixsocket /proc/x\n"), Cause::UnixSocket(_)));
    // Too high for a bus port beside it, and among those that the system gives to anybody.
    let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let port = (56_000..u16::MAX).find(free).unwrap();
    assert_eq!(server_complains(&format!("bind 127.0.0.1\nport {port}\ncluster-enabled yes\n")), Cause::PortTooHigh);
    let address = Cause::AddressUnavailable("203.0.113.7".to_owned());
    assert_eq!(server_complains("bind 203.0.113.7\nport 21700\n"), address);
}

#[test]
fn a_real_server_whose_ports_are_taken_names_them() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    assert_eq!(server_complains(&format!("bind 127.0.0.1\nport {port}\n")), Cause::PortInUse(port));
    let first = 20_700 + u16::try_from(std::process::id() % 300).unwrap();
    let (port, _bus) = (first..first + 300)
        .find_map(|port| {
            std::net::TcpListener::bind(("127.0.0.1", port)).ok()?;
            Some((port, std::net::TcpListener::bind(("127.0.0.1", port + 10_000)).ok()?))
        })
        .unwrap();
    let config = format!("bind 127.0.0.1\nport {port}\ncluster-enabled yes\n");
    assert_eq!(server_complains(&config), Cause::BusPortInUse(port + 10_000));
}

#[test]
fn a_real_server_whose_data_is_damaged_says_what_and_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &[u8]| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    put("dump.rdb", b"REDIS0099aaaaaaaaaaaaaaaaaaa");
    assert_eq!(server_says(dir.path(), "port 0\nunixsocket s\n"), Cause::DataTooNew("99".to_owned()));
    put("dump.rdb", b"hello world, no snapshot");
    assert_eq!(server_says(dir.path(), "port 0\nunixsocket s\n"), Cause::RdbCorrupt);
    put("dump.rdb", b"REDIS0010");
    assert_eq!(server_says(dir.path(), "port 0\nunixsocket s\n"), Cause::RdbCorrupt);
    std::fs::remove_file(dir.path().join("dump.rdb")).unwrap();

    put("nodes.conf", b"garbage line here\n");
    assert_eq!(server_says(dir.path(), "port 21699\ncluster-enabled yes\n"), Cause::NodesFileCorrupt);

    let aof = "port 0\nunixsocket s\nappendonly yes\naof-load-truncated no\n";
    let name = "appendonly.aof.1.incr.aof";
    put("appendonlydir/appendonly.aof.manifest", format!("file {name} seq 1 type i\n").as_bytes());
    put(&format!("appendonlydir/{name}"), b"*3\r\n$3\r\nset\r\n$1\r\na\r\n$1\r\nb\r\ngarbage\r\n");
    assert_eq!(server_says(dir.path(), aof), Cause::AofCorrupt(name.to_owned()));
    put(&format!("appendonlydir/{name}"), b"*3\r\n$3\r\nset\r\n$1\r\na");
    assert_eq!(server_says(dir.path(), aof), Cause::AofTruncated(name.to_owned()));
    std::fs::remove_file(dir.path().join("appendonlydir").join(name)).unwrap();
    assert!(matches!(server_says(dir.path(), aof), Cause::AofIncomplete(why) if why.contains(name)));
    put("appendonlydir/appendonly.aof.manifest", b"file\n");
    assert!(matches!(server_says(dir.path(), aof), Cause::AofIncomplete(why) if why.contains("manifest")));
}

#[test]
fn lines_of_other_servers_and_systems_are_understood() {
    let cases = [
        (
            "5:M 23 Nov 2026 08:33:32.322 # Redis 7.0.15 crashed by signal: 11, si_code: 1\n\
             redis-server 127.0.0.1:21753 [cluster](slotToKeyAddEntry+0x4a)[0x55d0fb612dfa]\n\
             redis-server 127.0.0.1:21753 [cluster](rdbLoad+0xb7)[0x55d0fb5dae97]",
            Cause::OtherDatabases,
        ),
        // Redis 3.0, which has no start line and no "Failed listening".
        (
            "7:M 01 Jan 10:00:00.000 # Creating Server TCP listening socket *:7000: bind: Address already in use",
            Cause::PortInUse(7000),
        ),
        (
            "7:M 01 Jan 10:00:00.000 * No cluster configuration found, I'm d5e6\n\
             7:M 01 Jan 10:00:00.000 # Creating Server TCP listening socket 127.0.0.1:17000: bind: Address already in use",
            Cause::BusPortInUse(17000),
        ),
        // Windows never says "in use".
        (
            "[96] 01 Jan 10:00:00.000 # Could not create server TCP listening socket 127.0.0.1:22602: bind: No error\n\
             [96] 01 Jan 10:00:00.000 # Failed listening on port 22602 (tcp), aborting.",
            Cause::PortInUse(22602),
        ),
        (
            "1:M 23 Nov 2026 08:21:00.666 # Warning: Could not create server TCP listening socket 127.0.0.1:80: bind: Permission denied\n\
             1:M 23 Nov 2026 08:21:00.666 # Failed listening on port 80 (TCP), aborting.",
            Cause::PortNotAllowed(80),
        ),
        (
            "2427:M 23 Nov 2026 08:20:19.888 # Sorry, the cluster configuration file nodes.conf is already used by a different Redis Cluster node. Please make sure that different nodes use different cluster configuration files.",
            Cause::NodesFileInUse,
        ),
        (
            "2932:M 23 Nov 2026 08:21:00.570 # Can't open nodes.conf in order to acquire a lock: Permission denied",
            Cause::PermissionDenied("Can't open nodes.conf in order to acquire a lock: Permission denied".to_owned()),
        ),
        (
            "2956:M 23 Nov 2026 08:21:00.626 # Fatal error loading the DB: Permission denied. Exiting.",
            Cause::PermissionDenied("Fatal error loading the DB: Permission denied".to_owned()),
        ),
        (
            "*** FATAL CONFIG FILE ERROR ***\nReading the configuration file, at line 3\n>>> 'foo bar'\nModule Configuration detected without loadmodule directive or no ApplyConfig call: aborting",
            bad_line(3, "foo bar", "the server does not know this directive"),
        ),
        (
            "Failed to open the .conf file: redis.conf CWD=C:\\Users\\??",
            Cause::ConfigUnreadable("Failed to open the .conf file: redis.conf CWD=C:\\Users\\??".to_owned()),
        ),
        (
            "[96] 01 Jan 10:00:00.000 # QForkMasterInit: VirtualAlloc of reserve segment failed: Invalid address",
            Cause::PageFile,
        ),
        (
            "The Windows version of Redis allocates a memory mapped heap for sharing with\nthe forked process used for persistence operations. (0x5AF)",
            Cause::PageFile,
        ),
        (
            "5:M 01 Jan 2026 10:00:00.000 # Out Of Memory allocating 1073741824 bytes!\n=== REDIS BUG REPORT START\n5:M 01 Jan 2026 10:00:00.000 # Redis 7.0.15 crashed by signal: 6, si_code: -6",
            Cause::OutOfMemory,
        ),
        (
            "5:M 01 Jan 2026 10:00:00.000 # Redis 7.0.15 crashed by signal: 11, si_code: 1",
            Cause::Crashed("11".to_owned()),
        ),
        (
            "25911:M 23 Nov 2026 08:33:43.660 # Write error saving DB on disk(fflush): No space left on device\n25911:M 23 Nov 2026 08:33:43.660 # Error trying to save the DB, can't exit.",
            Cause::DiskFull,
        ),
        (
            "5:M 01 Jan 2026 10:00:00.000 # You can't have keys in a DB different than DB 0 when in Cluster mode. Exiting.",
            Cause::OtherDatabases,
        ),
        (
            "5:M 01 Jan 2019 10:00:00.000 # Bad file format reading the append only file: make a backup of your AOF file, then use ./redis-check-aof --fix <filename>",
            Cause::AofCorrupt(String::new()),
        ),
        (
            "2306:M 23 Nov 2026 08:20:18.473 # No tls-cert-file configured!\n2306:M 23 Nov 2026 08:20:18.473 # Failed to configure TLS. Check logs for more info.",
            Cause::Tls("No tls-cert-file configured!".to_owned()),
        ),
        (
            "25684:signal-handler (1795422814) Received SIGTERM scheduling shutdown...\n25684:M 23 Nov 2026 08:33:34.602 # User requested shutdown...\n25684:M 23 Nov 2026 08:33:34.603 * DB saved on disk",
            Cause::AskedToEnd,
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(cause(text), Some(expected), "{text}");
    }
}

#[test]
fn only_the_last_run_counts_and_silence_is_no_cause() {
    let old = "1:M 01 Jan 2026 10:00:00.000 # Failed listening on port 7000 (TCP), aborting.\n";
    let start = "2:C 01 Jan 2026 11:00:00.000 # oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo\n";
    let fine = "2:M 01 Jan 2026 11:00:00.000 * Ready to accept connections\n";
    assert_eq!(cause(&format!("{old}{start}{fine}")), None);
    assert_eq!(cause(&format!("{start}{fine}{old}")), Some(Cause::PortInUse(7000)));
    assert_eq!(cause(""), None);
    assert_eq!(cause(fine), None);
}

#[test]
fn what_a_server_survived_long_ago_is_not_blamed() {
    let trouble = "2:M 01 Jan 2026 11:00:00.000 # Error writing to the AOF file: No space left on device\n";
    let life = "2:M 01 Jan 2026 12:00:00.000 * Background saving terminated with success\n".repeat(20);
    assert_eq!(cause(&format!("{trouble}{life}")), None);
    assert_eq!(cause(&format!("{life}{trouble}")), Some(Cause::DiskFull));
}

#[test]
fn every_cause_says_what_happened_in_whole_sentences() {
    for cause in [
        Cause::PortInUse(7000),
        bad_line(3, "foo", "unknown"),
        Cause::AofCorrupt(String::new()),
        Cause::AofTruncated("a.aof".to_owned()),
        Cause::RdbCorrupt,
        Cause::PageFile,
        Cause::PermissionDenied("x".to_owned()),
        Cause::AskedToEnd,
    ] {
        let text = cause.to_string();
        assert!(text.ends_with('.') && !text.contains("  ") && !text.contains(".."), "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_stumble(lines in proptest::collection::vec("(.{0,30}(>>> '|TCP listening socket |at line |: |Failed listening on port |集| # ).{0,20})|.{0,40}", 0..20)) {
        let _ = likely_cause(&lines);
    }
}
