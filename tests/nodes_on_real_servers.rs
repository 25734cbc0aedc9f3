//! Nodes come and go on real servers of several versions: `add-node`, `del-node`, `drain`, `call`, `set-timeout`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod slotctl_tools;

use std::path::{Path, PathBuf};

use common::{TestServer, cached_server, default_and, server_program, wait_until};
use slotctl_tools::{Ran, redis_cli, slotctl_at};

/// Three masters, perhaps replicas of theirs, and a workspace of their own.
struct Cluster {
    program: PathBuf,
    servers: Vec<TestServer>,
    home: tempfile::TempDir,
}

impl Cluster {
    fn of(program: &Path, replicas: usize) -> Self {
        let mut cluster = Self { program: program.to_owned(), servers: Vec::new(), home: tempfile::tempdir().unwrap() };
        (0..3 * (replicas + 1)).for_each(|_| drop(cluster.start()));
        let addrs: Vec<String> = cluster.servers.iter().map(TestServer::addr).collect();
        let count = replicas.to_string();
        let mut args = vec!["--cluster", "create", "--cluster-replicas", &count, "--cluster-yes"];
        args.extend(addrs.iter().map(String::as_str));
        cluster.slotctl(&args).fine();
        cluster
    }

    /// Starts one more empty node; says its address.
    fn start(&mut self) -> String {
        self.servers.push(TestServer::start_cluster_node_of(&self.program, "repl-diskless-sync-delay 0"));
        self.addr(self.servers.len() - 1)
    }

    fn slotctl(&self, args: &[&str]) -> Ran {
        slotctl_at(self.home.path(), args, "")
    }

    fn addr(&self, server: usize) -> String {
        self.servers[server].addr()
    }

    fn ask(&self, server: usize, words: &[&str]) -> String {
        redis::cmd(words[0]).arg(&words[1..]).query(&mut self.servers[server].connect(None)).unwrap()
    }

    fn id(&self, server: usize) -> String {
        self.ask(server, &["CLUSTER", "MYID"])
    }

    /// What a node says of another: its line of CLUSTER NODES.
    fn line(&self, server: usize, id: &str) -> Option<String> {
        self.ask(server, &["CLUSTER", "NODES"]).lines().find(|line| line.starts_with(id)).map(str::to_owned)
    }

    /// The server that is at this address.
    fn at(&self, addr: &str) -> usize {
        self.servers.iter().position(|server| server.addr() == addr).unwrap()
    }

    /// Servers that run and copy this node.
    fn replicas_of(&self, id: &str) -> Vec<usize> {
        let runs = |n: &usize| self.servers[*n].pid().is_some();
        let copies = |n: &usize| self.line(*n, &self.id(*n)).unwrap().contains(&format!("slave {id}"));
        (0..self.servers.len()).filter(runs).filter(copies).collect()
    }

    /// Insists that these servers agree, know exactly each other, and that all is well.
    #[track_caller]
    fn are_one_cluster(&self, servers: &[usize]) {
        self.slotctl(&["check", &self.addr(servers[0])]).fine().says("[OK] All 16384 slots covered.");
        for server in servers {
            let nodes = self.ask(*server, &["CLUSTER", "NODES"]);
            assert_eq!(nodes.lines().count(), servers.len(), "{} sees\n{nodes}", self.addr(*server));
        }
    }
}

/// The servers that are tried: the system's, and those that were installed.
fn servers() -> Vec<(&'static str, PathBuf)> {
    default_and(&["redis-6.2", "redis-8.0", "redis-newest", "valkey-8.1", "valkey-newest"])
}

#[test]
fn nodes_join_as_masters_and_replicas_and_leave_without_a_trace() {
    for (name, program) in servers() {
        eprintln!("on {name}");
        let mut cluster = Cluster::of(&program, 0);
        let first = cluster.addr(0);
        let master = cluster.start();
        let ran = cluster.slotctl(&["--cluster", "add-node", &master, &first]).fine();
        ran.says(&format!(">>> Adding node {master} to cluster {first}\n"))
            .says(&format!(">>> Send CLUSTER MEET to node {master} to make it join the cluster.\n"))
            .says("[OK] New node added correctly.\n");
        cluster.are_one_cluster(&[0, 1, 2, 3]);

        // Without an id: the masters with fewest replicas, each in its turn.
        let (one, two) = (cluster.start(), cluster.start());
        let json = cluster.slotctl(&["add-node", &one, &two, &first, "--cluster-slave", "--json"]).fine().json();
        let chosen: Vec<&str> =
            json["added"].as_array().unwrap().iter().map(|n| n["master"].as_str().unwrap()).collect();
        assert_ne!(chosen[0], chosen[1], "{json:#}");
        assert_eq!(json["added"][0]["role"], "replica");
        let id = cluster.id(3);
        let third = cluster.start();
        let args = ["--cluster", "add-node", &third, &first, "--cluster-replica", "--cluster-master-id", &id];
        cluster.slotctl(&args).fine().says(&format!(">>> Configure node as replica of {master}.\n"));
        cluster.are_one_cluster(&[0, 1, 2, 3, 4, 5, 6]);
        assert!(cluster.ask(6, &["INFO", "replication"]).contains("master_link_status:up"));

        // The new master goes; whoever copies it gets another one, and not the one that goes.
        let orphans = cluster.replicas_of(&id);
        assert!(orphans.contains(&6), "{orphans:?}");
        let ran = cluster.slotctl(&["--cluster", "del-node", &first, &id]).fine();
        ran.says(&format!(">>> Removing node {id} from cluster {first}\n"))
            .says(">>> Sending CLUSTER FORGET messages to the cluster...\n")
            .says(">>> Sending CLUSTER RESET SOFT to the deleted node.\n");
        cluster.are_one_cluster(&[0, 1, 2, 4, 5, 6]);
        assert_eq!(cluster.ask(3, &["CLUSTER", "NODES"]).lines().count(), 1);
        // Two at once, one of them by its address, asked of one that goes.
        let other = cluster.start();
        cluster.slotctl(&["add-node", &other, &first]).fine();
        let six = cluster.id(6);
        cluster.slotctl(&["del-node", &third, &other, &six]).fine();
        cluster.are_one_cluster(&[0, 1, 2, 4, 5]);
    }
}

#[test]
fn a_killed_node_is_removed_from_every_node() {
    for (name, program) in servers() {
        eprintln!("on {name}");
        let mut cluster = Cluster::of(&program, 1);
        let first = cluster.addr(0);
        let replica = (0..6).rfind(|n| cluster.line(*n, &cluster.id(*n)).unwrap().contains("slave")).unwrap();
        let id = cluster.id(replica);
        cluster.servers[replica].kill();
        cluster.slotctl(&["--cluster", "del-node", &first, &id]).fine().says("no node that answers knows it.");
        let left: Vec<usize> = (0..6).filter(|n| *n != replica).collect();
        for server in &left {
            assert_eq!(cluster.line(*server, &id), None, "{name}: {}", cluster.addr(*server));
        }
        // It can come back with what it knows: nobody who forgot it takes it for a member.
        cluster.servers[replica].start_again();
        let gone = cluster.slotctl(&["--cluster", "del-node", &first, &id]).failed();
        gone.says(&format!("[ERR] No such node ID {id}\n"));
        cluster.are_one_cluster(&left);
    }
}

#[test]
fn the_replicas_of_a_dead_master_get_another_one() {
    for (name, program) in servers() {
        eprintln!("on {name}");
        let mut cluster = Cluster::of(&program, 0);
        let first = cluster.addr(0);
        let master = cluster.start();
        cluster.slotctl(&["add-node", &master, &first]).fine();
        let id = cluster.id(3);
        let (one, two) = (cluster.start(), cluster.start());
        let args = ["add-node", &one, &two, &first, "--cluster-replica", "--cluster-master-id", &id];
        cluster.slotctl(&args).fine();
        cluster.servers[3].kill();
        let json = cluster.slotctl(&["del-node", &first, &id, "--yes", "--json"]).fine().json();
        assert_eq!(json["rehomed"].as_array().unwrap().len(), 2, "{name}: {json:#}");
        assert_eq!(json["removed"][0]["answers"], false, "{name}: {json:#}");
        cluster.are_one_cluster(&[0, 1, 2, 4, 5]);
        for server in [4, 5] {
            let words = cluster.ask(server, &["INFO", "replication"]);
            assert!(words.contains("role:slave") && words.contains("master_link_status:up"), "{name}: {words}");
        }
    }
}

/// `add-node` that can't come to its end, since nobody is at the bus port that the new node tells; Ctrl-C while it waits.
#[test]
fn an_addition_that_is_stopped_is_undone() {
    for (name, program) in servers() {
        eprintln!("on {name}");
        let mut cluster = Cluster::of(&program, 0);
        let first = cluster.addr(0);
        let new = cluster.start();
        let nowhere = common::free_port().to_string();
        cluster.ask(3, &["CONFIG", "SET", "cluster-announce-bus-port", &nowhere]);
        let id = cluster.id(3);
        for as_replica in [false, true] {
            let mut args = vec!["--cluster", "add-node", &new, &first];
            args.extend(as_replica.then_some("--cluster-slave"));
            let child = std::process::Command::new(env!("CARGO_BIN_EXE_slotctl"))
                .args(args)
                .env("SLOTDECK_HOME", cluster.home.path())
                .stdin(std::process::Stdio::null())
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            // Under any id: nobody has spoken with it yet.
            let place = format!(" {new}@");
            wait_until("it is met", || cluster.ask(0, &["CLUSTER", "NODES"]).contains(&place).then_some(()));
            let pid = child.id().to_string();
            assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
            let output = child.wait_with_output().unwrap();
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{name}: {words}");
            assert!(
                words.contains("stopped as asked. It was undone: the new nodes are empty again"),
                "{name}: {words}"
            );
            assert_eq!(cluster.ask(3, &["CLUSTER", "NODES"]).lines().count(), 1, "{name}");
            assert_eq!([0, 1, 2].map(|server| cluster.line(server, &id)), [None, None, None], "{name}");
            cluster.are_one_cluster(&[0, 1, 2]);
        }
    }
}

#[test]
fn another_node_that_is_down_is_named_and_told_when_it_is_back() {
    let mut cluster = Cluster::of(&server_program(), 1);
    let first = cluster.addr(0);
    let replicas: Vec<usize> =
        (0..6).filter(|n| cluster.line(*n, &cluster.id(*n)).unwrap().contains("slave")).collect();
    let (gone, down) = (replicas[0], replicas[1]);
    let (gone_id, down_addr) = (cluster.id(gone), cluster.addr(down));
    cluster.servers[down].kill();
    let again = ["del-node", first.as_str(), gone_id.as_str()];
    cluster.slotctl(&again).failed().complains(&down_addr).complains(&format!("slotctl del-node {first} {gone_id}"));
    cluster.servers[down].start_again();
    assert!(cluster.line(down, &gone_id).is_some());
    cluster.slotctl(&again).fine();
    let left: Vec<usize> = (0..6).filter(|n| *n != gone).collect();
    cluster.are_one_cluster(&left);
}

#[test]
fn what_can_not_be_added_is_refused_before_anything_changes() {
    let mut cluster = Cluster::of(&server_program(), 0);
    let first = cluster.addr(0);
    let new = cluster.start();
    let refused = |cluster: &Cluster, args: &[&str], words: &str| {
        let mut line = vec!["--cluster", "add-node"];
        line.extend(args);
        let ran = cluster.slotctl(&line).failed();
        assert!(ran.out.contains(words) || ran.err.contains(words), "no {words:?} in {ran:#?}");
        assert_eq!(cluster.ask(0, &["CLUSTER", "NODES"]).lines().count(), 3);
    };
    let other = Cluster::of(&server_program(), 0);
    let nobody = "beef".repeat(10);
    let id_args = [new.as_str(), &first, "--cluster-slave", "--cluster-master-id", &nobody];
    refused(&cluster, &id_args, &format!("[ERR] No such master ID {nobody}"));
    cluster.ask(3, &["CLUSTER", "ADDSLOTS", "0"]);
    let words = "is not empty. Either the node already knows other nodes (check with CLUSTER NODES) or contains some key in \
                 database 0.";
    refused(&cluster, &[&new, &first], &format!("[ERR] Node {new} {words}"));
    cluster.ask(3, &["CLUSTER", "DELSLOTS", "0"]);
    refused(&cluster, &[&other.addr(0), &first], &format!("{} knows 2 other nodes", other.addr(0)));
    refused(&cluster, &[&other.addr(0), &first], "To use such a node all the same: 'slotctl del-node'");
    cluster.ask(3, &["FUNCTION", "LOAD", "#!lua name=mine\nredis.register_function('f', function() return 1 end)"]);
    refused(&cluster, &[&new, &first], ">>> New node already contains functions and can not be added to the cluster.");
    cluster.ask(3, &["FUNCTION", "FLUSH"]);
    refused(&cluster, &[&cluster.addr(1), &first], "is a member of this cluster already, as a master with");
    refused(&cluster, &[&new, &new, &first], "is given twice");
    let plain = TestServer::start("");
    refused(&cluster, &[&plain.addr(), &first], "is not configured as a cluster node.");
    let closed = TestServer::start_cluster_node("requirepass secret");
    refused(&cluster, &[&closed.addr(), &first], "NOAUTH");
    if let Some(old) = cached_server("redis-6.2") {
        let old = TestServer::start_cluster_node_of(&old, "");
        refused(&cluster, &[&old.addr(), &first, "--cluster-slave"], "can't load the data of its master");
    }
    if let Some(old) = cached_server("redis-3.2") {
        let old = TestServer::start_cluster_node_of(&old, "");
        refused(&cluster, &[&old.addr(), &first], "nodes before and after 4.0 don't understand each other");
    }
    // An open slot: the cluster is not whole.
    cluster.ask(0, &["CLUSTER", "SETSLOT", "0", "MIGRATING", &cluster.id(1)]);
    refused(&cluster, &[&new, &first], "*** Please fix your cluster problems before adding nodes");
    cluster.ask(0, &["CLUSTER", "SETSLOT", "0", "STABLE"]);
    // A plan sends nothing; then it works, and the cluster's functions come along.
    let ran = cluster.slotctl(&["plan", "add-node", &new, &first, "--commands"]).fine();
    assert!(ran.out.contains("CLUSTER MEET 127.0.0.1"), "{ran:#?}");
    assert_eq!(cluster.ask(0, &["CLUSTER", "NODES"]).lines().count(), 3);
    cluster.ask(0, &["FUNCTION", "LOAD", "#!lua name=ours\nredis.register_function('g', function() return 1 end)"]);
    cluster.slotctl(&["add-node", &new, &first]).fine().says(&format!(">>> Send FUNCTION RESTORE to {new}\n"));
    let list: redis::Value = redis::cmd("FUNCTION").arg("LIST").query(&mut cluster.servers[3].connect(None)).unwrap();
    assert!(format!("{list:?}").contains("ours"), "{list:?}");
}

#[test]
fn a_replica_that_could_not_log_in_at_its_master_is_refused() {
    let mut cluster = Cluster::of(&server_program(), 0);
    let first = cluster.addr(0);
    for server in 0..3 {
        cluster.ask(server, &["CONFIG", "SET", "requirepass", "pw"]);
    }
    let new = cluster.start();
    let args = ["add-node", &new, &first, "--cluster-slave", "-a", "pw", "--no-auth-warning"];
    cluster.slotctl(&args).failed().complains("has no masterauth");
    cluster.ask(3, &["CONFIG", "SET", "masterauth", "pw"]);
    cluster.slotctl(&args).fine().says("[OK] New node added correctly.");
}

#[test]
fn what_can_not_be_removed_stays() {
    let cluster = Cluster::of(&server_program(), 0);
    let (first, id) = (cluster.addr(0), cluster.id(1));
    let ran = cluster.slotctl(&["--cluster", "del-node", &first, &id]).failed();
    ran.says(&format!("[ERR] Node {} is not empty! Reshard data away and try again.\n", cluster.addr(1)))
        .says(&format!("slotctl drain {first} {id}"));
    cluster.slotctl(&["del-node", &first, "beef"]).failed().says("[ERR] No such node ID beef\n");
    cluster.slotctl(&["--cluster", "del-node", &first]).failed().complains("[ERR] Wrong number of arguments");
    cluster.slotctl(&["del-node", &first, &id, "--json"]).failed();
    cluster.are_one_cluster(&[0, 1, 2]);
}

#[test]
fn a_drained_master_gives_everything_and_goes() {
    for (name, program) in servers() {
        eprintln!("on {name}");
        let mut cluster = Cluster::of(&program, 0);
        let first = cluster.addr(0);
        for number in 0..300 {
            for server in 0..3 {
                let set = redis::cmd("SET").arg(format!("n{number}")).arg(number).to_owned();
                // Keys of others are refused.
                let _ = set.exec(&mut cluster.servers[server].connect(None));
            }
        }
        let (id, receiver) = (cluster.id(2), cluster.id(1));
        let ran = cluster.slotctl(&["drain", &first, &id, "--to", &receiver, "--yes"]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{name}");
        assert!(ran.out.contains("all nodes agree."), "{name}");
        let json = cluster.slotctl(&["check", &first, "--json"]).json();
        let slots = |json: &serde_json::Value, server: usize| {
            let nodes = json["nodes"].as_array().unwrap();
            nodes.iter().find(|n| n["addr"] == cluster.addr(server)).unwrap()["slot_count"].as_u64().unwrap()
        };
        assert_eq!([0, 1, 2].map(|n| slots(&json, n)), [5461, 10923, 0], "{name}");
        assert_eq!(json["keys"], 300, "{name}");
        cluster.slotctl(&["drain", &first, "127.0.0.1:1", "--yes"]).failed();
        let new = cluster.start();
        cluster.slotctl(&["add-node", &new, &first]).fine();
        // One without slots: its removal is the plan.
        let idle = cluster.slotctl(&["plan", "drain", &first, &new, "--remove", "--commands"]).fine();
        idle.says("CLUSTER FORGET").says("CLUSTER RESET SOFT");
        // By its own address alone, and out at once.
        let second = cluster.addr(1);
        let into = format!("{first},{new}");
        let plan = ["plan", "drain", &second, "--to", &into, "--remove"];
        let shown = cluster.slotctl(&plan).fine();
        shown.says(&format!(">>> Then node {receiver} is removed from the cluster")).says("is forgotten and reset");
        let shown = cluster.slotctl(&[&plan[..], &["--json"]].concat()).fine().json();
        assert_eq!(
            (shown["moves"].as_array().unwrap().len(), &shown["removed"][0]["id"]),
            (2, &receiver.as_str().into())
        );
        let told = shown["commands"].as_array().unwrap().iter().filter(|c| c["words"][1] == "FORGET").count();
        assert_eq!(told, 3, "{shown:#}");
        let ran = cluster.slotctl(&["drain", &second, "--to", &into, "--remove", "--yes", "--json"]);
        let json = ran.fine().json();
        assert_eq!((json["ok"].as_bool(), json["removed"][0]["reset"].as_bool()), (Some(true), Some(true)), "{json:#}");
        assert_eq!(json["moves"].as_array().unwrap().len(), 2, "{json:#}");
        let json = cluster.slotctl(&["check", &first, "--json"]).json();
        assert_eq!(json["keys"], 300, "{name}");
        cluster.are_one_cluster(&[0, 2, 3]);
        assert_eq!(cluster.at(&second), 1);
    }
}

#[test]
fn a_call_reaches_every_node_and_says_which_failed() {
    for (name, program) in servers() {
        eprintln!("on {name}");
        let mut cluster = Cluster::of(&program, 1);
        let first = cluster.addr(0);
        let ran = cluster.slotctl(&["--cluster", "call", &first, "config", "get", "port"]).fine();
        assert!(ran.out.starts_with(&format!(">>> Calling config get port\n{first}: port\n")), "{ran:#?}");
        let theirs = redis_cli(&["--cluster", "call", &first, "config", "get", "port"], "");
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&ran.out), sorted(&theirs.out), "{name}");
        let masters = cluster.slotctl(&["--cluster", "call", "--cluster-only-masters", &first, "role", "--json"]);
        let masters = masters.fine().json();
        assert_eq!(masters["replies"].as_array().unwrap().len(), 3, "{masters:#}");
        assert_eq!(masters["replies"][0]["reply"][0], "master");
        let replicas = cluster.slotctl(&["call", &first, "role", "--cluster-only-replicas"]).fine();
        assert_eq!(replicas.out.matches(": slave\n").count(), 3, "{replicas:#?}");
        cluster.slotctl(&["call", &first, "--", "ECHO", "-a\nb"]).fine().says(&format!("{first}: -a\nb\n"));
        let bad = cluster.slotctl(&["--cluster", "call", &first, "nonsense"]).failed();
        bad.says(&format!("{first}: ERR unknown command")).complains("The call failed on 6 of 6 nodes");
        let down = cluster.addr(5);
        cluster.servers[5].kill();
        let ran = cluster.slotctl(&["--cluster", "call", &first, "ping"]).failed();
        ran.says(&format!("{first}: PONG\n"))
            .says(&format!("{down}: Failed!\n"))
            .complains(&format!("on 1 of 6 nodes: {down}."));
    }
}

#[test]
fn a_timeout_is_set_in_memory_and_in_the_file_of_every_node() {
    for (name, program) in servers() {
        eprintln!("on {name}");
        let mut cluster = Cluster::of(&program, 0);
        let first = cluster.addr(0);
        let ran = cluster.slotctl(&["--cluster", "set-timeout", &first, "4321"]).fine();
        ran.says(&format!("*** New timeout set for {first}\n")).says(">>> New node timeout set. 3 OK, 0 ERR.\n");
        for server in &cluster.servers {
            let file = std::fs::read_to_string(server.conf()).unwrap();
            assert!(file.contains("cluster-node-timeout 4321"), "{name}: {file}");
        }
        for bad in ["99", "0", "many", "-5", ""] {
            cluster.slotctl(&["--cluster", "set-timeout", &first, bad]).failed();
        }
        let few = cluster.slotctl(&["--cluster", "set-timeout", &first, "99"]).failed();
        assert_eq!(few.err, "Setting a node timeout of less than 100 milliseconds is a bad idea.\n");
        let down = cluster.addr(2);
        cluster.servers[2].kill();
        let ran = cluster.slotctl(&["--cluster", "set-timeout", &first, "5000"]).failed();
        ran.says(">>> New node timeout set. 2 OK, 1 ERR.\n").says(&format!("ERR setting node-timeout for {down}: "));
    }
}
