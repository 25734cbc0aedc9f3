//! What is shown for what was answered.

use std::time::Duration;

use super::*;
use crate::core::check::NodeHealth;

fn id(letter: char) -> NodeId {
    letter.to_string().repeat(40).parse().unwrap()
}

fn addr(port: u16) -> NodeAddr {
    NodeAddr::new("127.0.0.1", port)
}

/// One line of CLUSTER NODES: letter, port, flags, master letter, slots.
type Line<'a> = (char, u16, &'a str, Option<char>, &'a str);

fn answer(myself: char, lines: &[Line], link_up: Option<bool>, info: &str) -> Known {
    let text = lines
        .iter()
        .map(|(letter, port, flags, master, slots)| {
            let me = if *letter == myself { "myself," } else { "" };
            let master = master.map_or_else(|| "-".to_owned(), |m| id(m).to_string());
            format!("{} 127.0.0.1:{port}@{} {me}{flags} {master} 0 0 1 connected {slots}", id(*letter), port + 10000)
        })
        .collect::<Vec<_>>()
        .join("\n");
    Known {
        answer: Some(Arc::new(Answer::new(
            Arc::new(View::parse(&text).unwrap()),
            NodeHealth { state_ok: Some(true), link_up },
            info.to_owned(),
        ))),
        at: Some(SystemTime::UNIX_EPOCH),
        ..Known::default()
    }
}

const HEALTHY: [Line; 2] = [('a', 7000, "master", None, "0-16383"), ('b', 7001, "slave", Some('a'), "")];

fn healthy() -> BTreeMap<NodeAddr, Known> {
    [
        (
            addr(7000),
            answer('a', &HEALTHY, None, "master_repl_offset:120\r\ndb0:keys=5,expires=0\r\nused_memory:9\r\n"),
        ),
        (addr(7001), answer('b', &HEALTHY, Some(true), "slave_repl_offset:100\r\nmaster_repl_offset:100\r\n")),
    ]
    .into()
}

fn show(known: &BTreeMap<NodeAddr, Known>, shards: &mut Shards) -> Assembled {
    assemble(known, &BTreeMap::new(), Phase::Formed, shards)
}

#[test]
fn a_whole_cluster_is_ok_and_every_slot_points_to_its_master() {
    let shown = show(&healthy(), &mut Shards::new());
    assert_eq!(shown.health, Health::Ok);
    assert_eq!(shown.findings, []);
    assert!(shown.slot_owner.iter().all(|owner| *owner == 0));
    assert_eq!((shown.nodes[0].shard, shown.nodes[1].shard), (Some(0), Some(0)));
    assert_eq!(shown.nodes[0].stats.as_ref().unwrap().keys, 5);
    assert_eq!(shown.nodes[1].stats.as_ref().unwrap().lag_bytes, Some(20));
}

#[test]
fn a_node_that_went_silent_keeps_its_last_values_and_says_since_when() {
    let mut known = healthy();
    known.get_mut(&addr(7000)).unwrap().error = Some("connection refused".into());
    let shown = show(&known, &mut Shards::new());
    assert_eq!(shown.nodes[0].stats.as_ref().unwrap().keys, 5);
    assert!(matches!(&shown.nodes[0].reach, Reach::Stale { error, .. } if error == "connection refused"));
    assert_eq!(shown.health, Health::Down, "as the check says: nobody serves its slots");
    assert!(shown.slot_owner.iter().all(|owner| *owner == 0), "the slots are its own until somebody takes them");
}

#[test]
fn a_silent_replica_leaves_the_cluster_degraded() {
    let mut known = healthy();
    known.get_mut(&addr(7001)).unwrap().error = Some("connection refused".into());
    assert_eq!(show(&known, &mut Shards::new()).health, Health::Degraded);
}

#[test]
fn our_own_questions_are_no_load() {
    let info = |n: u64| format!("total_commands_processed:{n}\r\ninstantaneous_ops_per_sec:77\r\n");
    let at = |secs| SystemTime::UNIX_EPOCH + Duration::from_secs(secs);
    let (mut known, mut sent) = (Known::default(), 0);
    let mut ops = |n: u64, secs| {
        let answer = answer('a', &HEALTHY, None, &info(n)).answer.unwrap();
        sent += 3; // CLUSTER NODES, CLUSTER INFO, INFO
        known.answered(answer, at(secs), Asked { connection: 1, sent, ..Asked::default() });
        show(&[(addr(7000), known.clone())].into(), &mut Shards::new()).nodes[0].stats.as_ref().unwrap().ops_per_sec
    };
    assert_eq!(ops(1000, 10), 77, "one answer tells no rate of its own");
    assert_eq!(ops(1003, 11), 0);
    assert_eq!(ops(1206, 13), 100);
    assert_eq!(ops(5, 14), 77, "a server that started anew tells its own");
}

#[test]
fn a_master_that_failed_without_a_heir_means_down() {
    let lines = [('a', 7000, "master,fail", None, "0-16383"), ('b', 7001, "slave", Some('a'), "")];
    let mut known: BTreeMap<_, _> = [(addr(7001), answer('b', &lines, Some(false), ""))].into();
    known.insert(addr(7000), Known { error: Some("connection refused".into()), ..Known::default() });
    let shown = show(&known, &mut Shards::new());
    assert_eq!(shown.health, Health::Down);
    assert_eq!(shown.nodes[0].standing, Standing::Failed);
}

#[test]
fn a_promoted_replica_keeps_the_shards_colour_and_so_does_the_old_master_on_its_return() {
    let mut shards = Shards::new();
    show(&healthy(), &mut shards);
    let promoted = [('a', 7000, "master,fail", None, ""), ('b', 7001, "master", None, "0-16383")];
    let mut known = healthy();
    known.insert(addr(7001), answer('b', &promoted, None, ""));
    known.get_mut(&addr(7000)).unwrap().error = Some("gone".into());
    let shown = show(&known, &mut shards);
    assert_eq!(shown.nodes[1].role, Some(Role::Master));
    assert_eq!(shown.nodes[1].shard, Some(0));
    assert!(shown.slot_owner.iter().all(|owner| *owner == 1), "the slots follow the failover");
    let back = [('a', 7000, "slave", Some('b'), ""), ('b', 7001, "master", None, "0-16383")];
    let known: BTreeMap<_, _> =
        [(addr(7000), answer('a', &back, Some(true), "")), (addr(7001), answer('b', &back, None, ""))].into();
    assert_eq!(show(&known, &mut shards).nodes[0].shard, Some(0));
}

#[test]
fn two_masters_of_slots_never_share_a_number_whatever_is_remembered() {
    let mut shards: Shards = ['a', 'b'].map(|name| (id(name), 0)).into();
    let lines = [('a', 7000, "master", None, "0-100"), ('b', 7001, "master", None, "101-16383")];
    let known = [(addr(7000), answer('a', &lines, None, "")), (addr(7001), answer('b', &lines, None, ""))].into();
    let shown = show(&known, &mut shards);
    assert_eq!((shown.nodes[0].shard, shown.nodes[1].shard), (Some(0), Some(1)));
}

#[test]
fn a_new_master_does_not_take_the_number_of_one_that_was_emptied() {
    let mut shards = Shards::new();
    show(&healthy(), &mut shards);
    let lines =
        [('a', 7000, "master", None, ""), ('b', 7001, "slave", Some('c'), ""), ('c', 7002, "master", None, "0-16383")];
    let known = [(addr(7000), answer('a', &lines, None, "")), (addr(7002), answer('c', &lines, None, ""))].into();
    let shown = show(&known, &mut shards);
    assert_eq!((shown.nodes[0].shard, shown.nodes[2].shard), (Some(0), Some(1)));
    assert_eq!(shown.nodes[1].shard, Some(1), "a replica goes with its master");
}

#[test]
fn a_dead_old_master_that_never_answered_shows_its_role_and_its_failure_as_the_others_tell_them() {
    let lines: [Line; 2] = [('a', 7000, "master,fail", None, ""), ('b', 7001, "master", None, "0-16383")];
    let silent = Known { error: Some("can't connect".to_owned()), ..Known::default() };
    let known = [(addr(7000), silent), (addr(7001), answer('b', &lines, None, ""))].into();
    let shown = show(&known, &mut Shards::new());
    let old = &shown.nodes[0];
    assert_eq!((old.addr.port, old.role, old.standing), (7000, Some(Role::Master), Standing::Failed));
    assert_eq!((old.id.clone(), old.shard), (Some(id('a')), None), "known, and of no shard any more");
}

#[test]
fn nodes_that_only_the_cluster_knows_are_shown_too() {
    let lines = [
        ('a', 7000, "master", None, "0-16383"),
        ('b', 7001, "slave", Some('a'), ""),
        ('c', 7002, "slave", Some('a'), ""),
    ];
    let known: BTreeMap<_, _> = [(addr(7000), answer('a', &lines, None, ""))].into();
    let shown = show(&known, &mut Shards::new());
    assert_eq!(shown.nodes.iter().map(|n| n.addr.port).collect::<Vec<_>>(), [7000, 7001, 7002]);
    assert_eq!(shown.nodes[2].reach, Reach::Unknown);
}

#[test]
fn a_stopped_cluster_is_not_called_broken() {
    let mut known = healthy();
    for k in known.values_mut() {
        k.error = Some("connection refused".into());
    }
    let shown = assemble(&known, &BTreeMap::new(), Phase::Stopped, &mut Shards::new());
    assert_eq!((shown.health, shown.findings.len()), (Health::Stopped, 0));
}

#[test]
fn slots_that_views_give_to_different_nodes_are_disagreed_and_open_ones_are_told_from_both_sides() {
    let (a, b) = (id('a'), id('b'));
    let out = format!("0-8191 [7->-{b}]");
    let into = format!("8192-16383 [7-<-{a}]");
    let first: [Line; 2] = [('a', 7000, "master", None, &out), ('b', 7001, "master", None, "8192-16383")];
    let second: [Line; 2] = [('a', 7000, "master", None, "0-8190"), ('b', 7001, "master", None, &into)];
    let known = [(addr(7000), answer('a', &first, None, "")), (addr(7001), answer('b', &second, None, ""))].into();
    let states = show(&known, &mut Shards::new()).slot_states;
    assert_eq!(states.disagreed.to_string(), "8191");
    let both: Vec<_> = states.of(Slot::new(7).unwrap()).map(|open| (open.node.port, open.migrating)).collect();
    assert_eq!(both, [(7000, true), (7001, false)]);
    assert_eq!(*show(&healthy(), &mut Shards::new()).slot_states, SlotStates::default());
}

#[test]
fn a_move_that_a_program_carries_out_is_no_trouble_but_what_else_is_open_is() {
    let (a, b) = (id('a'), id('b'));
    let out = format!("0-8191 [7->-{b}] [9->-{b}]");
    let into = format!("8192-16383 [7-<-{a}] [9-<-{a}]");
    let first: [Line; 2] = [('a', 7000, "master", None, &out), ('b', 7001, "master", None, "8192-16383")];
    let second: [Line; 2] = [('a', 7000, "master", None, "0-8190"), ('b', 7001, "master", None, &into)];
    let known = [(addr(7000), answer('a', &first, None, "")), (addr(7001), answer('b', &second, None, ""))].into();
    let moving = |slots: &str| {
        let mut shown = show(&known, &mut Shards::new());
        assert_eq!(shown.health, Health::Degraded);
        shown.pardon(&slots.parse().unwrap());
        (shown.health, shown.findings.into_iter().filter(Finding::is_error).collect::<Vec<_>>())
    };
    assert_eq!(moving("5-10,8191"), (Health::Ok, Vec::new()));
    let (health, left) = moving("5-8,8191");
    assert_eq!((health, left.len()), (Health::Degraded, 2));
    assert!(matches!(&left[0], Finding::OpenSlots { slots, .. } if slots.to_string() == "9"));
    let (health, left) = moving("5-10");
    assert_eq!((health, left.len()), (Health::Degraded, 1), "{left:?}");
}

#[test]
fn whom_a_node_that_is_called_failed_suspects_is_not_suspected() {
    let most =
        [('a', 7000, "master", None, "0-8191"), ('b', 7001, "master", None, ""), ('c', 7002, "master,fail", None, "")];
    let cut_off = [('a', 7000, "master,fail?", None, "0-8191"), ('b', 7001, "master,fail?", None, ""), most[2]];
    let known = |third: &[Line]| {
        [
            (addr(7000), answer('a', &most, None, "")),
            (addr(7001), answer('b', &most, None, "")),
            (addr(7002), answer('c', third, None, "")),
        ]
        .into()
    };
    let standings =
        |known: &BTreeMap<_, _>| show(known, &mut Shards::new()).nodes.iter().map(|n| n.standing).collect::<Vec<_>>();
    assert_eq!(standings(&known(&cut_off)), [Standing::Fine, Standing::Fine, Standing::Failed]);
    let suspected = [most[0], ('b', 7001, "master,fail?", None, ""), ('c', 7002, "master", None, "")];
    let all = [(addr(7000), answer('a', &suspected, None, "")), (addr(7002), answer('c', &suspected, None, ""))].into();
    assert_eq!(standings(&all)[1], Standing::Suspected, "what nodes say that are fine counts");
}
