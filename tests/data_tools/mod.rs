//! Keys of all types, and what they hold read back, for tests that copy them.

#![allow(dead_code, reason = "each test program uses its own part of this module")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper that fails must fail its test")]
#![allow(clippy::missing_panics_doc, reason = "test helpers panic to fail the test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use redis::{Connection, Value};
use slotdeck::core::slot::key_slot;
use slotdeck::core::version::ServerVersion;

use crate::common::{TestServer, cached_server, server_program};
use crate::slotctl_tools::{Ran, slotctl, slotctl_at};

/// The versions that `dev/servers` installs beside the system's own.
pub const VERSIONS: [&str; 10] = [
    "redis-3.2",
    "redis-5.0",
    "redis-6.0",
    "redis-6.2",
    "redis-7.4",
    "redis-8.0",
    "redis-newest",
    "valkey-8.0",
    "valkey-8.1",
    "valkey-newest",
];

/// A master sends its file as soon as it is asked.
pub const AT_ONCE: &str = "repl-diskless-sync-delay 0\n";

/// The server programs that are present, with their names.
pub fn servers(names: &[&str]) -> Vec<(String, PathBuf)> {
    let own = [("own".to_owned(), server_program())];
    let cached = names.iter().filter_map(|name| Some(((*name).to_owned(), cached_server(name)?)));
    own.into_iter().chain(cached).collect()
}

/// Masters of one cluster.
pub struct Masters {
    pub servers: Vec<TestServer>,
    pub home: tempfile::TempDir,
    password: Option<String>,
}

impl Masters {
    /// A cluster of so many masters of this program, with these further lines in their files.
    pub fn new(program: &Path, count: usize, extra: &str) -> Self {
        let masters = Self::unformed(program, count, extra, None);
        let addrs: Vec<String> = masters.servers.iter().map(TestServer::addr).collect();
        masters.slotctl_with(&["create", "--cluster-yes"], &addrs);
        masters
    }

    /// The same with a password.
    pub fn with_password(program: &Path, count: usize, password: &str) -> Self {
        let extra = format!("requirepass {password}\nmasterauth {password}\n");
        let masters = Self::unformed(program, count, &extra, Some(password));
        let addrs: Vec<String> = masters.servers.iter().map(TestServer::addr).collect();
        masters.slotctl_with(&["create", "--cluster-yes", "--no-auth-warning", "-a", password], &addrs);
        masters
    }

    /// So many empty cluster nodes.
    pub fn unformed(program: &Path, count: usize, extra: &str, password: Option<&str>) -> Self {
        let servers = (0..count).map(|_| TestServer::start_cluster_node_of(program, extra)).collect();
        Self { servers, home: tempfile::tempdir().unwrap(), password: password.map(str::to_owned) }
    }

    fn slotctl_with(&self, args: &[&str], addrs: &[String]) {
        let args: Vec<&str> = args.iter().copied().chain(addrs.iter().map(String::as_str)).collect();
        slotctl_at(self.home.path(), &args, "").fine();
    }

    pub fn addr(&self) -> String {
        self.servers[0].addr()
    }

    pub fn connections(&self) -> Vec<Connection> {
        self.servers.iter().map(|server| server.connect(self.password.as_deref())).collect()
    }

    /// Sends each command to the master that has its key.
    pub fn run(&self, commands: &[Vec<Vec<u8>>]) {
        let mut connections = self.connections();
        let owners = owners(&mut connections[0], &self.servers);
        for command in commands {
            let owner = owners[key_slot(&command[1]).index()];
            send(&mut connections[owner], command);
        }
    }

    /// What all masters hold.
    pub fn contents(&self) -> BTreeMap<Vec<u8>, String> {
        self.connections().iter_mut().flat_map(contents).collect()
    }
}

fn owners(connection: &mut Connection, servers: &[TestServer]) -> Vec<usize> {
    let mut owners = vec![0; 16384];
    let ranges: Vec<(usize, usize, Vec<Value>)> = slots(connection);
    for (first, last, node) in ranges {
        let Value::Int(port) = node[1] else { panic!("{node:?}") };
        let owner = servers.iter().position(|server| i64::from(server.port()) == port).unwrap();
        owners[first..=last].fill(owner);
    }
    owners
}

fn slots(connection: &mut Connection) -> Vec<(usize, usize, Vec<Value>)> {
    let Value::Array(rows) = redis::cmd("CLUSTER").arg("SLOTS").query(connection).unwrap() else { panic!() };
    let row = |row: Value| {
        let Value::Array(row) = row else { panic!() };
        let (Value::Int(first), Value::Int(last), Value::Array(node)) = (&row[0], &row[1], &row[2]) else { panic!() };
        (usize::try_from(*first).unwrap(), usize::try_from(*last).unwrap(), node.clone())
    };
    rows.into_iter().map(row).collect()
}

pub fn send(connection: &mut Connection, words: &[Vec<u8>]) -> Value {
    let mut command = redis::Cmd::new();
    for word in words {
        command.arg(&word[..]);
    }
    command.query(connection).unwrap_or_else(|error| panic!("{error}: {}", words[0].escape_ascii()))
}

pub fn version(connection: &mut Connection) -> ServerVersion {
    let info: String = redis::cmd("INFO").arg("server").query(connection).unwrap();
    ServerVersion::parse_info(&info).unwrap()
}

fn words(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// Commands that make keys of every type and encoding that a server of this version has, the key always second.
pub fn every_type(version: ServerVersion) -> Vec<Vec<Vec<u8>>> {
    let mut all = vec![
        words(&["SET", "plain", "value"]),
        words(&["SET", "number", "12345"]),
        words(&["SET", "negative", "-1"]),
        words(&["SET", "empty value", ""]),
        words(&["SET", "", "the empty name"]),
        words(&["SET", "键:名字", "值"]),
        vec![b"SET".to_vec(), b"bin\x00\xff\r\n{tag}\x80".to_vec(), (0..=255).collect()],
        vec![b"SET".to_vec(), b"long".to_vec(), b"abcdefgh".repeat(40_000)],
        vec![b"SET".to_vec(), [b"compressed-name-".as_slice(), &[b'a'; 200]].concat(), b"x".to_vec()],
        words(&["SET", "lasting", "v", "PX", "9999999"]),
        words(&["RPUSH", "list", "a", "1", "", "很长"]),
        words(&["SADD", "ints", "1", "2", "300000", "-5"]),
        words(&["SADD", "set", "a", "b", "c"]),
        words(&["ZADD", "zset", "1.5", "a", "-inf", "b", "3", "c", "+inf", "d"]),
        words(&["HSET", "hash", "f", "v"]),
        words(&["HSET", "hash", "g", "2"]),
        words(&["PFADD", "hyperloglog", "a", "b", "c"]),
        words(&["EXPIRE", "hash", "8000"]),
    ];
    for (name, verb, pairs) in
        [("big list", "RPUSH", 0), ("big set", "SADD", 0), ("big zset", "ZADD", 1), ("big hash", "HMSET", 1)]
    {
        let mut command = words(&[verb, name]);
        for i in 0..3000 {
            if pairs == 1 {
                command.push(i.to_string().into_bytes());
            }
            command.push(format!("element {i} {}", "x".repeat(i % 90)).into_bytes());
        }
        all.push(command);
    }
    if version.major >= 5 {
        for i in 1..300 {
            all.push(words(&["XADD", "stream", &format!("{i}-1"), "field", &format!("value {i}"), "other", "x"]));
        }
        all.push(vec![b"XDEL".to_vec(), b"stream".to_vec(), b"7-1".to_vec()]);
    }
    for i in 0..500 {
        all.push(words(&["SET", &format!("key:{i}"), &format!("value {i}")]));
    }
    all
}

/// What makes consumer groups and fields that expire: their key is not the second word.
pub fn groups_and_fields(connection: &mut Connection, owns: impl Fn(&[u8]) -> bool) {
    let version = version(connection);
    if version.major >= 5 && owns(b"stream") {
        for command in [
            &["XGROUP", "CREATE", "stream", "group", "0"][..],
            &["XREADGROUP", "GROUP", "group", "alice", "COUNT", "5", "STREAMS", "stream", ">"],
            &["XREADGROUP", "GROUP", "group", "bob", "COUNT", "3", "STREAMS", "stream", ">"],
            &["XACK", "stream", "group", "2-1"],
            &["XGROUP", "CREATE", "stream", "idle", "$"],
        ] {
            send(connection, &words(command));
        }
    }
    // Nothing else than asking says whether a server has fields that expire (Redis 7.4, Valkey 9.0).
    if owns(b"hash") {
        let fields = words(&["HPEXPIRE", "hash", "9999999", "FIELDS", "1", "f"]);
        let mut command = redis::Cmd::new();
        for word in &fields {
            command.arg(&word[..]);
        }
        let _ = command.query::<Value>(connection);
    }
}

/// Every key of a server with what it holds, in words that are the same on every version.
pub fn contents(connection: &mut Connection) -> BTreeMap<Vec<u8>, String> {
    let mut found = BTreeMap::new();
    let mut cursor = b"0".to_vec();
    loop {
        let (next, keys): (Vec<u8>, Vec<Vec<u8>>) =
            redis::cmd("SCAN").arg(&cursor).arg("COUNT").arg(1000).query(connection).unwrap();
        for key in keys {
            let held = held(connection, &key);
            found.insert(key, held);
        }
        if next == b"0" {
            return found;
        }
        cursor = next;
    }
}

/// What a key holds, in words that are the same on every version.
pub fn held(connection: &mut Connection, key: &[u8]) -> String {
    let ask = |connection: &mut Connection, verb: &str, rest: &[&str]| -> Value {
        let mut command = redis::cmd(verb);
        command.arg(key);
        for word in rest {
            command.arg(*word);
        }
        command.query(connection).unwrap()
    };
    let Value::SimpleString(kind) = ask(connection, "TYPE", &[]) else { panic!() };
    let value = match kind.as_str() {
        "string" => format!("{:?}", ask(connection, "GET", &[])),
        "list" => format!("{:?}", ask(connection, "LRANGE", &["0", "-1"])),
        "set" => sorted(ask(connection, "SMEMBERS", &[]), 1),
        "zset" => sorted(ask(connection, "ZRANGE", &["0", "-1", "WITHSCORES"]), 2),
        "hash" => sorted(ask(connection, "HGETALL", &[]), 2),
        "stream" => {
            let entries = ask(connection, "XRANGE", &["-", "+"]);
            stream(connection, key, &entries)
        }
        other => panic!("{other}"),
    };
    let Value::Int(left) = ask(connection, "PTTL", &[]) else { panic!() };
    // To about a quarter of an hour: copying takes time.
    format!("{kind} {value} expires in {}", if left < 0 { left } else { left / 900_000 })
}

fn stream(connection: &mut Connection, key: &[u8], entries: &Value) -> String {
    let mut groups = Vec::new();
    let Value::Array(rows) = redis::cmd("XINFO").arg("GROUPS").arg(key).query(connection).unwrap() else { panic!() };
    for row in rows {
        let Value::Array(row) = row else { panic!() };
        let pending: Value = redis::cmd("XPENDING").arg(key).arg(row[1].clone_bytes()).query(connection).unwrap();
        groups.push(format!("{:?} {pending:?} {:?}", row[1], row[7]));
    }
    format!("{entries:?} {groups:?}")
}

trait CloneBytes {
    fn clone_bytes(&self) -> Vec<u8>;
}

impl CloneBytes for Value {
    fn clone_bytes(&self) -> Vec<u8> {
        match self {
            Value::BulkString(bytes) => bytes.clone(),
            other => panic!("{other:?}"),
        }
    }
}

fn sorted(value: Value, at_once: usize) -> String {
    let Value::Array(all) = value else { panic!("{value:?}") };
    let mut rows: Vec<String> = all.chunks(at_once).map(|row| format!("{row:?}")).collect();
    rows.sort();
    format!("{rows:?}")
}

/// Runs `backup`.
pub fn backup(cluster: &Masters, dir: &Path, more: &[&str]) -> Ran {
    let dir = dir.to_str().unwrap();
    let addr = cluster.addr();
    let args: Vec<&str> = ["--cluster", "backup", &addr, dir].into_iter().chain(more.iter().copied()).collect();
    slotctl(&args, "")
}

/// A cluster that holds every type.
pub fn filled(program: &Path, masters: usize, extra: &str) -> Masters {
    let cluster = Masters::new(program, masters, extra);
    let mut connections = cluster.connections();
    let commands = every_type(version(&mut connections[0]));
    cluster.run(&commands);
    for connection in &mut connections {
        let held = contents(connection);
        groups_and_fields(connection, |key| held.contains_key(key));
    }
    cluster
}
