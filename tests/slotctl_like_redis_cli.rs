//! slotctl beside the real redis-cli, on real servers: the same words, to the byte, and the same exit codes where
//! redis-cli's are right.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod slotctl_tools;

use common::TestServer;
use slotctl_tools::{Ran, redis_cli, run, slotctl};

fn servers(n: usize, extra: &str) -> Vec<TestServer> {
    (0..n).map(|_| TestServer::start_cluster_node(extra)).collect()
}

fn with_addrs<'a>(before: &[&'a str], addrs: &'a [String], after: &[&'a str]) -> Vec<&'a str> {
    before.iter().copied().chain(addrs.iter().map(String::as_str)).chain(after.iter().copied()).collect()
}

fn addrs(servers: &[TestServer]) -> Vec<String> {
    servers.iter().map(TestServer::addr).collect()
}

/// The text in blocks: a node's three lines are one. The asked node's stays first, the other nodes are sorted, since
/// redis-cli has them in the order of CLUSTER NODES, which changes from run to run.
fn in_one_order(text: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    for line in text.lines() {
        match blocks.last_mut() {
            Some(block) if line.starts_with("   ") => *block = format!("{block}\n{line}"),
            _ => blocks.push(line.to_owned()),
        }
    }
    let is_node = |block: &String| block.starts_with("M: ") || block.starts_with("S: ") || block.contains("...) -> ");
    for run in blocks.chunk_by_mut(|a, b| is_node(a) && is_node(b)) {
        match run.first() {
            Some(first) if first.contains("...) -> ") => run.sort(),
            Some(first) if is_node(first) => run[1..].sort(),
            _ => {}
        }
    }
    blocks
}

#[track_caller]
fn alike(ours: &Ran, theirs: &Ran) {
    assert_eq!(in_one_order(&ours.out), in_one_order(&theirs.out), "ours: {ours:#?}\ntheirs: {theirs:#?}");
    assert_eq!((&ours.err, ours.code), (&theirs.err, theirs.code));
}

#[test]
fn check_and_info_are_byte_equal_and_the_plan_is_too() {
    let servers = servers(6, "");
    let addrs = addrs(&servers);
    // Nobody answers: nothing is sent, and the plans can be compared. redis-cli pairs replicas at random on one host.
    let create = with_addrs(&["--cluster", "create"], &addrs, &["--cluster-replicas", "1"]);
    let (ours, theirs) = (slotctl(&create, "no\n").failed(), redis_cli(&create, "no\n"));
    let mended = |ran: &Ran| -> Vec<String> {
        let pairing = |l: &&str| !l.starts_with("   replicates ") && !l.starts_with("Adding replica ");
        ran.out.lines().filter(pairing).map(|l| l.trim_end().to_owned()).collect()
    };
    assert_eq!(mended(&ours), mended(&theirs));
    assert_eq!(ours.out.matches("Adding replica").count(), 3);

    let made = slotctl(&create, "yes").fine();
    for line in [
        "Can I set the above configuration? (type 'yes' to accept): >>> Nodes configuration updated\n",
        "\n>>> Assign a different config epoch to each node\n>>> Sending CLUSTER MEET messages to join the cluster\n",
        "\nWaiting for the cluster to join\n\n>>> Performing Cluster Check (using node ",
        "\n[OK] All nodes agree about slots configuration.\n>>> Check for open slots...\n>>> Check slots coverage...\n",
        "\n[OK] All 16384 slots covered.\n",
        "   slots:[0-5460] (5461 slots) master\n   1 additional replica(s)\n",
    ] {
        assert!(made.out.contains(line), "no {line:?} in {}", made.out);
    }
    for key in ["a", "b", "c", "d"] {
        redis_cli(&["-c", "-p", &servers[0].port().to_string(), "set", key, "1"], "").fine();
    }
    for (i, server) in servers.iter().enumerate() {
        for sub in ["check", "info"] {
            let port = server.port().to_string();
            let args = if i % 2 == 0 {
                vec!["--cluster".to_owned(), sub.to_owned(), server.addr()]
            } else {
                vec!["--cluster".to_owned(), sub.to_owned(), "127.0.0.1".to_owned(), port]
            };
            alike(&slotctl(&args, "").fine(), &redis_cli(&args, ""));
        }
    }
}

#[test]
fn broken_coverage_and_open_slots_are_told_in_the_same_words() {
    let servers = servers(3, "cluster-require-full-coverage no");
    let addrs = addrs(&servers);
    slotctl(&with_addrs(&["create", "--cluster-yes"], &addrs, &[]), "").fine();
    let id =
        |server: &TestServer| redis::cmd("CLUSTER").arg("MYID").query::<String>(&mut server.connect(None)).unwrap();
    let (from, to) = (id(&servers[0]), id(&servers[1]));
    let call =
        |server: &TestServer, words: &[&str]| redis::cmd("CLUSTER").arg(words).exec(&mut server.connect(None)).unwrap();
    call(&servers[1], &["SETSLOT", "7", "IMPORTING", &from]);
    call(&servers[0], &["SETSLOT", "7", "MIGRATING", &to]);
    let args = ["--cluster", "check", &addrs[0]];
    let (mut ours, theirs) = (slotctl(&args, ""), redis_cli(&args, ""));
    // The one line more says how to repair it.
    let hint = ours.out.lines().last().unwrap_or_default().to_owned();
    assert!(hint.starts_with("'slotctl fix "), "{hint}");
    ours.out.truncate(ours.out.len() - hint.len() - 1);
    alike(&ours, &theirs);
    assert_eq!(ours.code, 1);
    for server in &servers {
        call(server, &["DELSLOTS", "100"]);
    }
    let (ours, theirs) = (slotctl(&args, "").failed(), redis_cli(&args, "").failed());
    let (ours, theirs) = (in_one_order(&ours.out), in_one_order(&theirs.out));
    assert_eq!(ours[..theirs.len()], theirs, "what redis-cli does not look at comes after its lines");
    assert!(ours[theirs.len()..].iter().any(|line| line.contains("100")), "{ours:#?}");
}

#[test]
fn a_dead_node_fails_the_check_and_is_named() {
    let mut servers = servers(6, "");
    let addrs = addrs(&servers);
    slotctl(&with_addrs(&["create", "--cluster-yes", "--cluster-replicas", "1"], &addrs, &[]), "").fine();
    servers[5].kill();
    slotctl(&["check", &addrs[0]], "")
        .failed()
        .says("[OK] All 16384 slots covered.\n>>> Check nodes, roles and replica links...\n[ERR] ")
        .says(&format!("[ERR] {} does not answer", addrs[5]))
        .complains(&format!("Could not connect to Redis at {}: Connection refused\n", addrs[5]));
    slotctl(&["check", &addrs[5]], "").failed().complains(&format!("Could not connect to Redis at {}", addrs[5]));
}

#[test]
fn every_node_that_is_not_empty_is_named_with_what_it_holds() {
    let servers = servers(4, "");
    let addrs = addrs(&servers);
    let mut first = servers[0].connect(None);
    // A key can only be set where its slot is served.
    let all: Vec<String> = (0..16384).map(|slot: u32| slot.to_string()).collect();
    redis::cmd("CLUSTER").arg("ADDSLOTS").arg(all).exec(&mut first).unwrap();
    common::wait_until("the node with all slots serves them", || {
        redis::cmd("SET").arg("k").arg("v").exec(&mut first).ok()
    });
    let meet = ["MEET", "127.0.0.1", &servers[2].port().to_string()].map(str::to_owned);
    redis::cmd("CLUSTER").arg(&meet).exec(&mut servers[1].connect(None)).unwrap();
    common::wait_until("two nodes know each other", || {
        let known: String = redis::cmd("CLUSTER").arg("NODES").query(&mut servers[2].connect(None)).unwrap();
        (known.lines().count() == 2 && !known.contains("handshake")).then_some(())
    });
    let refused = slotctl(&with_addrs(&["create", "--cluster-yes"], &addrs, &[]), "").failed();
    assert_eq!(refused.err, "");
    for (i, words) in [(0, "holds 1 key"), (1, "knows 1 other node"), (2, "knows 1 other node")] {
        let line = format!(
            "[ERR] Node {0} is not empty. Either the node already knows other nodes (check with CLUSTER NODES) or contains some key in database 0.\n      {0} ",
            addrs[i]
        );
        let told = refused.out.split_once(line.as_str()).map(|(_, rest)| rest.lines().next().unwrap_or_default());
        assert!(told.is_some_and(|told| told.contains(words)), "{i} {words}: {refused:#?}");
    }
    assert!(!refused.out.contains(&addrs[3]), "{refused:#?}");
    assert!(!refused.out.contains(">>>"), "no plan was made: {refused:#?}");
}

#[test]
fn too_few_nodes_are_refused_in_redis_clis_words() {
    let servers = servers(4, "");
    let args = with_addrs(&["--cluster", "create"], &addrs(&servers), &["--cluster-replicas", "1"])
        .iter()
        .map(|s| (*s).to_owned())
        .collect::<Vec<_>>();
    alike(&slotctl(&args, ""), &redis_cli(&args, ""));
}

#[test]
fn passwords_come_from_the_line_the_environment_or_an_address() {
    let servers = servers(3, "requirepass p@ss\nmasterauth p@ss");
    let addrs = addrs(&servers);
    let warning = "Warning: Using a password with '-a' or '-u' option on the command line interface may not be safe.\n";
    let wrong = slotctl(&with_addrs(&["-a", "wrong", "--no-auth-warning", "create"], &addrs, &[]), "").failed();
    for addr in &addrs {
        assert!(wrong.out.contains(&format!("Node {addr} replied with error:\n")), "all are named: {wrong:#?}");
    }
    slotctl(&with_addrs(&["create"], &addrs, &[]), "").failed().says("NOAUTH");
    slotctl(&with_addrs(&["create", "-a", "p@ss", "--no-auth-warning", "--cluster-yes"], &addrs, &[]), "").fine();
    let check = ["--cluster", "check", addrs[0].as_str()];
    let with_env = run(env!("CARGO_BIN_EXE_slotctl"), &check, "", &[("REDISCLI_AUTH", "p@ss".as_ref())]);
    with_env.fine().says("[OK] All 16384 slots covered.");
    let warned = slotctl(&["-a", "p@ss", "--cluster", "check", &addrs[0]], "");
    assert_eq!((warned.code, warned.err.as_str()), (0, warning));
    slotctl(&["-u", "redis://default:p%40ss@x", "--no-auth-warning", "check", &addrs[0]], "").fine();
    slotctl(&["--user", "default", "--askpass", "--cluster", "check", &addrs[0]], "p@ss\n").fine();
}

#[test]
fn usage_errors_are_redis_clis() {
    for args in [
        vec!["--cluster", "create"],
        vec!["--cluster", "nosuch", "a:1"],
        vec!["--cluster", "check", "127.0.0.1"],
        vec!["--cluster", "info", "a:1", "--nosuch-option"],
        vec!["--cluster", "create", "nonsense", "a:1", "b:2"],
    ] {
        alike(&slotctl(&args, ""), &redis_cli(&args, ""));
    }
    slotctl(&["create", "--help"], "").fine().says("--cluster-replicas");
    slotctl(&["--help"], "").fine().says("create");
    slotctl(&["--version"], "").fine().says("slotctl ");
    slotctl(&["nosuch"], "").failed();
}

#[test]
fn the_environment_answers_yes_and_json_is_one_object() {
    let servers = servers(3, "");
    let addrs = addrs(&servers);
    slotctl(&with_addrs(&["create", "--json"], &addrs, &[]), "").failed().complains("--yes");
    let env = [("REDISCLI_CLUSTER_YES", "1".as_ref())];
    let made = run(env!("CARGO_BIN_EXE_slotctl"), &with_addrs(&["create", "--json"], &addrs, &[]), "", &env).fine();
    assert_eq!((&made.json()["ok"], made.json()["nodes"].as_array().unwrap().len()), (&true.into(), 3));
    let checked = slotctl(&["check", &addrs[1], "--json"], "").fine().json();
    assert_eq!(checked["findings"].as_array().unwrap().iter().filter(|f| f["error"] == true).count(), 0);
    let refused = slotctl(&with_addrs(&["create", "--json", "--yes"], &addrs, &[]), "").failed().json();
    assert!(refused["ok"] == false && refused["error"].as_str().unwrap().contains(&addrs[2]), "{refused}");
}

#[test]
fn a_creation_that_stops_half_way_is_undone_or_gone_on_with() {
    // This user may do everything but introduce nodes to each other.
    let servers = servers(3, "user limited on >pw ~* &* +@all -cluster|meet");
    let addrs = addrs(&servers);
    let login = ["create", "--user", "limited", "-a", "pw", "--no-auth-warning"];
    let owned = |server: &TestServer| {
        let nodes: String = redis::cmd("CLUSTER").arg("NODES").query(&mut server.connect(None)).unwrap();
        !nodes.trim_end().ends_with("connected")
    };
    for (input, yes) in [("yes\nreset\n", false), ("", true)] {
        let mut args = with_addrs(&login, &addrs, &[]);
        if yes {
            args.push("--cluster-yes");
        }
        slotctl(&args, input).failed().complains("NOPERM").complains(&addrs[2]).complains("empty again");
        assert!(servers.iter().all(|server| !owned(server)), "a reset takes the slots back");
    }
    slotctl(&with_addrs(&login, &addrs, &[]), "yes\nno\n").failed().complains("CLUSTER RESET HARD");
    assert!(servers.iter().all(owned), "nothing was undone");
    for server in &servers {
        let mut admin = server.connect(None);
        redis::cmd("CLUSTER").arg("RESET").arg("HARD").exec(&mut admin).unwrap();
        let timeout: Vec<String> =
            redis::cmd("CONFIG").arg("GET").arg("cluster-node-timeout").query(&mut admin).unwrap();
        assert_eq!(timeout[1], "2000", "settings are put back after every failure");
    }
    slotctl(&with_addrs(&["create", "--cluster-yes"], &addrs, &[]), "").fine();
}

#[test]
fn a_creation_that_stopped_half_way_goes_on_after_a_yes() {
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};
    let servers = servers(3, "user limited on >pw ~* &* +@all -cluster|meet");
    let addrs = addrs(&servers);
    let mut child = Command::new(env!("CARGO_BIN_EXE_slotctl"))
        .args(with_addrs(&["create", "--user", "limited", "-a", "pw", "--no-auth-warning"], &addrs, &[]))
        .env("SLOTDECK_HOME", slotctl_tools::home())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, mut out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut read_until = |words: &str| {
        let mut said = String::new();
        while !said.contains(words) {
            let mut more = [0; 512];
            let length = out.read(&mut more).unwrap();
            assert!(length > 0, "it ended before it said {words:?}: {said}");
            said.push_str(&String::from_utf8_lossy(&more[..length]));
        }
    };
    read_until("(type 'yes' to accept): ");
    input.write_all(b"yes\n").unwrap();
    read_until("Type 'yes' to go on");
    for server in &servers {
        let mut admin = server.connect(None);
        redis::cmd("ACL").arg(&["SETUSER", "limited", "+cluster|meet"]).exec(&mut admin).unwrap();
    }
    input.write_all(b"yes\n").unwrap();
    read_until("[OK] All 16384 slots covered.\n");
    assert!(child.wait().unwrap().success());
    slotctl(&["check", &addrs[2]], "").fine();
}

/// Ends `create` by this signal after it assigned the slots and before it is done, and says what it complained about.
#[cfg(unix)]
fn ended_half_way(home: &std::path::Path, servers: &[TestServer], signal: &str) -> String {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::process::{Command, Stdio};
    for _ in 0..10 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_slotctl"))
            .args(with_addrs(&["create"], &addrs(servers), &[]))
            .env("SLOTDECK_HOME", home)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"yes\n").unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let half = lines.find(|line| line.contains(">>> Nodes configuration updated"));
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        lines.for_each(drop);
        let (mut said, ended) = (String::new(), child.wait().unwrap());
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(half.is_some(), "it ended before: {said}");
        if !ended.success() {
            return said;
        }
        // It was faster than the signal: once more.
        for server in servers {
            redis::cmd("CLUSTER").arg(&["RESET", "HARD"]).exec(&mut server.connect(None)).unwrap();
        }
    }
    panic!("ten times it was done before the signal came");
}

#[cfg(unix)]
fn timeouts(servers: &[TestServer]) -> Vec<String> {
    let of = |server: &TestServer| -> Vec<String> {
        redis::cmd("CONFIG").arg("GET").arg("cluster-node-timeout").query(&mut server.connect(None)).unwrap()
    };
    servers.iter().map(|server| of(server)[1].clone()).collect()
}

#[cfg(unix)]
#[test]
fn a_creation_that_was_killed_is_undone_or_gone_on_with_by_the_next_one() {
    let servers = servers(3, "");
    let home = tempfile::tempdir().unwrap();
    let records = || {
        let files = std::fs::read_dir(home.path().join("journal")).unwrap().flatten().map(|file| file.file_name());
        files.filter(|name| name.to_string_lossy().ends_with(".json")).count()
    };
    let addrs = addrs(&servers);
    let create = |more: &[&str], input: &str| {
        slotctl_tools::slotctl_at(home.path(), &with_addrs(&["create"], &addrs, more), input)
    };
    ended_half_way(home.path(), &servers, "-KILL");
    assert!(timeouts(&servers).iter().all(|timeout| timeout == "500"), "it could not put them back");
    assert_eq!(records(), 1);
    create(&[], "no\n")
        .failed()
        .says("An earlier creation on these nodes was interrupted")
        .complains("Nothing was undone");
    create(&[], "reset\n").failed().complains("These nodes are empty again");
    assert_eq!(timeouts(&servers), ["2000"; 3]);
    assert_eq!(records(), 0);

    ended_half_way(home.path(), &servers, "-KILL");
    let one_more: Vec<&str> = with_addrs(&["create", "--cluster-yes", "127.0.0.1:1"], &addrs, &[]);
    slotctl_tools::slotctl_at(home.path(), &one_more, "").failed().complains("leave --cluster-yes out");
    create(&["--cluster-yes"], "").fine().says("was interrupted").says("[OK] All 16384 slots covered.");
    assert_eq!(timeouts(&servers), ["2000"; 3]);
    assert_eq!(records(), 0);
    create(&["--cluster-yes"], "").failed().says("is not empty");
}

#[cfg(unix)]
#[test]
fn a_creation_that_the_system_ends_puts_settings_back_and_can_be_gone_on_with() {
    let servers = servers(3, "");
    let home = tempfile::tempdir().unwrap();
    for signal in ["-TERM", "-HUP"] {
        let said = ended_half_way(home.path(), &servers, signal);
        assert!(said.contains("The cluster is not finished: cancelled"), "{said}");
        assert_eq!(timeouts(&servers), ["2000"; 3]);
        let addrs = addrs(&servers);
        let again = with_addrs(&["create"], &addrs, &[]);
        slotctl_tools::slotctl_at(home.path(), &again, "reset\n").failed().complains("These nodes are empty again");
    }
}
