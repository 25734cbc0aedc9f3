//! `dev/bench create`: from the start of six processes to a healthy cluster, ours and redis-cli in turn.
//!
//! Healthy means, asked on every node from outside: `cluster_state:ok`, all six nodes known with their roles, and
//! every replica's link up. Each run has six fresh servers; the second table lets them idle for 5 s first.
//! `RUNS=n` sets the number of runs, `STEPS=1` also prints how long each of our steps took; `SERVER=…` and `CLI=…` name
//! other programs than the redis-server and the redis-cli of the PATH.

#![expect(clippy::expect_used, reason = "a bench that can't go on should say so and end")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::Connection;
use slotdeck::core::plan::create::CreatePlan;
use slotdeck::core::topology::NodeAddr;
use slotdeck::engine::command::Auth;
use slotdeck::engine::create::{CREATE_STEPS, Journal, Mode, create};
use slotdeck::engine::inspect::inspect;
use slotdeck::engine::steps::Steps;
use slotdeck::workspace::document::CreateJournal;

const NODES: usize = 6;
const GIVE_UP: Duration = Duration::from_mins(1);

/// Six servers of one run; ended and removed on drop.
struct Servers {
    started: Instant,
    ports: Vec<u16>,
    children: Vec<Child>,
    _dir: tempfile::TempDir,
}

impl Servers {
    fn start(server: &Path) -> Self {
        let dir = tempfile::tempdir().expect("a temp folder");
        let ports = free_ports();
        let started = Instant::now();
        let children = ports
            .iter()
            .map(|port| {
                let home = dir.path().join(port.to_string());
                std::fs::create_dir(&home).expect("a node folder");
                Command::new(server)
                    .current_dir(&home)
                    .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--cluster-enabled", "yes"])
                    .args(["--cluster-node-timeout", "15000", "--appendonly", "yes", "--logfile", "server.log"])
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .spawn()
                    .expect("redis-server starts")
            })
            .collect();
        let this = Self { started, ports, children, _dir: dir };
        this.connections();
        this
    }

    /// A connection to each, as soon as it answers.
    fn connections(&self) -> Vec<Connection> {
        self.ports
            .iter()
            .map(|port| {
                let client = redis::Client::open(format!("redis://127.0.0.1:{port}/")).expect("an address");
                loop {
                    if let Ok(mut connection) = client.get_connection()
                        && redis::cmd("PING").query::<String>(&mut connection).is_ok()
                    {
                        return connection;
                    }
                    assert!(self.started.elapsed() < GIVE_UP, "a server does not answer");
                    std::thread::sleep(Duration::from_millis(5));
                }
            })
            .collect()
    }

    /// Waits until every node sees a healthy cluster; the time since `since`.
    fn healthy_after(&self, since: Instant) -> f64 {
        let mut connections = self.connections();
        while !connections.iter_mut().all(is_healthy) {
            assert!(since.elapsed() < GIVE_UP, "the cluster did not become healthy");
            std::thread::sleep(Duration::from_millis(10));
        }
        since.elapsed().as_secs_f64()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in &mut self.children {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

fn free_ports() -> Vec<u16> {
    let base = 20000 + u16::try_from(std::process::id() % 1500).expect("small");
    (base..22700)
        .filter(|port| [*port, *port + 10000].iter().all(|p| TcpListener::bind(("127.0.0.1", *p)).is_ok()))
        .take(NODES)
        .collect()
}

fn is_healthy(connection: &mut Connection) -> bool {
    let mut ask = |words: &[&str]| {
        let mut command = redis::cmd(words[0]);
        for word in &words[1..] {
            command.arg(word);
        }
        command.query::<String>(connection).unwrap_or_default()
    };
    let nodes = ask(&["CLUSTER", "NODES"]);
    let count = |role: &str| nodes.lines().filter(|l| l.split(' ').nth(2).is_some_and(|f| f.contains(role))).count();
    let replicas_follow = nodes.lines().filter(|l| l.split(' ').nth(3).is_some_and(|m| m.len() == 40)).count() == 3;
    let flags_fail =
        nodes.lines().any(|l| l.split(' ').nth(2).is_some_and(|f| f.contains("fail?") || f.contains("handshake")));
    ask(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
        && count("master") == 3
        && count("slave") == 3
        && replicas_follow
        && !flags_fail
        && !ask(&["INFO", "replication"]).contains("master_link_status:down")
}

struct NoJournal;

impl Journal for NoJournal {
    fn save(&self, _: &CreateJournal) -> Result<(), String> {
        Ok(())
    }
    fn clear(&self) {}
}

fn ours(servers: &Servers) -> Vec<(String, f64)> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("tokio");
    runtime.block_on(async {
        let addrs: Vec<NodeAddr> = servers.ports.iter().map(|port| NodeAddr::new("127.0.0.1", *port)).collect();
        let nodes = inspect(&addrs, &Auth::default()).await.expect("six empty nodes");
        let plan = CreatePlan::new(nodes, 1).expect("a plan");
        let steps = Steps::silent(&CREATE_STEPS);
        create(&plan, Mode::Fresh, &Auth::default(), &steps, &NoJournal).await.expect("a cluster");
        steps.views().iter().map(|s| (s.step.to_string(), s.took.as_secs_f64())).collect()
    })
}

fn redis_cli(servers: &Servers, cli: &Path) {
    let addrs = servers.ports.iter().map(|port| format!("127.0.0.1:{port}"));
    let status = Command::new(cli)
        .args(["--cluster", "create"])
        .args(addrs)
        .args(["--cluster-replicas", "1", "--cluster-yes"])
        .stdout(Stdio::null())
        .status()
        .expect("redis-cli runs");
    assert!(status.success(), "redis-cli failed");
}

fn measure(title: &str, idle: Duration, runs: usize, server: &Path, cli: &Path) {
    println!("\n{title}");
    println!("{:>4} {:>12} {:>12}", "run", "slotdeck s", "redis-cli s");
    let (mut us, mut them) = (Vec::new(), Vec::new());
    for run in 1..=runs {
        let timed = |make: &mut dyn FnMut(&Servers)| {
            let servers = Servers::start(server);
            std::thread::sleep(idle);
            let since = if idle.is_zero() { servers.started } else { Instant::now() };
            make(&servers);
            servers.healthy_after(since)
        };
        let mut detail = Vec::new();
        us.push(timed(&mut |servers| detail = ours(servers)));
        them.push(timed(&mut |servers| redis_cli(servers, cli)));
        println!("{run:>4} {:>12.2} {:>12.2}", us[run - 1], them[run - 1]);
        if std::env::var_os("STEPS").is_some() {
            for (step, secs) in detail {
                println!("       {secs:>8.3} s  {step}");
            }
        }
    }
    let (us, them) = (median(&mut us), median(&mut them));
    println!("{:>4} {us:>12.2} {them:>12.2}   median; redis-cli takes {:.1} times as long", "", them / us);
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The program that this variable names, or else the one of this name on the PATH.
fn program(variable: &str, name: &str) -> PathBuf {
    let named = std::env::var_os(variable).unwrap_or_else(|| name.into());
    which::which(&named).unwrap_or_else(|error| panic!("{}: {error}; set {variable}=…", named.display()))
}

fn main() {
    let runs = std::env::var("RUNS").ok().and_then(|r| r.parse().ok()).unwrap_or(5);
    let server = program("SERVER", "redis-server");
    let cli = program("CLI", "redis-cli");
    let version = Command::new(&server).arg("--version").output().expect("its version");
    print!("{}", String::from_utf8_lossy(&version.stdout));
    println!("compared with {}", cli.display());
    measure("Fresh servers: seconds from the start of the processes", Duration::ZERO, runs, &server, &cli);
    measure("Servers that have idled 5 s: seconds from the call", Duration::from_secs(5), runs, &server, &cli);
}
