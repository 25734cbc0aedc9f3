//! Clusters from first command to last, through the real slotctl and real servers.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod slotctl_tools;

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use common::{TestServer, free_port_run, wait_until};
use slotctl_tools::{Ran, redis_cli, slotctl, slotctl_at};

/// A workspace of one test, in a folder whose name would break careless quoting. Its clusters end with it.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let home = tempfile::Builder::new().prefix("it's \"a\" 集群 ").tempdir().unwrap();
        Self(home)
    }

    fn run(&self, args: &[&str], input: &str) -> Ran {
        slotctl_at(self.0.path(), args, input)
    }

    /// `up demo` on free ports, with these options besides.
    fn up(&self, port: u16, more: &[&str], input: &str) -> Ran {
        let port = port.to_string();
        let args = ["up", "demo", "--port", &port, "--node-timeout", "2000"];
        self.run(&args.into_iter().chain(more.iter().copied()).collect::<Vec<_>>(), input)
    }

    fn clusters(&self) -> PathBuf {
        self.0.path().join("clusters")
    }

    fn ps(&self) -> serde_json::Value {
        self.run(&["ps", "--json"], "").json()["clusters"].clone()
    }

    /// One look of `watch`.
    fn watched(&self) -> serde_json::Value {
        self.run(&["watch", "demo", "--json", "--count", "1"], "").json()
    }

    /// Insists that nothing is remembered, nothing is left on disk, and nobody listens.
    #[track_caller]
    fn nothing_is_left(&self, port: u16) {
        assert_eq!(self.ps(), serde_json::json!([]));
        let left: Vec<_> = std::fs::read_dir(self.clusters()).into_iter().flatten().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
        for port in port..port + 6 {
            TcpListener::bind(("127.0.0.1", port)).unwrap();
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let listed = self.run(&["ps", "--json"], "");
        let Ok(listed) = serde_json::from_str::<serde_json::Value>(&listed.out) else { return };
        for name in listed["clusters"].as_array().into_iter().flatten().filter_map(|c| c["name"].as_str()) {
            self.run(&["down", name, "--wipe", "--yes"], "");
        }
    }
}

#[test]
fn a_cluster_lives_from_up_to_down_and_leaves_nothing() {
    let (home, port) = (Home::new(), free_port_run(6));
    home.up(port, &["--yes"], "")
        .fine()
        .says("   slots:[0-5460] (5461 slots) master\n")
        .says(" s  Wait until all nodes agree and all replicas are linked\n")
        .says("[OK] All 16384 slots covered.\n")
        .says(&format!("Connect:  redis-cli -c -p {port}\n"))
        .says(&format!("Stop:     {} stop demo\n", env!("CARGO_BIN_EXE_slotctl")))
        .says("server.log\n");
    redis_cli(&["-c", "-p", &port.to_string(), "set", "key", "kept"], "").fine().says("OK");
    home.run(&["ps"], "").fine().says(&format!("demo  ok     6/6    {port}-{}", port + 5)).says("Redis 7.");
    slotctl(&["check", &format!("127.0.0.1:{port}")], "").fine();
    home.run(&["check", "demo"], "").fine().says("[OK] All 16384 slots covered.");
    home.run(&["info", "demo"], "").fine().says("[OK] 1 keys in 3 masters.");
    home.run(&["rebalance", "demo", "--cluster-simulate"], "").fine().says("No rebalancing needed");
    home.run(&["info", "dmeo"], "").failed().complains("'dmeo' is no address").complains("slotctl ps");
    assert_eq!(home.watched()["state"], "ok");
    home.up(port, &["--yes"], "").failed().complains("NAME: A cluster of this name exists already.");

    home.run(&["stop", "demo"], "").fine().says("slotctl start demo");
    assert_eq!((&home.ps()[0]["state"], &home.ps()[0]["up"]), (&"stopped".into(), &0.into()));
    assert_eq!(home.watched()["state"], "stopped", "in the words of ps");
    home.run(&["check", "demo"], "").failed().complains("demo is stopped: 'slotctl start demo' starts it.");
    home.run(&["start", "demo"], "").fine().says("[OK] All 16384 slots covered.").says("demo is up.");
    redis_cli(&["-c", "-p", &port.to_string(), "get", "key"], "").fine().says("kept");

    home.run(&["down", "demo", "--wipe"], "no").failed().says("REMOVE ITS DATA").complains("nothing was done");
    home.run(&["down", "demo", "--wipe"], "yes").fine();
    home.nothing_is_left(port);
    home.run(&["stop", "demo"], "").failed().complains("There is no cluster named 'demo'.");
}

#[test]
fn a_node_that_joined_later_is_counted_whoever_started_it() {
    let (home, port) = (Home::new(), free_port_run(3));
    home.up(port, &["--yes", "--replicas", "0"], "");
    let mut extra = TestServer::start("cluster-enabled yes\n");
    home.run(&["add-node", &extra.addr(), &format!("127.0.0.1:{port}")], "").fine();
    let ps = || home.ps()[0].clone();
    assert_eq!((&ps()["up"], &ps()["nodes"], &ps()["state"]), (&4.into(), &4.into(), &"ok".into()));
    assert!(ps()["addrs"].as_array().unwrap().contains(&extra.addr().into()), "{}", ps());
    extra.kill();
    assert_eq!((&ps()["up"], &ps()["nodes"]), (&3.into(), &4.into()));
}

#[test]
fn a_launched_server_that_leaves_is_stopped_and_the_name_leads_to_those_that_stay() {
    let (home, port) = (Home::new(), free_port_run(6));
    home.up(port, &["--yes"], "").fine();
    let at = |n: u16| format!("127.0.0.1:{}", port + n);
    let says = format!("{} was launched for demo: its server is stopped and its folder removed.", at(3));
    home.run(&["del-node", "demo", &at(3)], "").fine().says(&says);
    // The first place of all: the name must not lead there any more.
    home.run(&["drain", "demo"], "").failed().complains("'demo' names a cluster");
    home.run(&["drain", "demo", &at(0), "--remove"], "").fine();
    assert!([0, 3].into_iter().all(|n| TcpListener::bind(("127.0.0.1", port + n)).is_ok()));
    let ps = home.ps()[0].clone();
    assert_eq!((&ps["up"], &ps["nodes"], &ps["state"]), (&4.into(), &4.into(), &"ok".into()), "{ps}");
    home.run(&["stop", "demo"], "").fine();
    home.run(&["start", "demo"], "").fine();
    home.run(&["check", "demo"], "").fine().says("[OK] All 16384 slots covered.");
}

#[test]
fn a_failover_waits_for_a_move_of_slots() {
    let (home, port) = (Home::new(), free_port_run(6));
    home.up(port, &["--yes"], "").fine();
    let at = |n: u16| format!("127.0.0.1:{}", port + n);
    let keys: Vec<String> = (0..2000).map(|n| format!("set key:{n} {n}\n")).collect();
    redis_cli(&["-c", "-p", &port.to_string()], &keys.concat()).fine();
    let (from, to) = (at(0), at(1));
    let args = ["reshard", "demo", "--from", &from, "--to", &to, "--slots", "1000", "--yes", "--max-rate", "10"];
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_slotctl"))
        .args(args)
        .env("SLOTDECK_HOME", home.0.path())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let running = format!("is running now, by slotctl (process {})", child.id());
    wait_until("the move runs", || home.run(&["check", "demo"], "").out.contains(&running).then_some(()));
    home.run(&["failover", "demo", &at(4), "--yes"], "").failed().complains(&running);
    child.kill().unwrap();
    child.wait().unwrap();
    home.run(&["resume", "demo", "--yes", "--max-rate", "1000000"], "").fine();
    home.run(&["failover", "demo", &at(4), "--yes"], "").fine();
}

#[test]
fn a_no_sends_nothing_and_what_was_made_is_removed() {
    let (home, port) = (Home::new(), free_port_run(6));
    for answer in ["no\n", "no", "", "y\n"] {
        let refused = home.up(port, &[], answer).failed().says("(type 'yes' to accept): ");
        assert!(refused.err.contains("Not confirmed: nothing was sent to any node."), "{refused:#?}");
        assert!(!refused.out.contains("Assign the slots"), "{refused:#?}");
        home.nothing_is_left(port);
    }
}

#[test]
fn what_was_made_can_be_kept_and_made_a_cluster_later() {
    let (home, port) = (Home::new(), free_port_run(6));
    home.up(port, &[], "no\nno\n").failed().complains("'slotctl start demo' goes on");
    assert_eq!(home.ps()[0]["state"], "unformed");
    home.run(&["start", "demo"], "yes").fine().says("[OK] All 16384 slots covered.");
    assert_eq!(home.ps()[0]["state"], "ok");
    home.run(&["down", "demo"], "yes").fine().says("Its files stay in ");
    assert!(home.clusters().join("demo").join(port.to_string()).join("redis.conf").is_file());
    assert_eq!(home.ps(), serde_json::json!([]));
}

#[test]
fn config_writes_files_and_start_does_the_rest() {
    let (home, port) = (Home::new(), free_port_run(3));
    let port_text = port.to_string();
    let args = ["config", "demo", "--port", &port_text, "--replicas", "0", "--set", "maxmemory 64mb"];
    home.run(&args, "").fine().says("[WARNING] --replicas: Without replicas").says("redis.conf");
    let file = home.clusters().join("demo").join(&port_text).join("redis.conf");
    assert!(std::fs::read_to_string(file).unwrap().lines().any(|line| line == "maxmemory 64mb"));
    TcpListener::bind(("127.0.0.1", port)).expect("nothing was started");
    home.run(&["start", "demo", "--yes"], "").fine().says("[OK] All 16384 slots covered.");
    redis_cli(&["-p", &port_text, "config", "get", "maxmemory"], "").fine().says("67108864");
}

#[test]
fn problems_stand_beside_their_options_and_nothing_is_made() {
    let (home, port) = (Home::new(), free_port_run(6));
    let taken = TcpListener::bind(("127.0.0.1", port + 1)).unwrap();
    home.up(port, &["--yes"], "").failed().complains(&format!("--port: Port {} can't be used", port + 1));
    drop(taken);
    let bus = TcpListener::bind(("127.0.0.1", port + 10_002)).unwrap();
    home.up(port, &["--yes"], "").failed().complains(&format!("--port: Bus port {}", port + 10_002));
    drop(bus);
    home.up(port, &["--yes", "--masters", "2"], "").failed().complains("--masters: 2 masters are too few");
    home.up(port, &["--yes", "--set", "no-such-directive 1"], "").failed().complains("--set: ");
    home.up(port, &["--yes", "--set", "save 1 1\nport 1"], "").failed().complains("--set: one directive each");
    home.up(port, &["--yes", "--server", "/bin/cat"], "").failed().complains("--server: /bin/cat: ");
    home.run(&["up", "a/b", "--yes"], "").failed().complains("NAME: ");
    let ports = format!("{port},{port}");
    home.run(&["up", "demo", "--yes", "--ports", &ports], "").failed().complains("--ports: ");
    home.up(port, &["--json"], "").failed().complains("--yes");
    home.nothing_is_left(port);
}

#[test]
fn a_server_that_ends_at_once_is_told_with_its_last_words() {
    let (home, port) = (Home::new(), free_port_run(6));
    let refused = home.up(port, &["--yes", "--set", "aclfile /nonexistent/users.acl"], "").failed();
    for words in ["The server on 127.0.0.1:", "Its last lines (", "/nonexistent/users.acl", "is removed"] {
        assert!(refused.err.contains(words), "no {words:?} in {refused:#?}");
    }
    home.nothing_is_left(port);
}

#[test]
fn a_port_taken_after_the_check_is_told_with_the_likely_cause() {
    let (home, port) = (Home::new(), free_port_run(3));
    home.run(&["config", "demo", "--port", &port.to_string(), "--replicas", "0"], "").fine();
    let taken = TcpListener::bind(("127.0.0.1", port + 1)).unwrap();
    let refused = home.run(&["start", "demo", "--yes"], "").failed();
    let dead = format!("The server on 127.0.0.1:{}", port + 1);
    for words in [&dead, "Likely cause: ", "Its last lines (", "'slotctl start demo' tries again"] {
        assert!(refused.err.contains(words), "no {words:?} in {refused:#?}");
    }
    assert_eq!((&home.ps()[0]["state"], &home.ps()[0]["up"]), (&"unformed".into(), &2.into()));
    drop(taken);
    home.run(&["start", "demo", "--yes"], "").fine().says("[OK] All 16384 slots covered.");
}

#[test]
fn a_password_is_read_from_standard_input_and_shown_nowhere() {
    let (home, port) = (Home::new(), free_port_run(3));
    let password = "s3cret \"集群\" \\n";
    let made = home.up(port, &["--replicas", "0", "--password-stdin"], &format!("{password}\nyes")).fine();
    assert!(!made.out.contains("s3cret"), "{made:#?}");
    let made = made.says(&format!("Connect:  redis-cli -c -p {port} --askpass\n"));
    assert!(!made.out.is_empty());
    let seed = format!("127.0.0.1:{port}");
    slotctl(&["check", &seed], "").failed().says("NOAUTH");
    slotctl(&["check", &seed, "-a", password, "--no-auth-warning"], "").fine();
    assert_eq!(home.ps()[0]["state"], "ok");
    let document = std::fs::read_to_string(home.0.path().join("documents").join("demo.json")).unwrap();
    assert!(!document.contains("s3cret"));
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let command_line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let ours = String::from_utf8_lossy(&command_line).contains(&port.to_string());
        assert!(!(ours && String::from_utf8_lossy(&command_line).contains("s3cret")));
    }
    home.run(&["stop", "demo"], "").fine();
    home.run(&["start", "demo"], "").fine().says(&format!("Connect:  redis-cli -c -p {port} --askpass\n"));
    home.run(&["down", "demo", "--wipe", "--yes"], "").fine();
    home.up(port, &["--password-stdin", "--yes"], "").failed().complains("--password-stdin");
    home.nothing_is_left(port);
}

#[test]
fn json_is_one_object_of_the_documented_shape() {
    let (home, port) = (Home::new(), free_port_run(6));
    let dir = home.0.path().join("else where");
    let made = home.up(port, &["--yes", "--json", "--dir", &dir.display().to_string()], "").fine().json();
    assert_eq!(
        (&made["ok"], &made["cluster"], &made["stop"]),
        (&true.into(), &"demo".into(), &format!("{} stop demo", env!("CARGO_BIN_EXE_slotctl")).into())
    );
    let nodes = made["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 6);
    assert_eq!(nodes.iter().map(|n| n["slot_count"].as_u64().unwrap()).sum::<u64>(), 16384);
    for node in nodes {
        assert!(Path::new(node["log"].as_str().unwrap()).is_file(), "{node}");
        assert!(node["pid"].as_u64().unwrap() > 1 && node["id"].as_str().unwrap().len() == 40, "{node}");
        assert_eq!(node["role"] == "master", node["master"].is_null());
    }
    assert!(made["steps"].as_array().unwrap().iter().all(|step| step["state"] != "failed"));
    assert_eq!(home.run(&["stop", "demo", "--json"], "").fine().json()["ok"], true);
    assert_eq!(home.run(&["start", "demo", "--json"], "").fine().json()["ok"], true);
    assert_eq!(home.run(&["down", "demo", "--wipe", "--yes", "--json"], "").fine().json()["cluster"], "demo");
    assert!(!dir.exists());
    let refused = home.run(&["stop", "demo", "--json"], "").failed().json();
    assert!(refused["ok"] == false && refused["error"].as_str().unwrap().contains("demo"), "{refused}");
    assert!(home.run(&["servers", "--json"], "").fine().json()["servers"][0]["version"].is_string());
}

#[cfg(unix)]
#[test]
fn ctrl_c_at_the_question_sends_nothing_and_removes_what_was_made() {
    use std::io::Read;
    use std::process::{Command, Stdio};
    let (home, port) = (Home::new(), free_port_run(6));
    let mut child = Command::new(env!("CARGO_BIN_EXE_slotctl"))
        .args(["up", "demo", "--port", &port.to_string()])
        .env("SLOTDECK_HOME", home.0.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains("(type 'yes' to accept): ") {
        let mut more = [0; 512];
        let length = out.read(&mut more).unwrap();
        assert!(length > 0, "it ended without asking: {}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&more[..length]);
    }
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    home.nothing_is_left(port);
}

#[test]
fn of_two_that_make_the_same_name_at_once_one_wins_and_is_not_disturbed() {
    let home = Home::new();
    let ports = [free_port_run(3), free_port_run(3)];
    let mut ran: Vec<Ran> = std::thread::scope(|scope| {
        let runs = ports.map(|port| {
            scope.spawn({
                let home = &home;
                move || home.up(port, &["--yes", "--replicas", "0"], "")
            })
        });
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    ran.sort_by_key(|ran| ran.code);
    assert_eq!((ran[0].code, ran[1].code), (0, 1), "{ran:#?}");
    assert!(!ran[1].err.is_empty() && !ran[1].err.contains("removed"), "{ran:#?}");
    let clusters = home.ps();
    assert_eq!((clusters.as_array().unwrap().len(), &clusters[0]["state"]), (1, &"ok".into()));
}

#[test]
fn the_home_can_be_given_as_an_option() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("new home");
    slotctl(&["ps", "--home", &folder.display().to_string()], "").fine().says("No clusters yet");
    assert!(folder.is_dir());
}
