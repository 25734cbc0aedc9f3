//! What the benches of the slotctl commands share: a cluster of real servers, the programs that are compared, medians.

#![allow(dead_code, reason = "each bench uses its own part of this module")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a bench that can't go on should say so and end")]

pub mod clients;
#[path = "../../tests/common/mod.rs"]
pub mod common;
pub mod proxy;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::follower::{owner_of, owners};
use common::{TestServer, cached_server, free_port, wait_until};
use redis::Connection;

/// How many bytes a key holds.
pub const VALUE: usize = 64;

/// A kind of server, and the command-line program that comes with it.
pub struct Family {
    /// `Redis 7.0.15`, as the server says.
    pub name: String,
    server: PathBuf,
    /// redis-cli or valkey-cli.
    pub cli: PathBuf,
}

impl Family {
    fn of(server: PathBuf, cli: PathBuf) -> Self {
        let output = Command::new(&server).arg("--version").output().expect("the server tells its version");
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        let kind = words.split(' ').next().unwrap_or_default().to_owned();
        let version = words.split(' ').find_map(|word| word.strip_prefix("v=")).unwrap_or_default().to_owned();
        Self { name: format!("{kind} {version}"), server, cli }
    }

    /// The system's own servers and the newest that `dev/servers` installed; only those named in `SERVERS`, where it is
    /// set (`SERVERS="system redis-newest valkey-8.1"`).
    pub fn all() -> Vec<Self> {
        let named = std::env::var("SERVERS").unwrap_or_else(|_| "system redis-newest valkey-newest".to_owned());
        named.split_whitespace().filter_map(Self::named).collect()
    }

    fn named(name: &str) -> Option<Self> {
        if name == "system" {
            return Some(Self::of(which::which("redis-server").ok()?, which::which("redis-cli").ok()?));
        }
        let server = cached_server(name)?;
        let cli = if server.ends_with("valkey-server") { "valkey-cli" } else { "redis-cli" };
        let cli = server.with_file_name(cli);
        Some(Self::of(server, cli))
    }

    /// Runs redis-cli or valkey-cli; how long it took.
    pub fn cli<S: AsRef<str>>(&self, args: &[S]) -> f64 {
        timed(Command::new(&self.cli).arg("--cluster").args(args.iter().map(AsRef::as_ref)))
    }

    /// The command-line program's name.
    pub fn cli_name(&self) -> &str {
        self.cli.file_name().and_then(|name| name.to_str()).unwrap_or("redis-cli")
    }
}

/// A cluster on this machine; gone when it is dropped.
pub struct Cluster {
    /// The servers, masters first.
    pub servers: Vec<TestServer>,
    /// Proxies that the servers name as their addresses.
    proxies: Vec<proxy::Proxy>,
    home: tempfile::TempDir,
}

/// How a cluster is laid out.
#[derive(Clone, Copy, Default)]
pub struct Shape {
    /// Masters with slots.
    pub masters: usize,
    /// Replicas of each.
    pub replicas: usize,
    /// Masters without slots.
    pub empty: usize,
    /// Added to every round trip.
    pub round_trip: Duration,
}

impl Cluster {
    /// Starts the servers and makes them a cluster.
    pub fn start(family: &Family, shape: Shape) -> Self {
        let count = shape.masters * (1 + shape.replicas) + shape.empty;
        let mut proxies = Vec::new();
        let servers: Vec<TestServer> = (0..count)
            .map(|_| {
                let mut conf = "cluster-node-timeout 15000\n".to_owned();
                if !shape.round_trip.is_zero() {
                    let announced = free_port();
                    for line in ["cluster-announce-ip 127.0.0.1", &format!("cluster-announce-port {announced}")] {
                        conf.extend([line, "\n"]);
                    }
                    proxies.push(announced);
                }
                TestServer::start_cluster_node_of(&family.server, &conf)
            })
            .collect();
        let proxies = proxies
            .iter()
            .zip(&servers)
            .map(|(announced, server)| {
                // The bus is where it always is, beside the server's real port.
                redis::cmd("CONFIG")
                    .arg(&["SET", "cluster-announce-bus-port", &(server.port() + 10_000).to_string()])
                    .exec(&mut server.connect(None))
                    .expect("the bus port is announced");
                proxy::Proxy::start(*announced, server.port(), shape.round_trip / 2)
            })
            .collect();
        let this = Self { servers, proxies, home: tempfile::tempdir().expect("a temp folder") };
        let replicas = shape.replicas.to_string();
        let mut args = vec!["create".to_owned(), "--cluster-replicas".to_owned(), replicas, "--yes".to_owned()];
        let in_it = &this.servers[..count - shape.empty];
        args.extend(in_it.iter().map(|server| format!("{}@{}", server.addr(), server.port() + 10_000)));
        this.slotctl(&args);
        this.meet(count, shape.empty);
        this
    }

    /// Makes the last servers masters without slots, and waits until all nodes know all.
    fn meet(&self, count: usize, empty: usize) {
        for server in &self.servers[count - empty..] {
            let (port, bus) = (self.servers[0].port().to_string(), (self.servers[0].port() + 10_000).to_string());
            let words = ["MEET", "127.0.0.1", &port, &bus];
            redis::cmd("CLUSTER").arg(&words).exec(&mut server.connect(None)).expect("it meets");
        }
        for server in &self.servers {
            let mut connection = server.connect(None);
            wait_until("the nodes do not know each other", || {
                let info: String = redis::cmd("CLUSTER").arg("INFO").query(&mut connection).ok()?;
                let nodes: String = redis::cmd("CLUSTER").arg("NODES").query(&mut connection).ok()?;
                let known = info.contains(&format!("cluster_known_nodes:{count}")) && !nodes.contains("handshake");
                (known && info.contains("cluster_state:ok")).then_some(())
            });
        }
    }

    /// Where a server says that it is found.
    pub fn addr(&self, server: usize) -> String {
        self.proxies.get(server).map_or_else(|| self.servers[server].addr(), |p| format!("127.0.0.1:{}", p.port()))
    }

    /// A server's id.
    pub fn id(&self, server: usize) -> String {
        redis::cmd("CLUSTER").arg("MYID").query(&mut self.servers[server].connect(None)).expect("its id")
    }

    /// Runs slotctl (`SLOTCTL=…` names another one than cargo has just built); how long it took.
    pub fn slotctl<S: AsRef<str>>(&self, args: &[S]) -> f64 {
        let program = std::env::var_os("SLOTCTL").unwrap_or_else(|| env!("CARGO_BIN_EXE_slotctl").into());
        let mut command = Command::new(program);
        command.env("SLOTDECK_HOME", self.home.path());
        timed(command.args(args.iter().map(AsRef::as_ref)))
    }

    /// Writes `key:0` and so on.
    pub fn load(&self, keys: usize) {
        let mut connections: Vec<Connection> = self.servers.iter().map(|server| server.connect(None)).collect();
        let owners = owners(&self.servers);
        let value = vec![b'v'; VALUE];
        let mut batches: Vec<redis::Pipeline> = connections.iter().map(|_| redis::pipe()).collect();
        for number in 0..keys {
            let key = format!("key:{number}");
            let owner = owner_of(&owners, key.as_bytes());
            batches[owner].set(key, &value).ignore();
            if batches[owner].len() == 1000 {
                std::mem::take(&mut batches[owner]).exec(&mut connections[owner]).expect("keys are written");
            }
        }
        for (batch, connection) in batches.iter().zip(&mut connections) {
            if !batch.is_empty() {
                batch.exec(connection).expect("keys are written");
            }
        }
    }

    /// How many keys all masters hold.
    pub fn keys(&self) -> usize {
        let masters: BTreeSet<usize> = owners(&self.servers).into_iter().map(|(.., server)| server).collect();
        let size = |i: usize| redis::cmd("DBSIZE").query::<usize>(&mut self.servers[i].connect(None));
        masters.into_iter().map(|i| size(i).expect("DBSIZE")).sum()
    }
}

/// Runs a program that must succeed; how long it took, in seconds.
fn timed(command: &mut Command) -> f64 {
    let begun = Instant::now();
    let output = command.stdin(Stdio::null()).output().expect("the program runs");
    let took = begun.elapsed().as_secs_f64();
    let words = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{command:?}: {}\n{words}", output.status);
    took
}

/// The middle one.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A number from the environment.
pub fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Says how busy the machine is.
pub fn say_load(when: &str) {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').take(3).collect::<Vec<_>>().join(" ");
    println!("load average {when}: {load}");
}

/// A row: what was measured, its median, and how many times as long the first one takes.
pub fn say_row(name: &str, values: &[f64], reference: f64) {
    let (low, high) = (values.iter().copied().fold(f64::MAX, f64::min), values.iter().copied().fold(0.0, f64::max));
    let middle = median(values);
    println!("  {name:<44} {middle:>9.3} s  ({low:.3} to {high:.3})  {:>7.1}", reference / middle);
}
