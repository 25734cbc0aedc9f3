//! Real servers for the tests: free ports, a `redis-server` that dies with its handle, waits with a deadline.
//!
//! ```ignore
//! mod common;
//! let server = common::TestServer::start("appendonly no\n");      // its own port, its own folder
//! let mut connection = server.connect(None);                      // a plain blocking connection
//! ```
//!
//! Everything here is safe in parallel, between threads and between test programs: a port is handed out under a file
//! lock that lasts as long as this program, each server has a folder of its own, and only processes started here are
//! ended, by their handle.

#![allow(dead_code, reason = "each test program uses its own part of this module")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails must fail its test")]
#![allow(clippy::missing_panics_doc, reason = "test helpers panic to fail the test")]

pub mod follower;

use std::fs::{File, OpenOptions, TryLockError};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a server may take to answer or to end. Generous: it bounds a hang, it times nothing.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// How often a wait looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Client ports for tests. Their bus ports (plus 10000) are 22000 to 29999: no bus port is a client port, and both are
/// below the ephemeral range.
const PORTS: std::ops::Range<u16> = 12_000..20_000;

/// The locks of the ports that this program holds; kept until it ends.
static LEASES: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// The server program to test with: `SLOTDECK_TEST_SERVER`, or else `redis-server` from the path.
pub fn server_program() -> PathBuf {
    std::env::var_os("SLOTDECK_TEST_SERVER").map_or_else(|| PathBuf::from("redis-server"), PathBuf::from)
}

/// A server of another version, as `dev/servers` puts them side by side: `redis-newest`, `valkey-8.1`, …; `None`, with a
/// word on standard error, where it was not installed.
pub fn cached_server(name: &str) -> Option<PathBuf> {
    let cache = std::env::var_os("SLOTDECK_SERVERS").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/slotdeck-servers")))?;
    let programs = ["redis-server", "valkey-server"].map(|program| cache.join(name).join("usr/bin").join(program));
    let found = programs.into_iter().find(|program| program.exists());
    if found.is_none() {
        eprintln!("not tried on {name}: `dev/servers {name}` installs it");
    }
    found
}

/// The default server, and of these others those that are installed.
pub fn default_and(names: &[&'static str]) -> Vec<(&'static str, PathBuf)> {
    let installed = names.iter().filter_map(|name| Some((*name, cached_server(name)?)));
    std::iter::once(("default", server_program())).chain(installed).collect()
}

/// `n` client ports that are free together with their bus ports. They stay this program's own until it ends, so that
/// a server may be stopped and started again on the same port.
pub fn free_ports(n: usize) -> Vec<u16> {
    let mut found = Vec::with_capacity(n);
    for port in ports_from_anywhere() {
        if found.len() == n {
            break;
        }
        if lease(port) {
            found.push(port);
        }
    }
    assert_eq!(found.len(), n, "not enough free ports between {} and {}", PORTS.start, PORTS.end);
    found
}

/// One free client port; see [`free_ports`].
pub fn free_port() -> u16 {
    free_ports(1)[0]
}

/// The first of `n` consecutive client ports that are all free; see [`free_ports`].
pub fn free_port_run(n: u16) -> u16 {
    ports_from_anywhere()
        .find(|first| first + n <= PORTS.end && (*first..first + n).all(lease))
        .unwrap_or_else(|| panic!("no {n} free ports in a row between {} and {}", PORTS.start, PORTS.end))
}

/// All ports of the range, beginning somewhere else in each program and each call.
fn ports_from_anywhere() -> impl Iterator<Item = u16> {
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
    let length = u32::from(PORTS.end - PORTS.start);
    let offset = u16::try_from((std::process::id().wrapping_mul(7919) ^ (nanos / 1000)) % length).unwrap();
    (PORTS.start + offset..PORTS.end).chain(PORTS.start..PORTS.start + offset)
}

/// Takes a port and its bus port for this program; false where somebody has either.
fn lease(port: u16) -> bool {
    let folder = std::env::temp_dir().join("slotdeck-test-ports");
    std::fs::create_dir_all(&folder).unwrap();
    let lock =
        OpenOptions::new().create(true).truncate(false).write(true).open(folder.join(format!("{port}.lock"))).unwrap();
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return false,
        Err(TryLockError::Error(error)) => panic!("cannot lock port {port}: {error}"),
    }
    let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    if free(port) && free(port + 10_000) {
        LEASES.lock().unwrap().push(lock);
        return true;
    }
    false
}

/// Asks again and again until there is an answer; panics with `what` when [`PATIENCE`] is used up.
#[track_caller]
pub fn wait_until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {} s in vain: {what}", PATIENCE.as_secs());
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// Waits until the server on this port of 127.0.0.1 answers: PONG, or that it wants a password. LOADING is waited for.
#[track_caller]
pub fn wait_ready(port: u16) {
    wait_until(&format!("the server on port {port} does not answer PING"), || answers(port).then_some(()));
}

fn answers(port: u16) -> bool {
    use std::io::{Read, Write};
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(mut stream) = std::net::TcpStream::connect_timeout(&address, Duration::from_secs(1)) else { return false };
    let mut reply = [0; 64];
    let length = stream
        .set_read_timeout(Some(Duration::from_secs(2)))
        .and_then(|()| stream.write_all(b"PING\r\n"))
        .and_then(|()| stream.read(&mut reply))
        .unwrap_or(0);
    reply[..length].starts_with(b"+PONG") || reply[..length].starts_with(b"-NOAUTH")
}

/// A server process on 127.0.0.1 with a folder. Dropping it kills the process and removes the folder if it was made
/// here.
pub struct TestServer {
    child: Option<Child>,
    port: u16,
    dir: PathBuf,
    conf: PathBuf,
    program: PathBuf,
    _owned_dir: Option<TempDir>,
}

impl TestServer {
    /// Starts a server on a free port in a new folder, with these further redis.conf lines, and waits until it answers.
    #[track_caller]
    pub fn start(extra: &str) -> Self {
        let port = free_port();
        Self::start_with_file(port, &format!("port {port}\nbind 127.0.0.1\ndir ./\nlogfile server.log\n{extra}\n"))
    }

    /// The same of this server program.
    #[track_caller]
    pub fn start_of(program: &Path, extra: &str) -> Self {
        let port = free_port();
        let own = format!("port {port}\nbind 127.0.0.1\ndir ./\nlogfile server.log\n");
        Self::start_program(program, port, &format!("{own}{extra}\n"))
    }

    /// Starts an empty cluster node on a free port in a new folder; otherwise as [`TestServer::start`].
    #[track_caller]
    pub fn start_cluster_node(extra: &str) -> Self {
        Self::start_cluster_node_of(&server_program(), extra)
    }

    /// The same of this server program.
    #[track_caller]
    pub fn start_cluster_node_of(program: &Path, extra: &str) -> Self {
        let port = free_port();
        let own = format!("port {port}\nbind 127.0.0.1\ndir ./\nlogfile server.log\n");
        let cluster = "cluster-enabled yes\ncluster-node-timeout 2000\nappendonly no\nsave \"\"\n";
        Self::start_program(program, port, &format!("{own}{cluster}{extra}\n"))
    }

    /// Starts a server in a new folder with exactly this redis.conf, which must set this port.
    #[track_caller]
    pub fn start_with_file(port: u16, conf_text: &str) -> Self {
        Self::start_program(&server_program(), port, conf_text)
    }

    #[track_caller]
    fn start_program(program: &Path, port: u16, conf_text: &str) -> Self {
        let program = program.to_owned();
        let owned = tempfile::Builder::new().prefix("slotdeck-test-").tempdir().unwrap();
        let conf = owned.path().join("redis.conf");
        std::fs::write(&conf, conf_text).unwrap();
        let dir = owned.path().to_owned();
        let mut server = Self { child: None, port, dir, conf, program, _owned_dir: Some(owned) };
        server.start_again();
        server
    }

    /// Starts a server on a redis.conf that lies in its node folder already; the folder is left to its owner.
    #[track_caller]
    pub fn start_in(dir: &Path, port: u16) -> Self {
        let mut server = Self {
            child: None,
            port,
            dir: dir.to_owned(),
            conf: dir.join("redis.conf"),
            program: server_program(),
            _owned_dir: None,
        };
        server.start_again();
        server
    }

    /// Starts the process on the same folder, file and port, after it was stopped or killed, and waits until it
    /// answers. A server that ends instead fails the test with its own words.
    #[track_caller]
    pub fn start_again(&mut self) {
        assert!(self.child.is_none(), "the server on port {} still runs", self.port);
        let output = File::create(self.dir.join("output.txt")).unwrap();
        let child = Command::new(&self.program)
            .arg(&self.conf)
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", self.program.display()));
        self.child = Some(child);
        wait_until(&format!("the server on port {} does not answer", self.port), || {
            if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().unwrap()) {
                self.child = None;
                panic!("the server on port {} ended with {status}:\n{}", self.port, self.words());
            }
            answers(self.port).then_some(())
        });
    }

    /// The client port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The node folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The redis.conf it was started with.
    pub fn conf(&self) -> &Path {
        &self.conf
    }

    /// `127.0.0.1:PORT`.
    pub fn addr(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// What the server printed and logged so far.
    pub fn words(&self) -> String {
        ["output.txt", "server.log"]
            .iter()
            .filter_map(|name| std::fs::read(self.dir.join(name)).ok())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .collect()
    }

    /// A blocking connection, logged in with the password if one is given.
    #[track_caller]
    pub fn connect(&self, password: Option<&str>) -> redis::Connection {
        self.try_connect(password).unwrap_or_else(|error| panic!("cannot connect to {}: {error}", self.addr()))
    }

    /// As [`TestServer::connect`], but a refusal is an answer.
    pub fn try_connect(&self, password: Option<&str>) -> redis::RedisResult<redis::Connection> {
        let mut connection =
            redis::Client::open(format!("redis://{}/", self.addr()))?.get_connection_with_timeout(PATIENCE)?;
        if let Some(password) = password {
            redis::cmd("AUTH").arg(password).exec(&mut connection)?;
        }
        connection.set_read_timeout(Some(PATIENCE))?;
        Ok(connection)
    }

    /// Asks the process to end by itself (SHUTDOWN) and waits for it.
    #[track_caller]
    pub fn stop(&mut self, password: Option<&str>) -> ExitStatus {
        let mut connection = self.connect(password);
        // The reply to SHUTDOWN is the end of the connection: an error to the client, a success to us.
        let _ = redis::cmd("SHUTDOWN").exec(&mut connection);
        let child = self.child.as_mut().expect("the server runs");
        let status = wait_until("the server does not end after SHUTDOWN", || child.try_wait().unwrap());
        self.child = None;
        status
    }

    /// Kills the process at once, as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.kill();
    }
}
