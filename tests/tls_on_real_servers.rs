//! slotctl in TLS with real servers: everything works where no plain port is open, and what is wrong says so.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod slotctl_tools;
mod tls_tools;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use common::follower::Follower;
use common::{TestServer, server_program, wait_until};
use slotctl_tools::{Ran, slotctl_at};
use slotdeck::core::slot::Slot;
use slotdeck::core::tls::TlsOptions;
use slotdeck::core::topology::NodeAddr;
use slotdeck::engine::client::NodeClient;
use slotdeck::engine::command::{Auth, Command as Ask};
use slotdeck::engine::handle::Engine;
use slotdeck::engine::snapshot::Reach;
use slotdeck::engine::tls::Tls;
use slotdeck::workspace::store::Workspace;
use tls_tools::{Authority, TlsServer, servers, slotctl_tls};

/// Three masters that speak TLS.
struct Cluster {
    authority: Authority,
    nodes: Vec<TlsServer>,
    home: tempfile::TempDir,
}

impl Cluster {
    fn new() -> Self {
        Self::with("")
    }

    fn with(more: &str) -> Self {
        Self::of(&server_program(), more)
    }

    fn of(program: &Path, more: &str) -> Self {
        let authority = Authority::new("the cluster's CA");
        let nodes: Vec<TlsServer> = (0..3).map(|_| TlsServer::node_of(program, &authority, more)).collect();
        Self { authority, nodes, home: tempfile::tempdir().unwrap() }
    }

    fn created() -> Self {
        Self::new().create()
    }

    fn create(self) -> Self {
        let cluster = self;
        let addrs: Vec<String> = cluster.nodes.iter().map(TlsServer::addr).collect();
        let mut args = vec!["--cluster", "create", "--cluster-yes"];
        args.extend(addrs.iter().map(String::as_str));
        cluster.slotctl(&args).fine().says("[OK] All 16384 slots covered.");
        cluster
    }

    fn slotctl(&self, args: &[&str]) -> Ran {
        slotctl_tls(self.home.path(), &self.authority.file(), args)
    }

    fn plain(&self, args: &[&str]) -> Ran {
        slotctl_at(self.home.path(), args, "")
    }

    fn addr(&self, node: usize) -> String {
        self.nodes[node].addr()
    }

    /// Numbered keys, written on the plain ports.
    fn seed(self, count: u64) -> (Self, u64) {
        let Self { authority, nodes, home } = self;
        let (ports, servers): (Vec<u16>, Vec<TestServer>) = nodes.into_iter().map(|n| (n.port, n.server)).unzip();
        let mut client = Follower::new(&servers);
        for number in 0..count {
            client.set(format!("n{number}").as_bytes(), number.to_string().as_bytes());
        }
        drop(client);
        let nodes = ports.into_iter().zip(servers).map(|(port, server)| TlsServer { server, port }).collect();
        (Self { authority, nodes, home }, count)
    }

    fn close_plain(&self) {
        self.nodes.iter().for_each(TlsServer::close_plain);
    }

    #[track_caller]
    fn is_whole(&self) {
        let seed = self.addr(0);
        wait_until("the cluster to be whole", || (self.slotctl(&["check", &seed]).code == 0).then_some(()));
    }

    /// The keys of all masters.
    fn keys(&self) -> u64 {
        self.slotctl(&["check", &self.addr(0), "--json"]).json()["keys"].as_u64().unwrap()
    }

    fn id(&self, node: usize) -> String {
        let json = self.slotctl(&["check", &self.addr(0), "--json"]).json();
        let nodes = json["nodes"].as_array().unwrap();
        let node = nodes.iter().find(|n| n["addr"] == self.addr(node)).unwrap();
        node["id"].as_str().unwrap().to_owned()
    }
}

#[test]
fn slots_move_and_nodes_come_and_go_where_no_plain_port_is_open() {
    for (name, program) in servers() {
        eprintln!("on {name}");
        let (mut cluster, count) = Cluster::of(&program, "").create().seed(600);
        cluster.close_plain();
        let seed = cluster.addr(0);
        cluster.slotctl(&["check", &seed]).fine().says("[OK] All 16384 slots covered.");
        cluster.slotctl(&["info", &seed]).fine().says("600 keys in 3 masters");
        let (first, last) = (cluster.id(0), cluster.id(2));
        cluster
            .slotctl(&["move-slots", &seed, "--slots", "0-999", "--to", &last, "--yes"])
            .fine()
            .says("[OK] 1000 slots");
        let reshard = ["--cluster", "reshard", &seed, "--cluster-from", &last, "--cluster-to", &first];
        let reshard: Vec<&str> = reshard.into_iter().chain(["--cluster-slots", "500", "--cluster-yes"]).collect();
        cluster.slotctl(&reshard).fine();
        cluster.is_whole();

        let (master, replica) = (
            TlsServer::node_of(&program, &cluster.authority, ""),
            TlsServer::node_of(&program, &cluster.authority, ""),
        );
        master.close_plain();
        replica.close_plain();
        let (master_at, replica_at) = (master.addr(), replica.addr());
        cluster.nodes.extend([master, replica]);
        cluster.slotctl(&["--cluster", "add-node", &master_at, &seed]).fine();
        cluster
            .slotctl(&["--cluster", "add-node", &replica_at, &seed, "--cluster-slave", "--cluster-master-id", &first])
            .fine();
        cluster.is_whole();
        cluster.slotctl(&["--cluster", "rebalance", &seed, "--cluster-use-empty-masters", "--cluster-yes"]).fine();
        cluster.is_whole();
        cluster.slotctl(&["call", &seed, "PING"]).fine().says("PONG");
        cluster.slotctl(&["set-timeout", &seed, "3000"]).fine();
        let (added, its_replica) = (cluster.id(3), cluster.id(4));
        cluster.slotctl(&["del-node", &seed, &its_replica]).fine();
        cluster.slotctl(&["drain", &seed, &added, "--yes"]).fine();
        cluster.is_whole();
        assert_eq!(cluster.keys(), count);
    }
}

#[test]
fn a_backup_is_taken_and_restored_in_tls() {
    for (name, program) in servers() {
        eprintln!("on {name}");
        let (cluster, count) = Cluster::of(&program, "").create().seed(300);
        cluster.close_plain();
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("backup").display().to_string();
        cluster.slotctl(&["--cluster", "backup", &cluster.addr(0), &dir]).fine();
        let other = Cluster::of(&program, "").create();
        other.close_plain();
        other.slotctl(&["restore", &dir, &other.addr(0), "--yes"]).fine();
        assert_eq!(other.keys(), count);
    }
}

#[test]
fn keys_come_from_a_source_in_tls_and_from_one_without() {
    let cluster = Cluster::created();
    cluster.close_plain();
    let (secure, plain) = (TlsServer::alone(&cluster.authority, ""), TestServer::start(""));
    for (server, key) in [(&secure.server, "from the secure one"), (&plain, "from the plain one")] {
        redis::cmd("SET").arg(key).arg("x").exec(&mut server.connect(None)).unwrap();
    }
    let seed = cluster.addr(0);
    // As in redis-cli, what --tls says holds for the source as well.
    cluster.slotctl(&["--cluster", "import", &seed, "--cluster-from", &secure.addr(), "--cluster-copy"]).fine();
    let url = format!("redis://{}", plain.addr());
    cluster.slotctl(&["--cluster", "import", &seed, "--cluster-from", &url, "--cluster-copy"]).fine();
    assert_eq!(cluster.keys(), 2);

    // A source in TLS alone, with a CA that is not the cluster's.
    let (theirs, home) = (Authority::new("another CA"), tempfile::tempdir().unwrap());
    let source = TlsServer::alone(&theirs, "");
    redis::cmd("SET").arg("key").arg("x").exec(&mut source.server.connect(None)).unwrap();
    let targets: Vec<TestServer> = (0..3).map(|_| TestServer::start_cluster_node("")).collect();
    let addrs: Vec<String> = targets.iter().map(TestServer::addr).collect();
    let create = ["--cluster", "create", "--cluster-yes", &addrs[0], &addrs[1], &addrs[2]];
    slotctl_at(home.path(), &create, "").fine();
    let url = format!("rediss://{}", source.addr());
    let ca = theirs.file();
    let import = ["import", &addrs[0], "--cluster-from", &url, "--from-cacert", &ca, "--cluster-copy"];
    slotctl_at(home.path(), &import, "").fine().says("[OK] 1 key was copied");
    let unknown = ["import", &addrs[0], "--cluster-from", &url, "--cluster-copy"];
    slotctl_at(home.path(), &unknown, "").failed().complains("is not signed by a CA that this system knows");
}

#[test]
fn a_server_that_can_t_be_trusted_is_told_with_what_to_do() {
    let cluster = Cluster::created();
    let (seed, other) = (cluster.addr(0), Authority::new("somebody else's CA"));
    let at = |args: &[&str]| {
        let all: Vec<&str> = ["check", &seed].into_iter().chain(args.iter().copied()).collect();
        cluster.plain(&all)
    };
    let wrong = at(&["--tls", "--cacert", &other.file()]).failed();
    wrong.complains(&format!("not signed by a CA of {}", other.file())).complains("--cacert FILE");
    at(&["--tls"]).failed().complains("--cacert FILE");
    at(&["--tls", "--insecure"]).fine();
    at(&["--tls", "--cacertdir", &cluster.authority.dir().display().to_string()]).fine();
    at(&["--tls", "--cacert", "/nowhere/ca.crt"]).failed().complains("/nowhere/ca.crt can't be read");
    at(&["--tls", "--cacert", &cluster.authority.path("ca.crt"), "--cert", "x.crt"]).failed().complains("give both");
    at(&[]).failed().complains("this port speaks TLS: connect to it with TLS (--tls)");
    let plain = cluster.nodes[0].server.addr();
    cluster.slotctl(&["check", &plain]).failed().complains("does not answer in TLS");
    // A CA that was given trusts the names that it signed: no name is compared.
    at(&["--tls", "--cacert", &cluster.authority.file(), "--sni", "redis.example"]).fine();
}

#[test]
fn a_server_that_asks_for_a_certificate_gets_it() {
    for (name, program) in servers() {
        eprintln!("on {name}");
        let cluster = Cluster::of(&program, "tls-auth-clients yes");
        let addrs: Vec<String> = cluster.nodes.iter().map(TlsServer::addr).collect();
        let (cert, key) = cluster.authority.sign("client", &[]);
        let create: Vec<&str> =
            ["--cluster", "create", "--cluster-yes"].into_iter().chain(addrs.iter().map(String::as_str)).collect();
        cluster
            .slotctl(&create)
            .failed()
            .complains("only clients with a certificate")
            .complains("--cert FILE --key FILE");
        let (strange, strange_key) = Authority::new("nobody").sign("client", &[]);
        assert!(!PathBuf::from(&strange).exists(), "its folder is gone with the CA");
        let with = |args: &[&str], cert: &str, key: &str| {
            let all: Vec<&str> = args.iter().copied().chain(["--cert", cert, "--key", key]).collect();
            cluster.slotctl(&all)
        };
        with(&create, &strange, &strange_key).failed().complains("can't be read");
        let other = Authority::new("somebody else's CA");
        let (strange, strange_key) = other.sign("client", &[]);
        with(&create, &strange, &strange_key).failed().complains("did not accept the client certificate");
        with(&create, &cert, &strange_key).failed().complains("do not make a pair");
        with(&create, &cert, &key).fine().says("[OK] All 16384 slots covered.");
        cluster.close_plain();
        with(&["check", &addrs[0]], &cert, &key).fine();
        cluster.slotctl(&["check", &addrs[0]]).failed().complains("only clients with a certificate");
    }
}

/// Whoever hung up has not asked for anything.
#[test]
fn what_one_server_asked_for_is_not_told_of_another() {
    let authority = Authority::new("the cluster's CA");
    let asks = TlsServer::alone(&authority, "tls-auth-clients yes");
    let (cert, key) = authority.sign("client", &[]);
    let (cert, key) = (Some(cert.into()), Some(key.into()));
    let options = TlsOptions { ca_file: Some(authority.file().into()), cert, key, ..TlsOptions::default() };
    let auth = Auth { tls: Some(Tls::new(options)), ..Auth::default() };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        NodeClient::connect(&NodeAddr::new("127.0.0.1", asks.port), &auth).await.unwrap();
        let hangs_up = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = hangs_up.local_addr().unwrap().port();
        tokio::spawn(async move { hangs_up.accept().await.map(drop) });
        let error = NodeClient::connect(&NodeAddr::new("127.0.0.1", port), &auth).await.unwrap_err();
        assert!(error.to_string().contains("does not answer in TLS"), "{error}");
    });
}

#[test]
fn ciphers_are_chosen_by_openssls_names() {
    let cluster = Cluster::with("tls-protocols \"TLSv1.2\"\ntls-ciphers ECDHE-ECDSA-AES128-GCM-SHA256");
    let seed = cluster.addr(0);
    let ping = |ciphers: &str| cluster.slotctl(&["call", &seed, "PING", "--tls-ciphers", ciphers]);
    ping("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384").fine().says("PONG");
    ping("ECDHE-ECDSA-AES256-GCM-SHA384").failed().complains("none of the ciphers offered");
    ping("RC4-MD5").failed().complains("ECDHE-ECDSA-AES128-GCM-SHA256");
}

#[test]
fn a_url_says_tls() {
    let cluster = Cluster::created();
    cluster.close_plain();
    let seed = cluster.addr(0);
    let ca = cluster.authority.file();
    cluster.plain(&["check", &seed, "-u", &format!("rediss://{seed}"), "--cacert", &ca]).fine();
    let idle = cluster.plain(&["check", &seed, "--cacert", &ca]).failed();
    idle.complains("Warning: --cacert has no effect without --tls.");
}

/// The nodes send keys to each other in TLS; on their plain ports they tell each other's plain ports.
#[test]
fn slots_move_in_tls_between_nodes_that_are_spoken_to_without() {
    for (name, program) in servers() {
        eprintln!("on {name}");
        let (cluster, count) = Cluster::of(&program, "").create().seed(200);
        let (seed, to) = (cluster.nodes[0].server.addr(), cluster.id(2));
        let args = ["move-slots", &seed, "--slots", "0-1999", "--to", &to, "--yes", "--method", "classic"];
        cluster.plain(&args).fine().says("[OK] 2000 slots with ");
        cluster.is_whole();
        assert_eq!(cluster.keys(), count);
    }
}

#[test]
fn the_commands_of_a_plan_can_be_typed_as_they_are_shown() {
    let cluster = Cluster::created();
    cluster.close_plain();
    let (seed, to, ca) = (cluster.addr(0), cluster.id(2), cluster.authority.file());
    let plan = ["plan", "move-slots", &seed, "--slots", "0", "--to", &to, "--method", "classic", "--commands"];
    let plan = cluster.slotctl(&plan).fine().says(&format!("--tls --cacert {ca} CLUSTER SETSLOT 0 IMPORTING"));
    let typed = Command::new("sh").args(["-ec", &plan.out]).output().unwrap();
    assert!(typed.status.success(), "{typed:?}");
    cluster.is_whole();
    let move_it = ["move-slots", &seed, "--slots", "0", "--to", &to, "--yes"];
    cluster.slotctl(&move_it).fine().says("owns these slots already");
}

/// What the window does: a wrong CA is told and put right, and after a restart nobody is asked again.
#[test]
fn an_attached_cluster_is_watched_in_tls_and_its_ca_is_remembered() {
    let cluster = Cluster::created();
    cluster.close_plain();
    let home = tempfile::tempdir().unwrap();
    let start = || Engine::start(Workspace::open(Some(home.path().to_owned())).unwrap(), Arc::new(|| ())).unwrap();
    let attach = |engine: &Engine, ca: String| {
        let options = TlsOptions { ca_file: Some(ca.into()), ..TlsOptions::default() };
        let auth = Auth { tls: Some(Tls::new(options)), ..Auth::default() };
        let addrs = vec![NodeAddr::new("127.0.0.1", cluster.nodes[0].port)];
        engine.send(Ask::Attach { name: "secure".to_owned(), addrs, auth }).unwrap();
    };
    let owned = |engine: &Engine| engine.snapshot().clusters.get("secure")?.owner_of(Slot::FIRST).map(|_| ());
    let engine = start();
    let other = Authority::new("somebody else's CA");
    attach(&engine, other.file());
    wait_until("the wrong CA is not told", || {
        let snapshot = engine.snapshot();
        let nodes = snapshot.clusters.get("secure")?.nodes.clone();
        let told = |reach: &Reach| matches!(reach, Reach::Never { error } if error.contains("no TLS connection"));
        nodes.iter().any(|node| told(&node.reach)).then_some(())
    });
    attach(&engine, cluster.authority.file());
    wait_until("the right CA does not help", || owned(&engine));
    drop(engine);
    let engine = start();
    wait_until("the CA is forgotten", || owned(&engine));
}
