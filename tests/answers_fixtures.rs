//! Answers of real servers, from Redis 3.0 to the newest and Valkey, as they came over the wire (`tests/fixtures/answers`:
//! one folder a server, one file a command): every reader reads what is there, and says nothing where a server has no such
//! command.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use slotdeck::core::answers::{
    Reply, Shown, compare, read_clients, read_config, read_history, read_info, read_latest, read_lines, read_links,
    read_own_shard, read_slow_log,
};
use slotdeck::engine::look::reply_of;

const SERVERS: [&str; 5] = ["redis-3.0", "redis-6.2", "redis-7.0", "redis-newest", "valkey-newest"];
/// Those that have CLUSTER SHARDS and CLUSTER LINKS.
const SINCE_7: [&str; 3] = ["redis-7.0", "redis-newest", "valkey-newest"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/answers")
}

fn reply(server: &str, command: &str) -> Reply {
    let bytes = std::fs::read(folder().join(server).join(format!("{command}.resp"))).unwrap();
    // An error reply of a server without the command is no answer.
    redis::parse_redis_value(&bytes).map_or(Reply::Nil, reply_of)
}

fn text(server: &str, command: &str) -> String {
    reply(server, command).text().unwrap().into_owned()
}

#[test]
fn every_server_tells_its_sections() {
    for server in SERVERS {
        let info = read_info(&text(server, "info"));
        let names: Vec<&str> = info.iter().map(|section| section.name.as_str()).collect();
        for name in ["Server", "Clients", "Memory", "Persistence", "Stats", "Replication", "CPU", "Cluster", "Keyspace"]
        {
            assert!(names.contains(&name), "{server} {names:?}");
        }
        let memory = info.iter().find(|section| section.name == "Memory").unwrap();
        assert!(memory.get("used_memory").unwrap().parse::<u64>().unwrap() > 100_000, "{server}");
        let cluster = read_info(&text(server, "cluster-info"));
        assert_eq!(cluster[0].get("cluster_known_nodes"), Some("2"), "{server}");
    }
}

#[test]
fn every_server_tells_its_clients() {
    for server in SERVERS {
        let clients = read_clients(&text(server, "clients"), 1000);
        assert_eq!((clients.total, clients.list.len()), (1, 1), "{server}");
        let client = &clients.list[0];
        assert_eq!((client.text("name"), client.number("db")), ("shop", Some(0)), "{server}");
        assert!(client.number("id").is_some() && client.text("addr").starts_with("127.0.0.1:"), "{server}");
    }
}

#[test]
fn slow_calls_keep_any_bytes_and_no_password() {
    for server in SERVERS {
        let calls = read_slow_log(&reply(server, "slowlog"));
        assert!(calls.len() > 3, "{server}");
        let set = calls.iter().find(|call| call.words[0] == b"SET").unwrap();
        assert_eq!(set.words[2], b"\x00\xff\r\nbinary", "{server}");
        assert_eq!(set.client.is_some(), server != "redis-3.0", "{server}");
        assert!(calls.iter().any(|call| call.words[0] == b"EVAL" && call.took_us > 1000), "{server}");
        assert!(!format!("{calls:?}").contains("hunter2"), "{server}");
        assert!(!calls.iter().flat_map(|call| &call.words).any(|word| word == b"hunter2"), "{server}");
    }
}

#[test]
fn latency_events_have_a_history() {
    for server in SERVERS {
        let events = read_latest(&reply(server, "latency-latest"));
        let command =
            events.iter().find(|event| event.name == "command").unwrap_or_else(|| panic!("{server} {events:?}"));
        assert!(command.worst_ms >= 1, "{server} {command:?}");
        assert!(!read_history(&reply(server, "latency-history")).is_empty(), "{server}");
    }
}

#[test]
fn settings_of_any_version_hide_their_secrets() {
    for server in SERVERS {
        let told = read_config(&reply(server, "config"));
        assert!(told.len() > 50, "{server}");
        let settings = compare::<()>(&told, &[]);
        let hidden: Vec<&str> = settings
            .iter()
            .filter(|setting| setting.value == Shown::Hidden)
            .map(|setting| setting.name.as_str())
            .collect();
        // Redis 3.0 was given no password for masters.
        let masters = server == "redis-3.0" || hidden.contains(&"masterauth");
        assert!(hidden.contains(&"requirepass") && masters, "{server} {hidden:?}");
        assert!(!format!("{settings:?}").contains("hunter2"), "{server}");
        assert!(settings.iter().any(|setting| setting.value == Shown::Plain("noeviction".to_owned())), "{server}");
    }
}

#[test]
fn a_node_finds_itself_among_lines_and_shards() {
    for server in SERVERS {
        let lines = read_lines(&text(server, "nodes"));
        assert_eq!(lines.len(), 2, "{server}");
        let own: Vec<_> = lines.iter().filter(|line| line.is_own()).collect();
        assert_eq!(own.len(), 1, "{server}");
        let slots = own[0].fields.iter().find(|(name, _)| *name == "slots");
        assert_eq!(slots.unwrap().1, "0-8191", "{server}");
        let other = lines.iter().find(|line| !line.is_own()).unwrap();
        assert!(other.pong_received_ms > 1_600_000_000_000, "{server}");
        let shard = read_own_shard(&reply(server, "shards"), &own[0].node);
        let links = read_links(&reply(server, "links"));
        if SINCE_7.contains(&server) {
            let shard = shard.unwrap();
            assert_eq!((shard.get("shard-slots"), shard.get("role")), (Some("0-8191"), Some("master")), "{server}");
            assert!(
                links.iter().any(|link| link.outgoing && link.node == other.node && link.opened_ms > 0),
                "{server}"
            );
            assert!(links.iter().any(|link| !link.outgoing && link.node == other.node), "{server}");
        } else {
            assert_eq!((shard, links), (None, Vec::new()), "{server}");
        }
    }
}

proptest! {
    #[test]
    fn an_answer_that_was_damaged_makes_no_reader_fail(
        server in proptest::sample::select(SERVERS.to_vec()),
        command in proptest::sample::select(vec!["info", "clients", "slowlog", "config", "nodes", "shards", "links"]),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = std::fs::read(folder().join(server).join(format!("{command}.resp"))).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let reply = redis::parse_redis_value(&bytes).map_or(Reply::Nil, reply_of);
        let id = "0123456789012345678901234567890123456789".parse().unwrap();
        drop((read_slow_log(&reply), read_latest(&reply), read_config(&reply), read_links(&reply), read_own_shard(&reply, &id)));
        let text = reply.text().unwrap_or_default();
        drop((read_info(&text), read_clients(&text, 10), read_lines(&text)));
    }
}
