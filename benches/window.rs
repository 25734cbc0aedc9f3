//! `dev/bench window`: what the window costs beside an eframe window with nothing in it (`examples/empty_window.rs`), in
//! the same run: time from the start of the process to the first full picture, memory, and CPU time while nobody touches
//! it, with a live cluster of six servers on its first screen. Linux only: it reads `/proc`, and opens the windows in an
//! Xvfb of its own.
//!
//! Mesa draws in software here, in the windows' own processes: with a graphics card all figures are lower.
//! `EMPTY_WINDOW` names the other program (`dev/bench` builds it). `RUNS=n` sets how often each is started (5), in turn;
//! `IDLE=secs` how long each is watched (60).

#![expect(clippy::expect_used, reason = "a bench that can't go on should say so and end")]

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SLOTDECK: &str = env!("CARGO_BIN_EXE_slotdeck");
const SLOTCTL: &str = env!("CARGO_BIN_EXE_slotctl");
/// The cluster's name.
const CLUSTER: &str = "bench";
const NODES: usize = 6;
/// Clock ticks a second in `/proc`: 100 on every Linux (`USER_HZ`).
const TICKS: f64 = 100.0;
const GIVE_UP: Duration = Duration::from_mins(1);
/// From the first picture to the first count: fonts are read, the first answers come in.
const SETTLE: Duration = Duration::from_secs(5);

/// A process that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A cluster under a home of its own; stopped and removed on drop.
struct Cluster {
    home: PathBuf,
}

impl Cluster {
    fn up(home: &Path) -> Self {
        let this = Self { home: home.to_owned() };
        let base = 17_000 + u16::try_from(std::process::id() % 4000).expect("small");
        let free = |port: &u16| [*port, *port + 10_000].iter().all(|p| TcpListener::bind(("127.0.0.1", *p)).is_ok());
        let ports: Vec<String> = (base..22_700).filter(free).take(NODES).map(|port| port.to_string()).collect();
        this.slotctl(&["up", CLUSTER, "--yes", "--ports", &ports.join(",")]);
        this
    }

    fn slotctl(&self, args: &[&str]) {
        let mut command = Command::new(SLOTCTL);
        let output = command.args(args).env("SLOTDECK_HOME", &self.home).stdin(Stdio::null()).output();
        let output = output.expect("slotctl runs");
        if !output.status.success() {
            eprintln!("slotctl {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.slotctl(&["down", CLUSTER, "--wipe", "--yes"]);
    }
}

/// A display without a screen, whose picture is a file.
struct Display {
    _server: Running,
    name: String,
    picture: PathBuf,
}

impl Display {
    fn open(dir: &Path) -> Self {
        let mut server = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-fbdir"])
            .arg(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Xvfb starts");
        let out = server.stdout.take().expect("its output");
        let server = Running(server);
        let mut number = String::new();
        BufReader::new(out).read_line(&mut number).expect("the number of the display");
        assert!(!number.trim().is_empty(), "Xvfb ended at once");
        Self { _server: server, name: format!(":{}", number.trim()), picture: dir.join("Xvfb_screen0") }
    }

    /// How many different colours a sample of the picture has: one on an empty screen.
    fn colours(&self) -> usize {
        let picture = std::fs::read(&self.picture).unwrap_or_default();
        // A header and a colour table come first (XWD): the picture is what is at the end.
        let pixels = picture.len().saturating_sub(1280 * 800 * 4);
        let sample = picture[pixels..].chunks_exact(4).step_by(7);
        sample.collect::<std::collections::BTreeSet<_>>().len()
    }
}

fn wait_for(what: &str, mut ready: impl FnMut() -> bool) {
    let began = Instant::now();
    while !ready() {
        assert!(began.elapsed() < GIVE_UP, "{what}: not within a minute");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A value of `/proc/PID/FILE` in KiB, by its name.
fn kib(pid: u32, file: &str, name: &str) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// CPU ticks that the process has used, in user and in kernel mode (`/proc/PID/stat`, fields 14 and 15).
fn ticks(pid: u32) -> (f64, f64) {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the window runs");
    // The second field is the name in brackets and may hold blanks.
    let rest = stat.rsplit_once(") ").expect("a stat line").1;
    let field = |i: usize| rest.split(' ').nth(i - 3).and_then(|f| f.parse().ok()).expect("a number");
    (field(14), field(15))
}

/// What a window cost.
#[derive(Default)]
struct Cost {
    /// From the start to the first picture, seconds, of each run.
    starts: Vec<f64>,
    idle_percent: f64,
    ticks: (f64, f64),
    resident: f64,
    of_files: f64,
    most: f64,
    threads: f64,
}

impl Cost {
    /// The middle one of the starts.
    fn start(&self) -> f64 {
        let mut starts = self.starts.clone();
        starts.sort_by(f64::total_cmp);
        starts.get(starts.len() / 2).copied().unwrap_or_default()
    }
}

/// A program with a window, and how many colours its first full picture has at least. Text has smooth edges: a screen
/// with words has far more colours than one without.
struct Candidate<'a> {
    program: &'a Path,
    colours: usize,
}

impl Candidate<'_> {
    /// Opens the window; watches it for so many seconds, if any.
    fn open(&self, home: &Path, idle: Option<u64>, cost: &mut Cost) {
        let dir = tempfile::tempdir().expect("a temp folder");
        let display = Display::open(dir.path());
        let began = Instant::now();
        let window = Command::new(self.program)
            .env("SLOTDECK_HOME", home)
            .env("DISPLAY", &display.name)
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env_remove("WAYLAND_DISPLAY")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("the program starts");
        let window = Running(window);
        let pid = window.0.id();
        wait_for("the window", || display.colours() >= self.colours);
        cost.starts.push(began.elapsed().as_secs_f64());
        // A window that is killed before it has noted that it was painted is taken for a crash by the next start.
        wait_for("the note of the picture", || !home.join("opening.json").exists());
        let Some(idle) = idle else { return };
        std::thread::sleep(SETTLE);
        let (before, began) = (ticks(pid), Instant::now());
        std::thread::sleep(Duration::from_secs(idle));
        let (after, secs) = (ticks(pid), began.elapsed().as_secs_f64());
        cost.ticks = (after.0 - before.0, after.1 - before.1);
        cost.idle_percent = (cost.ticks.0 + cost.ticks.1) / TICKS / secs * 100.0;
        let mib = |name| kib(pid, "status", name).unwrap_or_default() / 1024.0;
        (cost.resident, cost.of_files, cost.most) = (mib("VmRSS:"), mib("RssFile:"), mib("VmHWM:"));
        cost.threads = kib(pid, "status", "Threads:").unwrap_or_default();
    }
}

fn main() {
    if !cfg!(target_os = "linux") {
        return println!("This bench reads /proc: it runs on Linux only.");
    }
    let number = |name: &str, usual| std::env::var(name).ok().and_then(|s| s.parse().ok()).unwrap_or(usual);
    let (idle, runs) = (number("IDLE", 60), number("RUNS", 5));
    let empty = std::env::var_os("EMPTY_WINDOW").map(PathBuf::from).expect("EMPTY_WINDOW names the empty window");
    let dir = tempfile::tempdir().expect("a temp folder");
    let cluster = Cluster::up(&dir.path().join("home"));
    let candidates =
        [Candidate { program: &empty, colours: 4 }, Candidate { program: Path::new(SLOTDECK), colours: 20 }];
    let mut costs = [Cost::default(), Cost::default()];
    for run in (1..=runs).rev() {
        for (candidate, cost) in candidates.iter().zip(&mut costs) {
            candidate.open(&cluster.home, (run == 1).then_some(idle), cost);
        }
    }
    let [empty, ours] = &costs;
    println!(
        "Drawn by Mesa in software, in the same process; a healthy cluster of {NODES} servers; {runs} starts, {idle} s idle"
    );
    println!("{:<40} {:>12} {:>12} {:>8}", "", "empty window", "slotdeck", "ratio");
    let line = |what: &str, of: fn(&Cost) -> f64| {
        println!("{what:<40} {:>12.2} {:>12.2} {:>8.2}", of(empty), of(ours), of(ours) / of(empty));
    };
    line("From the start to the first picture, s", Cost::start);
    line("Resident memory, MiB", |cost| cost.resident);
    line("  of it shared with files, MiB", |cost| cost.of_files);
    line("  most so far, MiB", |cost| cost.most);
    line("CPU, idle, % of one core", |cost| cost.idle_percent);
    line("  ticks in user mode", |cost| cost.ticks.0);
    line("  ticks in kernel mode", |cost| cost.ticks.1);
    line("Threads", |cost| cost.threads);
    let size = std::fs::metadata(SLOTDECK).map_or(0, |file| file.len());
    println!("{:<40} {:>25.2}", "The program's file, MiB", size as f64 / 1024.0 / 1024.0);
}
