use proptest::prelude::*;

use super::*;
use crate::core::answers::config::{Told, is_secret};
use crate::core::secret::Secret;

fn text(text: &str) -> Reply {
    Reply::Text(text.as_bytes().to_vec())
}

fn list(items: &[&str]) -> Reply {
    Reply::List(items.iter().map(|item| text(item)).collect())
}

#[test]
fn info_keeps_sections_and_the_order_of_fields() {
    let info =
        read_info("stray:1\r\n# Server\r\nredis_version:7.0.15\r\nos:Linux: a:b\r\n\r\n# Empty\r\n# CPU\r\nx:1\r\n");
    let names: Vec<_> = info.iter().map(|section| section.name.as_str()).collect();
    assert_eq!(names, ["", "Server", "CPU"]);
    assert_eq!(info[1].get("os"), Some("Linux: a:b"));
    assert_eq!(info[1].get("x"), None);
}

#[test]
fn fields_are_told_apart_by_what_they_count() {
    for (name, unit) in [
        ("used_memory", Unit::Bytes),
        ("used_memory_human", Unit::Plain),
        ("used_memory_peak_perc", Unit::Plain),
        ("mem_fragmentation_ratio", Unit::Plain),
        ("uptime_in_seconds", Unit::Seconds),
        ("instantaneous_ops_per_sec", Unit::Count),
        ("total_net_input_bytes", Unit::Bytes),
        ("latest_fork_usec", Unit::Micros),
        ("rdb_last_save_time", Unit::Time),
        ("rdb_last_bgsave_time_sec", Unit::Seconds),
        ("connected_clients", Unit::Count),
        ("tcp_port", Unit::Plain),
        ("cluster_size", Unit::Count),
        ("repl_backlog_size", Unit::Bytes),
    ] {
        assert_eq!(unit_of(name), unit, "{name}");
    }
}

#[test]
fn a_list_of_clients_is_cut_and_counted() {
    let line = "id=3 addr=127.0.0.1:5000 name= age=7 cmd=client|list user=default\n";
    let clients = read_clients(&line.repeat(5), 2);
    assert_eq!((clients.total, clients.list.len()), (5, 2));
    assert_eq!(clients.list[0].text("cmd"), "client|list");
    assert_eq!((clients.list[0].number("age"), clients.list[0].text("lib-name")), (Some(7), ""));
}

#[test]
fn passwords_in_a_slow_log_are_hidden() {
    let call = |words: &[&str]| {
        let entry = Reply::List(vec![Reply::Int(1), Reply::Int(1_760_000_000), Reply::Int(12_000), list(words)]);
        let words = read_slow_log(&Reply::List(vec![entry])).remove(0).words;
        String::from_utf8(words.join(&b' ')).unwrap()
    };
    assert_eq!(call(&["AUTH", "ada", "hunter2"]), "AUTH ******** ********");
    assert_eq!(
        call(&["config", "set", "maxmemory", "1gb", "requirepass", "x"]),
        "config set maxmemory 1gb requirepass ********"
    );
    assert_eq!(call(&["ACL", "SETUSER", "ada", "on", ">pw"]), "ACL SETUSER ada on ********");
    assert_eq!(call(&["HELLO", "3", "AUTH", "ada", "pw"]), "HELLO 3 AUTH ******** ********");
    assert_eq!(call(&["MIGRATE", "h", "1", "k", "0", "9", "AUTH", "pw"]), "MIGRATE h 1 k 0 9 AUTH ********");
    let odd = ["MIGRATE", "auth-db", "1", "auth:1", "0", "9", "AUTH2", "me", "pw"];
    assert_eq!(call(&odd), "MIGRATE auth-db 1 auth:1 0 9 AUTH2 ******** ********");
    assert_eq!(
        call(&["HELLO", "3", "SETNAME", "authx", "AUTH", "u", "pw"]),
        "HELLO 3 SETNAME authx AUTH ******** ********"
    );
    assert_eq!(call(&["SET", "auth", "value"]), "SET auth value");
}

#[test]
fn secrets_are_compared_and_never_shown() {
    for name in
        ["requirepass", "masterauth", "masteruser", "primaryauth", "tls-key-file-pass", "tls-client-key-file-pass"]
    {
        assert!(is_secret(name), "{name}");
    }
    assert!(!is_secret("maxmemory") && !is_secret("tls-auth-clients") && !is_secret("protected-mode"));
    let told = |pairs: &[&str]| read_config(&list(pairs));
    let own = told(&["requirepass", "secret", "maxmemory", "0", "port", "7000", "masterauth", ""]);
    let peer = told(&["requirepass", "other", "maxmemory", "0", "port", "7001", "new-one", "yes"]);
    let settings = compare(&own, &[("peer", peer)]);
    assert!(!format!("{settings:?}").contains("secret"), "{settings:?}");
    let differing: Vec<_> = settings.iter().filter(|s| s.differs()).map(|s| (s.name.as_str(), &s.value)).collect();
    assert_eq!(
        differing,
        [("masterauth", &Shown::Plain(String::new())), ("new-one", &Shown::Missing), ("requirepass", &Shown::Hidden)]
    );
    let port = settings.iter().find(|s| s.name == "port").unwrap();
    assert!(port.own && !port.differs());
    assert_eq!(format!("{:?}", Told::from([("a".to_owned(), Secret::new("pw"))])), "{\"a\": Secret(…)}");
}

#[test]
fn latency_entries_of_later_servers_may_be_longer() {
    let event = Reply::List(vec![text("command"), Reply::Int(1), Reply::Int(2), Reply::Int(3), Reply::Int(4)]);
    let events = read_latest(&Reply::List(vec![event, text("junk")]));
    assert_eq!((events.len(), events[0].last_ms, events[0].worst_ms), (1, 2, 3));
    let spikes = read_history(&Reply::List(vec![Reply::List(vec![Reply::Int(5), Reply::Int(6)])]));
    assert_eq!(spikes, [Spike { at: 5, ms: 6 }]);
}

/// Replies of any shape.
fn replies() -> impl Strategy<Value = Reply> {
    let words = ["node", "direction", "to", "nodes", "id", "slots", "create-time", "0", "7", "AUTH", "config", "set"];
    let leaf = prop_oneof![
        Just(Reply::Nil),
        any::<i64>().prop_map(Reply::Int),
        proptest::collection::vec(any::<u8>(), 0..12).prop_map(Reply::Text),
        proptest::sample::select(words.to_vec()).prop_map(text),
        Just(text("0123456789012345678901234567890123456789")),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| proptest::collection::vec(inner, 0..8).prop_map(Reply::List))
}

proptest! {
    #[test]
    fn no_reply_makes_a_reader_fail(reply in replies()) {
        let id = "0123456789012345678901234567890123456789".parse().unwrap();
        drop((read_slow_log(&reply), read_latest(&reply), read_history(&reply), read_links(&reply)));
        drop((read_own_shard(&reply, &id), read_config(&reply)));
    }

    #[test]
    fn no_text_makes_a_reader_fail(text in "\\PC{0,200}", lines in "([a-z#:= \\r\\n0-9,>\\[-]{0,40}\\n){0,8}") {
        for text in [text, lines] {
            drop((read_info(&text), read_clients(&text, 3), read_lines(&text), unit_of(&text)));
        }
    }
}
