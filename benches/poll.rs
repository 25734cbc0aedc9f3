//! `dev/bench poll`: what watching a cluster costs: processor time and bytes a second, memory, and how long until all
//! nodes are seen, for 6, 100 and 1,000 nodes. Linux only: it reads `/proc`.
//!
//! No server runs: another process answers for all nodes (`tests/fake_cluster`), and a third one is the engine alone,
//! without a window, so that only its own time and memory are counted. `NODES=n` measures one size, `IDLE=secs` sets how
//! long (30), `CHURN=secs` lets something change every so many seconds.

#![expect(clippy::expect_used, reason = "a bench that can't go on should say so and end")]

#[path = "../tests/fake_cluster/mod.rs"]
mod fake_cluster;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command as Program, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fake_cluster::{Fake, Options};
use slotdeck::core::topology::NodeAddr;
use slotdeck::engine::command::{Auth, Command};
use slotdeck::engine::handle::Engine;
use slotdeck::engine::snapshot::Reach;
use slotdeck::workspace::store::Workspace;

/// What this process is for, by the environment: this program starts itself again for each part.
const PART: &str = "SLOTDECK_BENCH_POLL";
const SIZES: [usize; 3] = [6, 100, 1000];
/// Clock ticks a second in `/proc`: 100 on every Linux (`USER_HZ`).
const TICKS: f64 = 100.0;
const GIVE_UP: Duration = Duration::from_mins(2);
/// From the first whole picture to the first count: the first views of all nodes have come and gone.
const SETTLE: Duration = Duration::from_secs(5);

fn variable(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn part(name: &str, nodes: usize) -> Program {
    let mut program = Program::new(std::env::current_exe().expect("this program"));
    program.env(PART, name).env("NODES", nodes.to_string());
    program
}

/// Answers for all nodes until nobody wants to know.
fn be_the_cluster(nodes: usize) {
    let churn = variable("CHURN").map(|secs| Duration::from_secs(secs as u64));
    let fake = Fake::start(Options { nodes, churn, ..Options::default() }).expect("a cluster");
    println!("{}", fake.first_port());
    std::io::stdout().flush().expect("told");
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest).ok();
}

/// Bytes that the cluster has received and sent.
fn traffic(port: u16) -> [f64; 2] {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).expect("the cluster answers");
    socket.write_all(b"FAKE TRAFFIC\r\n").expect("asked");
    let mut lines = BufReader::new(socket).lines().map_while(Result::ok).skip(1);
    [(); 2].map(|()| lines.next().and_then(|line| line.strip_prefix(':')?.parse().ok()).expect("a number"))
}

/// Processor ticks of this process, in user and in kernel mode (`/proc/self/stat`, fields 14 and 15).
fn ticks() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let rest = stat.rsplit_once(") ").expect("a stat line").1;
    let field = |i: usize| rest.split(' ').nth(i - 3).and_then(|f| f.parse::<f64>().ok()).expect("a number");
    field(14) + field(15)
}

/// Resident memory of this process now and at its most, MiB.
fn resident() -> [f64; 2] {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    ["VmRSS:", "VmHWM:"].map(|name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a figure");
        line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).expect("a number") / 1024.0
    })
}

/// Watches the cluster that begins at this port, and prints a line.
fn be_the_engine(nodes: usize, port: u16) {
    let idle = variable("IDLE").unwrap_or(30) as u64;
    let dir = tempfile::tempdir().expect("a temp folder");
    let workspace = Workspace::open(Some(dir.path().join("home"))).expect("a workspace");
    let wakes = Arc::new(AtomicU64::new(0));
    let count = wakes.clone();
    let began = Instant::now();
    let wake = move || {
        count.fetch_add(1, Ordering::Relaxed);
    };
    let engine = Engine::start(workspace, Arc::new(wake)).expect("starts");
    let addrs = vec![NodeAddr::new("127.0.0.1", port)];
    engine.send(Command::Attach { name: "bench".into(), addrs, auth: Auth::default() }).expect("a command");
    let live = || {
        let snapshot = engine.snapshot();
        snapshot.clusters.get("bench").map_or(0, |c| c.nodes.iter().filter(|n| n.reach == Reach::Live).count())
    };
    while live() < nodes {
        assert!(began.elapsed() < GIVE_UP, "{} of {nodes} nodes after two minutes", live());
        std::thread::sleep(Duration::from_millis(10));
    }
    let whole = began.elapsed();
    std::thread::sleep(SETTLE);
    let (began, before, pictures, sent) = (Instant::now(), ticks(), wakes.load(Ordering::Relaxed), traffic(port));
    std::thread::sleep(Duration::from_secs(idle));
    let secs = began.elapsed().as_secs_f64();
    let (cpu, sent_now) = ((ticks() - before) / TICKS / secs * 100.0, traffic(port));
    let pictures = (wakes.load(Ordering::Relaxed) - pictures) as f64 / secs;
    let [asked, told] = [0, 1].map(|i| (sent_now[i] - sent[i]) / secs / 1024.0);
    let ([now, most], whole) = (resident(), whole.as_secs_f64());
    println!(
        "{nodes:>6} {whole:>10.2} {cpu:>10.2} {asked:>10.0} {told:>10.0} {pictures:>10.1} {now:>10.1} {most:>10.1}"
    );
}

/// One size: a process for the cluster, one for the engine.
fn measure(nodes: usize) {
    let mut cluster = part("cluster", nodes).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a process");
    let out = cluster.stdout.take().expect("its output");
    let _cluster = Running(cluster);
    let mut port = String::new();
    BufReader::new(out).read_line(&mut port).expect("its port");
    let watched = part("engine", nodes).env("PORT", port.trim()).status().expect("a process");
    assert!(watched.success(), "the engine's process failed");
}

fn main() {
    if !cfg!(target_os = "linux") {
        return println!("This bench reads /proc: it runs on Linux only.");
    }
    let nodes = variable("NODES");
    match (std::env::var(PART).as_deref(), nodes) {
        (Ok("cluster"), Some(nodes)) => be_the_cluster(nodes),
        (Ok(_), Some(nodes)) => be_the_engine(nodes, variable("PORT").and_then(|p| p.try_into().ok()).expect("a port")),
        _ => {
            println!(
                "The engine alone, polling once a second; the cluster is another process. % of one core, KiB a second"
            );
            println!(
                "{:>6} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}",
                "nodes", "whole s", "CPU %", "asked", "told", "pictures/s", "MiB", "most MiB"
            );
            nodes.map_or(SIZES.to_vec(), |nodes| vec![nodes]).into_iter().for_each(measure);
        }
    }
}
