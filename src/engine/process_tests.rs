use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Instant;

use super::*;
use crate::engine::signal::{kill, terminate};

const SERVER: &str = "/usr/bin/redis-server";
const LONG: Duration = Duration::from_secs(30);

/// A node's folder, and the end of whatever was started in it.
struct Node {
    root: tempfile::TempDir,
    dir: PathBuf,
    port: u16,
    started: Vec<ProcessRecord>,
}

/// Below the ports that the system gives to clients, and each once in this process.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 900).unwrap();
    loop {
        let port = 21_800 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 900;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

impl Node {
    fn new(folder: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join(folder);
        fs::create_dir_all(&dir).unwrap();
        let port = free_port();
        let config = format!("port {port}\nbind 127.0.0.1\ndir ./\nlogfile server.log\nsave \"\"\n");
        fs::write(dir.join(CONFIG_FILE), config).unwrap();
        Self { root, dir, port, started: Vec::new() }
    }

    fn spawn(&mut self) -> Spawned {
        let spawned = spawn(Path::new(SERVER), &self.dir, None).unwrap();
        self.started.push(spawned.record);
        spawned
    }

    async fn answers(&self) {
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(begun.elapsed() < LONG, "the server never listened");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        for record in &self.started {
            let _ = kill(*record);
        }
    }
}

#[tokio::test]
async fn a_server_runs_in_its_folder_whatever_the_folder_is_called() {
    for folder in ["plain", "with space", "qu'o\"te", "集群 一", "back\\slash#hash"] {
        let mut node = Node::new(folder);
        let mut spawned = node.spawn();
        node.answers().await;
        assert_eq!(spawned.exited(), None);
        let found = identify(spawned.record).unwrap();
        assert_eq!(fs::canonicalize(found.cwd.unwrap()).unwrap(), fs::canonicalize(&node.dir).unwrap());
        assert!(node.dir.join("server.log").is_file());
        assert!(terminate(spawned.record).unwrap());
        assert_eq!(tokio::time::timeout(LONG, spawned.wait()).await.unwrap(), Exit::Code(0), "{folder}");
        assert_eq!(identify(spawned.record), None);
    }
}

#[tokio::test]
async fn a_server_that_ends_at_once_tells_its_code_and_what_it_said() {
    let mut node = Node::new("node");
    fs::write(node.dir.join(CONFIG_FILE), "no-such-directive 1\n").unwrap();
    let mut spawned = node.spawn();
    assert_eq!(tokio::time::timeout(LONG, spawned.wait()).await.unwrap(), Exit::Code(1));
    assert_eq!(spawned.exited(), Some(Exit::Code(1)));
    assert!(spawned.record.started > 1_700_000_000);
    let said = fs::read_to_string(node.dir.join(OUTPUT_LOG)).unwrap();
    assert!(said.contains("no-such-directive"), "{said}");
    assert!(!terminate(spawned.record).unwrap());
    assert!(!kill(spawned.record).unwrap());
}

#[tokio::test]
async fn each_start_empties_the_output_of_the_one_before() {
    let mut node = Node::new("node");
    fs::write(node.dir.join(OUTPUT_LOG), "old complaint\n").unwrap();
    let spawned = node.spawn();
    node.answers().await;
    assert!(!fs::read_to_string(node.dir.join(OUTPUT_LOG)).unwrap().contains("old complaint"));
    assert!(kill(spawned.record).unwrap());
}

#[tokio::test]
async fn a_dropped_handle_leaves_the_server_running_and_no_zombie_after_it() {
    let mut node = Node::new("node");
    let record = node.spawn().record;
    node.answers().await;
    assert!(identify(record).is_some());
    assert!(kill(record).unwrap());
    assert!(wait_gone(record, LONG).await);
    // Not even a zombie: a pid that nobody waited for would still be known.
    let begun = Instant::now();
    let mut system = System::new().unwrap();
    let pid = Pid::from_u32(record.pid);
    loop {
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, ProcessRefreshKind::nothing());
        if system.process(pid).is_none_or(|p| p.start_time().abs_diff(record.started) > START_SLACK) {
            break;
        }
        assert!(begun.elapsed() < LONG, "still there: {:?}", system.process(pid).map(Process::status));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_server_has_a_session_of_its_own() {
    let mut node = Node::new("node");
    let record = node.spawn().record;
    node.answers().await;
    let pid = rustix::process::Pid::from_raw(i32::try_from(record.pid).unwrap());
    // A session that has the server's own process id for its name was made by the server, so it is not ours. Ours is not
    // asked for: in a container it may have no number at all.
    assert_eq!(rustix::process::getsid(pid).unwrap(), pid.unwrap());
}

#[cfg(unix)]
#[tokio::test]
async fn what_a_server_prints_is_for_the_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let mut node = Node::new("node");
    node.spawn();
    assert_eq!(fs::metadata(node.dir.join(OUTPUT_LOG)).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_server_outlives_the_runtime_that_started_it_and_is_found_again() {
    let mut node = Node::new("node");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let record = runtime.block_on(async {
        let record = node.spawn().record;
        node.answers().await;
        record
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    assert!(identify(record).is_some());
    let none = node.root.path().join("elsewhere");
    let found = find_running_in(&[none, node.dir.clone()]);
    assert_eq!(found, [None, Some(record)]);
    assert!(kill(record).unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    assert!(runtime.block_on(wait_gone(record, LONG)));
}

#[tokio::test]
async fn a_pid_that_was_recycled_is_never_taken_for_the_server() {
    let mut node = Node::new("node");
    let record = node.spawn().record;
    node.answers().await;
    for started in [0, record.started - 60, record.started + 60, u64::MAX] {
        let lie = ProcessRecord { started, ..record };
        assert_eq!(identify(lie), None);
        assert!(!kill(lie).unwrap());
        assert!(!terminate(lie).unwrap());
        assert!(wait_gone(lie, LONG).await);
    }
    assert!(identify(record).is_some(), "it must still run");
}

#[test]
fn a_process_that_is_no_server_is_never_taken_for_one() {
    let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let true_start = look_up(other.id()).unwrap().started;
    let record = ProcessRecord { pid: other.id(), started: true_start };
    assert_eq!(identify(record), None);
    assert!(!kill(record).unwrap());
    assert!(other.try_wait().unwrap().is_none(), "it must still run");
    other.kill().unwrap();
    other.wait().unwrap();
}

#[test]
fn the_first_processes_of_the_system_and_impossible_pids_are_never_ours() {
    for pid in [0, 1, u32::MAX, u32::MAX / 2] {
        let started = look_up(pid).map_or(0, |found| found.started);
        assert_eq!(identify(ProcessRecord { pid, started }), None);
        assert!(!kill(ProcessRecord { pid, started }).unwrap());
    }
}

#[tokio::test]
async fn waiting_for_a_server_that_stays_ends_at_the_deadline() {
    let mut node = Node::new("node");
    let record = node.spawn().record;
    node.answers().await;
    assert!(!wait_gone(record, Duration::from_millis(100)).await);
}

#[tokio::test]
async fn a_start_that_can_not_be_says_what_is_missing() {
    let node = Node::new("node");
    let error = spawn(&node.dir.join("no-server"), &node.dir, None).unwrap_err();
    assert!(matches!(&error, SpawnError::Exe { .. }) && error.to_string().contains("no-server"), "{error}");
    let error = spawn(&node.dir, &node.dir, None).unwrap_err();
    assert!(matches!(error, SpawnError::Exe { .. }), "{error}");
    let error = spawn(Path::new(SERVER), &node.dir.join("nowhere"), None).unwrap_err();
    assert!(matches!(&error, SpawnError::Missing(path) if path.ends_with("nowhere/redis.conf")), "{error}");
}

#[test]
fn a_server_is_told_from_the_tools_and_editors_that_work_in_its_folder() {
    let process = |exe: &str, args: &[&str]| Identity {
        pid: 9,
        started: 9,
        exe: Some(PathBuf::from(exe)),
        cwd: None,
        name: last_part(exe).to_owned(),
        args: args.iter().map(ToString::to_string).collect(),
    };
    assert!(process("/opt/db/server7", &["/opt/db/server7 127.0.0.1:7000 [cluster]"]).looks_like_server());
    assert!(process("/usr/bin/redis-check-rdb", &["redis-server 127.0.0.1:7000 [cluster]"]).looks_like_server());
    assert!(process("/usr/bin/redis-check-rdb", &["/usr/bin/redis-server", "redis.conf"]).looks_like_server());
    assert!(process("/usr/bin/valkey-server", &[]).looks_like_server());
    assert!(process("C:/Program Files/Memurai/memurai.exe", &[]).looks_like_server());
    for (exe, args) in [
        ("/usr/bin/sleep", vec!["sleep", "60"]),
        ("/bin/sh", vec!["sh", "-c", "true"]),
        ("/usr/bin/vim", vec!["vim", "redis.conf"]),
        ("/usr/bin/tail", vec!["tail", "-f", "redis.conf"]),
        ("/usr/bin/redis-cli", vec!["redis-cli", "-p", "7000"]),
        ("/usr/bin/redis-benchmark", vec!["redis-benchmark"]),
        ("/usr/bin/redis-check-rdb", vec!["redis-check-rdb", "dump.rdb"]),
    ] {
        assert!(!process(exe, &args).looks_like_server(), "{args:?}");
    }
}

#[test]
fn exits_are_told_in_words() {
    assert_eq!(Exit::Code(1).to_string(), "ended with exit code 1");
    assert_eq!(Exit::Signal(9).to_string(), "was killed (signal 9)");
    assert_eq!(Exit::Signal(11).to_string(), "crashed: segmentation fault (signal 11)");
}

#[tokio::test]
async fn a_second_server_in_a_folder_is_refused_while_the_first_one_runs() {
    let mut node = Node::new("shared");
    let mut first = node.spawn();
    node.answers().await;
    let error = spawn(Path::new(SERVER), &node.dir, None).unwrap_err();
    assert!(matches!(&error, SpawnError::Occupied { pid, .. } if *pid == first.record.pid), "{error}");
    assert!(error.to_string().contains(&first.record.pid.to_string()), "{error}");
    assert!(error.to_string().contains("shared"), "{error}");
    assert!(terminate(first.record).unwrap());
    tokio::time::timeout(LONG, first.wait()).await.unwrap();
    let again = node.spawn();
    assert_ne!(again.record.pid, first.record.pid);
}

#[tokio::test]
async fn a_server_that_counts_processes_in_another_way_is_known_by_the_pid_in_its_folder() {
    let mut node = Node::new("node");
    fs::write(node.dir.join(PID_FILE), "4711").unwrap();
    let record = node.spawn().record;
    node.answers().await;
    assert!(!is_it(4711, record, &node.dir), "what an earlier server wrote is gone");
    assert!(is_it(record.pid, record, &node.dir));
    fs::write(node.dir.join(PID_FILE), "815\n").unwrap();
    assert!(is_it(815, record, &node.dir));
    assert!(!is_it(816, record, &node.dir));
}
