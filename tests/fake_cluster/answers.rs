//! What a node answers to each command.

use super::info::{cluster_info, info};
use super::keys;
use super::resp::Reply;
use super::serve::{Shared, now_ms, now_secs};
use super::text::Scene;
use super::world::{Doubt, SLOTS};

/// A connection to a node.
#[derive(Debug)]
pub struct Caller {
    pub node: usize,
    /// 2 or 3.
    pub version: u8,
    pub id: i64,
}

/// The answer to a command.
pub fn answer(shared: &Shared, scene: &Scene, caller: &mut Caller, words: &[Vec<u8>]) -> Reply {
    let name = upper(words.first());
    let sub = upper(words.get(1));
    let node = caller.node;
    match (name.as_str(), sub.as_str()) {
        ("HELLO", version) => hello(caller, version),
        ("PING", "") => Reply::Status("PONG"),
        ("PING" | "ECHO", _) => Reply::Bytes(words[1].clone()),
        ("AUTH", _) => Reply::Error("ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?".to_owned()),
        ("SELECT" | "READONLY" | "READWRITE" | "QUIT", _) => Reply::Status("OK"),
        ("INFO", _) => Reply::Text(info(shared, scene, node)),
        ("DBSIZE", _) => Reply::Int(scene.ranges(node, node).iter().flat_map(|(a, b)| *a..=*b).map(|slot| keys::count(slot, shared.options.seed) as i64).sum()),
        ("CLIENT", _) => client(shared, caller, &sub),
        ("CONFIG", "GET") => config(shared, node, &words[2..]),
        ("SLOWLOG", "GET") => Reply::List(vec![slow(2, 17_000), slow(1, 41_000)]),
        ("SLOWLOG", "LEN") => Reply::Int(2),
        ("LATENCY", "LATEST") => Reply::List(vec![Reply::List(vec![
            Reply::word("command"), Reply::Int(now_secs() - 60), Reply::Int(120), Reply::Int(250),
        ])]),
        ("LATENCY", "HISTORY") => Reply::List(vec![Reply::List(vec![Reply::Int(now_secs() - 60), Reply::Int(120)])]),
        ("LATENCY", "DOCTOR") => Reply::Text("Nothing to say.\n".to_owned()),
        // Not a server's: what benches ask.
        ("FAKE", "TRAFFIC") => Reply::List(shared.traffic().map(Reply::Int).to_vec()),
        ("COMMAND", _) => Reply::List(Vec::new()),
        ("CLUSTER", _) => cluster(shared, scene, node, &sub, words.get(2..).unwrap_or_default()),
        _ => of_key(shared, scene, node, &name, &sub, words),
    }
}

fn upper(word: Option<&Vec<u8>>) -> String {
    word.map(|word| String::from_utf8_lossy(word).to_uppercase()).unwrap_or_default()
}

fn number(word: Option<&Vec<u8>>) -> Option<usize> {
    std::str::from_utf8(word?).ok()?.parse().ok()
}

fn map(pairs: Vec<(&str, Reply)>) -> Reply {
    Reply::Map(pairs.into_iter().map(|(name, value)| (Reply::word(name), value)).collect())
}

fn hello(caller: &mut Caller, version: &str) -> Reply {
    match version {
        "2" => caller.version = 2,
        "3" => caller.version = 3,
        "" => {}
        _ => return Reply::Error("NOPROTO unsupported protocol version".to_owned()),
    }
    map(vec![
        ("server", Reply::word("redis")),
        ("version", Reply::word("7.0.15")),
        ("proto", Reply::Int(i64::from(caller.version))),
        ("id", Reply::Int(caller.id)),
        ("mode", Reply::word("cluster")),
        ("role", Reply::word("master")),
        ("modules", Reply::List(Vec::new())),
    ])
}

fn client(shared: &Shared, caller: &Caller, sub: &str) -> Reply {
    let line = |id: i64, name: &str, command: &str| {
        format!(
            "id={id} addr=127.0.0.1:{} laddr=127.0.0.1:{} fd=8 name={name} age=120 idle=1 flags=N db=0 sub=0 psub=0 \
             ssub=0 multi=-1 qbuf=26 qbuf-free=20448 argv-mem=10 multi-mem=0 rbs=1024 rbp=0 obl=0 oll=0 omem=0 \
             tot-mem=22298 events=r cmd={command} user=default redir=-1 resp={}\n",
            33_000 + id % 20_000,
            shared.port(caller.node),
            caller.version,
        )
    };
    match sub {
        "LIST" => Reply::Text(line(3, "shop", "get") + &line(5, "", "hset") + &line(caller.id, "", "client|list")),
        "INFO" => Reply::Text(line(caller.id, "", "client|info")),
        "ID" => Reply::Int(caller.id),
        "GETNAME" => Reply::Nothing,
        _ => Reply::Status("OK"),
    }
}

fn config(shared: &Shared, node: usize, patterns: &[Vec<u8>]) -> Reply {
    let port = shared.port(node).to_string();
    let dir = format!("/var/lib/fake/{port}");
    // One node has another policy than its peers.
    let policy = if node == 1 { "allkeys-lru" } else { "noeviction" };
    let all = [
        ("appendonly", "no"),
        ("bind", "127.0.0.1"),
        ("cluster-allow-reads-when-down", "no"),
        ("cluster-enabled", "yes"),
        ("cluster-node-timeout", "15000"),
        ("cluster-require-full-coverage", "yes"),
        ("databases", "16"),
        ("dir", &dir),
        ("maxclients", "10000"),
        ("maxmemory", "0"),
        ("maxmemory-policy", policy),
        ("port", &port),
        ("repl-diskless-sync-delay", "5"),
        ("requirepass", ""),
        ("save", "3600 1 300 100 60 10000"),
        ("timeout", "0"),
    ];
    let fits = |name: &str| {
        patterns.iter().any(|pattern| match pattern.strip_suffix(b"*") {
            Some(start) => name.as_bytes().starts_with(start),
            None => name.as_bytes() == pattern.to_ascii_lowercase(),
        })
    };
    map(all.into_iter().filter(|(name, _)| fits(name)).map(|(name, value)| (name, Reply::word(value))).collect())
}

fn slow(id: i64, micros: i64) -> Reply {
    let command = ["KEYS", "*"].map(Reply::word).to_vec();
    Reply::List(vec![
        Reply::Int(id),
        Reply::Int(now_secs() - 600 / id),
        Reply::Int(micros),
        Reply::List(command),
        Reply::word("127.0.0.1:40112"),
        Reply::word(""),
    ])
}

fn cluster(shared: &Shared, scene: &Scene, node: usize, sub: &str, words: &[Vec<u8>]) -> Reply {
    let seed = shared.options.seed;
    let slot = number(words.first()).and_then(|slot| u16::try_from(slot).ok()).filter(|slot| *slot < SLOTS);
    let bad_slot = || Reply::Error("ERR Invalid or out of range slot".to_owned());
    let side = scene.world.side(node);
    let holds = |slot: u16| side.owner(slot) == Some(side.master[node].unwrap_or(node));
    match sub {
        "NODES" => Reply::Text(scene.nodes(node, now_ms())),
        "INFO" => Reply::Text(cluster_info(scene, node)),
        "MYID" => Reply::word(&shared.ids[node]),
        "SHARDS" => Reply::List(shards(shared, scene, node)),
        "SLOTS" => Reply::List(slots(shared, scene, node)),
        "LINKS" => Reply::List(links(shared, scene, node)),
        "KEYSLOT" => Reply::Int(words.first().map_or(0, |key| i64::from(keys::slot(key)))),
        "COUNTKEYSINSLOT" => {
            slot.map_or_else(bad_slot, |slot| Reply::Int(if holds(slot) { keys::count(slot, seed) as i64 } else { 0 }))
        }
        "GETKEYSINSLOT" => match (slot, number(words.get(1))) {
            (Some(slot), Some(limit)) if holds(slot) => {
                Reply::List(keys::names(slot, seed, limit).into_iter().map(Reply::Bytes).collect())
            }
            (Some(_), Some(_)) => Reply::List(Vec::new()),
            _ => bad_slot(),
        },
        "SLOT-STATS" if shared.options.slot_stats => slot_stats(shared, words, holds),
        "COUNT-FAILURE-REPORTS" => Reply::Int(0),
        "REPLICAS" | "SLAVES" => Reply::List(Vec::new()),
        "HELP" => Reply::List(vec![Reply::Status("CLUSTER <subcommand>")]),
        other => Reply::Error(format!("ERR unknown subcommand '{other}'. Try CLUSTER HELP.")),
    }
}

fn slot_stats(shared: &Shared, words: &[Vec<u8>], holds: impl Fn(u16) -> bool) -> Reply {
    let (Some(first), Some(last)) = (number(words.get(1)), number(words.get(2))) else {
        return Reply::Error("ERR Invalid or out of range slot".to_owned());
    };
    let range = first.min(usize::from(SLOTS) - 1)..=last.min(usize::from(SLOTS) - 1);
    let of = |slot: u16| {
        let keys = keys::count(slot, shared.options.seed);
        let worked = keys * shared.up_ms() / 1000;
        let values = map(vec![
            ("key-count", Reply::Int(keys as i64)),
            ("memory-bytes", Reply::Int(keys as i64 * 120)),
            ("cpu-usec", Reply::Int(worked as i64 * 3)),
            ("network-bytes-in", Reply::Int(worked as i64 * 60)),
            ("network-bytes-out", Reply::Int(worked as i64 * 150)),
        ]);
        Reply::List(vec![Reply::Int(i64::from(slot)), values])
    };
    Reply::List(range.map(|slot| slot as u16).filter(|slot| holds(*slot)).map(of).collect())
}

fn shards(shared: &Shared, scene: &Scene, viewer: usize) -> Vec<Reply> {
    let side = scene.world.side(viewer);
    let of_node = |node: usize| {
        let health = if side.doubt[node] == Doubt::None { "online" } else { "fail" };
        let role = if side.master[node].is_some() { "replica" } else { "master" };
        map(vec![
            ("id", Reply::word(&shared.ids[node])),
            ("port", Reply::Int(i64::from(shared.port(node)))),
            ("ip", Reply::word("127.0.0.1")),
            ("endpoint", Reply::word("127.0.0.1")),
            ("role", Reply::word(role)),
            ("replication-offset", Reply::Int(100_000 + shared.up_ms() as i64 * 40)),
            ("health", Reply::word(health)),
        ])
    };
    let masters = (0..shared.ids.len()).filter(|node| side.master[*node].is_none());
    masters
        .map(|master| {
            let ranges = scene.ranges(viewer, master).iter();
            let slots = ranges.flat_map(|(a, b)| [Reply::Int(i64::from(*a)), Reply::Int(i64::from(*b))]).collect();
            let nodes = [master].into_iter().chain(side.replicas(master)).map(of_node).collect();
            map(vec![("slots", Reply::List(slots)), ("nodes", Reply::List(nodes))])
        })
        .collect()
}

fn slots(shared: &Shared, scene: &Scene, viewer: usize) -> Vec<Reply> {
    let side = scene.world.side(viewer);
    let of_node = |node: usize| {
        Reply::List(vec![
            Reply::word("127.0.0.1"),
            Reply::Int(i64::from(shared.port(node))),
            Reply::word(&shared.ids[node]),
            Reply::List(Vec::new()),
        ])
    };
    let masters = (0..shared.ids.len()).filter(|node| side.master[*node].is_none());
    let ranges = masters.flat_map(|master| scene.ranges(viewer, master).iter().map(move |range| (master, *range)));
    ranges
        .map(|(master, (first, last))| {
            let ends = [Reply::Int(i64::from(first)), Reply::Int(i64::from(last))];
            Reply::List(
                ends.into_iter().chain([master].into_iter().chain(side.replicas(master)).map(of_node)).collect(),
            )
        })
        .collect()
}

fn links(shared: &Shared, scene: &Scene, node: usize) -> Vec<Reply> {
    let link = |to: usize, direction: &str| {
        map(vec![
            ("direction", Reply::word(direction)),
            ("node", Reply::word(&shared.ids[to])),
            ("create-time", Reply::Int(now_ms() as i64 - 3_600_000)),
            ("events", Reply::word("r")),
            ("send-buffer-allocated", Reply::Int(0)),
            ("send-buffer-used", Reply::Int(0)),
        ])
    };
    let others = (0..shared.ids.len()).filter(|other| *other != node);
    let mut links = Vec::new();
    for other in others {
        if scene.world.linked(node, other) {
            links.push(link(other, "to"));
        }
        if scene.world.linked(other, node) {
            links.push(link(other, "from"));
        }
    }
    links
}

fn of_key(shared: &Shared, scene: &Scene, node: usize, name: &str, sub: &str, words: &[Vec<u8>]) -> Reply {
    let place = if matches!(name, "MEMORY" | "OBJECT") { 2 } else { 1 };
    let key = words.get(place).filter(|_| {
        matches!(name, "GET" | "TYPE" | "TTL" | "PTTL" | "EXISTS" | "STRLEN" | "GETRANGE" | "MEMORY" | "OBJECT")
    });
    let Some(key) = key else { return Reply::Error(format!("ERR unknown command '{name}'")) };
    let (slot, side) = (keys::slot(key), scene.world.side(node));
    let owner = side.owner(slot);
    if owner != Some(side.master[node].unwrap_or(node)) {
        let port = owner.map_or(0, |owner| shared.port(owner));
        return Reply::Error(format!("MOVED {slot} 127.0.0.1:{port}"));
    }
    let most = usize::try_from(keys::count(slot, shared.options.seed)).unwrap_or(usize::MAX);
    let there = keys::names(slot, shared.options.seed, most).contains(key);
    let value = keys::value(key);
    match (name, sub) {
        ("EXISTS", _) => Reply::Int(i64::from(there)),
        ("TYPE", _) if !there => Reply::Status("none"),
        ("TYPE", _) => Reply::Status("string"),
        ("TTL" | "PTTL", _) => Reply::Int(if there { -1 } else { -2 }),
        ("STRLEN", _) => Reply::Int(if there { value.len() as i64 } else { 0 }),
        _ if !there => Reply::Nothing,
        ("GET", _) => Reply::Bytes(value.into_bytes()),
        ("GETRANGE", _) => {
            let last = number(words.get(3)).unwrap_or(usize::MAX).min(value.len().saturating_sub(1));
            let first = number(words.get(2)).unwrap_or(0).min(last);
            Reply::word(&value[first..=last])
        }
        ("MEMORY", "USAGE") => Reply::Int(value.len() as i64 + 56),
        ("OBJECT", "ENCODING") => Reply::word("embstr"),
        _ => Reply::Error(format!("ERR unknown subcommand '{sub}'")),
    }
}
