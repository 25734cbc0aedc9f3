//! The lines below were printed by redis-cli 7.0.15, and must be printed here to the byte.

use std::fmt::Write as _;

use super::*;
use crate::core::check::check as judge;
use crate::core::plan::create::Candidate;
use crate::core::topology::View;
use crate::core::version::ServerVersion;

const IDS: [&str; 6] = [
    "4e8e68e8216e71e7c60bad1b3bcc54e0f9a5b278",
    "b3e6006eab5742268ab4c2226997092987a7bc3c",
    "0791d33fbb2dd3f8f6ae1a505988a356397f2bc1",
    "764500a87eeda329ffc6144b1bdbccaed04b1f1d",
    "c5bf7618ab9c93ce90258a37cf23a7291b7a02f1",
    "252a4bcd4b1c4f4879766fadf56f446920d404c0",
];

fn addr(i: usize) -> NodeAddr {
    NodeAddr::new("127.0.0.1", 17101 + u16::try_from(i).unwrap())
}

fn candidates(hosts: &[&str]) -> Vec<Candidate> {
    let node = |(i, host): (usize, &&str)| Candidate {
        addr: NodeAddr::new(*host, addr(i).port),
        id: IDS[i].parse().unwrap(),
        version: ServerVersion::redis(7, 0, 15),
        tuned: Vec::new(),
    };
    hosts.iter().enumerate().map(node).collect()
}

fn planned(hosts: &[&str], replicas: usize) -> String {
    let nodes = candidates(hosts);
    let order: Vec<NodeAddr> = nodes.iter().map(|n| n.addr.clone()).collect();
    let mut text = Text::default();
    plan(&mut text, &CreatePlan::new(nodes, replicas).unwrap(), &order, replicas);
    text.into_string()
}

/// A healthy 3+3 cluster as every node of it sees it; `slots` of the masters.
fn cluster(slots: [&str; 3]) -> Topology {
    let mut topology = Topology::default();
    for me in 0..6 {
        let mut lines = String::new();
        for (i, id) in IDS.iter().enumerate() {
            let myself = if i == me { "myself," } else { "" };
            let (role, master, slots) = if i < 3 { ("master", "-", slots[i]) } else { ("slave", IDS[(i + 1) % 3], "") };
            let (addr, bus) = (addr(i), addr(i).port + 10000);
            let _ = writeln!(lines, "{id} {addr}@{bus} {myself}{role} {master} 0 0 {} connected {slots}", i % 3 + 1);
        }
        topology.views.insert(addr(me), View::parse(&lines).unwrap().into());
    }
    topology
}

const WHOLE: [&str; 3] = ["0-5460", "5461-10922", "10923-16383"];

fn checked(topology: &Topology, seed: usize) -> (String, bool) {
    let mut text = Text::default();
    let whole = check(&mut text, topology, &addr(seed), &judge(topology, &BTreeMap::new()));
    (text.into_string(), whole)
}

#[test]
fn a_plan_on_one_host_reads_as_redis_clis() {
    assert_eq!(
        planned(&["127.0.0.1"; 6], 1),
        "\
>>> Performing hash slots allocation on 6 nodes...
Master[0] -> Slots 0 - 5460
Master[1] -> Slots 5461 - 10922
Master[2] -> Slots 10923 - 16383
Adding replica 127.0.0.1:17104 to 127.0.0.1:17101
Adding replica 127.0.0.1:17105 to 127.0.0.1:17102
Adding replica 127.0.0.1:17106 to 127.0.0.1:17103
>>> Trying to optimize slaves allocation for anti-affinity
[WARNING] Some slaves are in the same host as their master
M: 4e8e68e8216e71e7c60bad1b3bcc54e0f9a5b278 127.0.0.1:17101
   slots:[0-5460] (5461 slots) master
M: b3e6006eab5742268ab4c2226997092987a7bc3c 127.0.0.1:17102
   slots:[5461-10922] (5462 slots) master
M: 0791d33fbb2dd3f8f6ae1a505988a356397f2bc1 127.0.0.1:17103
   slots:[10923-16383] (5461 slots) master
S: 764500a87eeda329ffc6144b1bdbccaed04b1f1d 127.0.0.1:17104
   replicates 4e8e68e8216e71e7c60bad1b3bcc54e0f9a5b278
S: c5bf7618ab9c93ce90258a37cf23a7291b7a02f1 127.0.0.1:17105
   replicates b3e6006eab5742268ab4c2226997092987a7bc3c
S: 252a4bcd4b1c4f4879766fadf56f446920d404c0 127.0.0.1:17106
   replicates 0791d33fbb2dd3f8f6ae1a505988a356397f2bc1
"
    );
}

#[test]
fn nodes_are_listed_in_the_order_given_also_over_hosts() {
    let text = planned(&["a", "a", "b", "b", "c", "c"], 1);
    let nodes: Vec<&str> = text.lines().filter(|l| l.starts_with("M: ") || l.starts_with("S: ")).collect();
    let ports: Vec<&str> = nodes.iter().map(|l| &l[l.len() - 5..]).collect();
    assert_eq!(ports, ["17101", "17102", "17103", "17104", "17105", "17106"], "{text}");
    assert!(!text.contains("anti-affinity"), "nothing to optimise when replicas are spread well: {text}");
}

#[test]
fn nodes_left_over_are_extra_replicas() {
    let nodes: Vec<Candidate> = (0..7)
        .map(|i: u16| Candidate {
            addr: NodeAddr::new("127.0.0.1", 7000 + i),
            id: format!("{i:040}").parse().unwrap(),
            version: ServerVersion::redis(7, 0, 15),
            tuned: Vec::new(),
        })
        .collect();
    let order: Vec<NodeAddr> = nodes.iter().map(|n| n.addr.clone()).collect();
    let mut text = Text::default();
    plan(&mut text, &CreatePlan::new(nodes, 1).unwrap(), &order, 1);
    let text = text.into_string();
    let adding: Vec<&str> = text.lines().filter(|l| l.starts_with("Adding")).collect();
    assert_eq!(adding.len(), 5, "{text}");
    assert_eq!(adding[3], "Adding extra replicas...");
    assert!(adding[4].ends_with("to 127.0.0.1:7000"), "{text}");
    assert!(!planned(&["127.0.0.1"; 6], 1).contains("extra"));
}

#[test]
fn a_whole_cluster_reads_as_redis_clis_and_no_line_more() {
    let (text, whole) = checked(&cluster(WHOLE), 1);
    assert_eq!(
        text,
        "\
>>> Performing Cluster Check (using node 127.0.0.1:17102)
M: b3e6006eab5742268ab4c2226997092987a7bc3c 127.0.0.1:17102
   slots:[5461-10922] (5462 slots) master
   1 additional replica(s)
M: 4e8e68e8216e71e7c60bad1b3bcc54e0f9a5b278 127.0.0.1:17101
   slots:[0-5460] (5461 slots) master
   1 additional replica(s)
M: 0791d33fbb2dd3f8f6ae1a505988a356397f2bc1 127.0.0.1:17103
   slots:[10923-16383] (5461 slots) master
   1 additional replica(s)
S: 764500a87eeda329ffc6144b1bdbccaed04b1f1d 127.0.0.1:17104
   slots: (0 slots) slave
   replicates b3e6006eab5742268ab4c2226997092987a7bc3c
S: c5bf7618ab9c93ce90258a37cf23a7291b7a02f1 127.0.0.1:17105
   slots: (0 slots) slave
   replicates 0791d33fbb2dd3f8f6ae1a505988a356397f2bc1
S: 252a4bcd4b1c4f4879766fadf56f446920d404c0 127.0.0.1:17106
   slots: (0 slots) slave
   replicates 4e8e68e8216e71e7c60bad1b3bcc54e0f9a5b278
[OK] All nodes agree about slots configuration.
>>> Check for open slots...
>>> Check slots coverage...
[OK] All 16384 slots covered.
"
    );
    assert!(whole);
}

#[test]
fn uncovered_and_open_slots_are_errors_in_redis_clis_words() {
    let to = IDS[1];
    let mut topology = cluster(["0-10 12-5460", "5461-10922", "10923-16383"]);
    let mut lines = String::new();
    for (i, id) in IDS.iter().enumerate().take(3) {
        let (myself, open) = if i == 0 { ("myself,", format!(" [5->-{to}] [7->-{to}]")) } else { ("", String::new()) };
        let slots = ["0-10 12-5460", "5461-10922", "10923-16383"][i];
        let _ = writeln!(lines, "{id} {}@1 {myself}master - 0 0 {} connected {slots}{open}", addr(i), i + 1);
    }
    topology.views.insert(addr(0), View::parse(&lines).unwrap().into());
    let (text, whole) = checked(&topology, 0);
    assert!(!whole);
    for line in [
        "   slots:[0-10],[12-5460] (5460 slots) master\n",
        "[WARNING] Node 127.0.0.1:17101 has slots in migrating state 5,7.\n",
        "[WARNING] The following slots are open: 5,7.\n",
        "[ERR] Not all 16384 slots are covered by nodes.\n\n>>> Check nodes, roles and replica links...\n",
    ] {
        assert!(text.contains(line), "no {line:?} in {text}");
    }
}

#[test]
fn an_unreachable_node_is_named_after_redis_clis_lines() {
    let mut topology = cluster(WHOLE);
    topology.views.remove(&addr(5));
    topology.unreachable.insert(addr(5), "Connection refused".into());
    let (text, whole) = checked(&topology, 0);
    assert!(!whole);
    assert!(
        text.ends_with(
            "[OK] All 16384 slots covered.\n>>> Check nodes, roles and replica links...\n\
             [ERR] 127.0.0.1:17106 does not answer: Connection refused.\n\
             [WARNING] Master 127.0.0.1:17101 has no replica.\n"
        ) || text.ends_with("[ERR] 127.0.0.1:17106 does not answer: Connection refused.\n"),
        "{text}"
    );
}

#[test]
fn info_counts_keys_of_masters() {
    let topology = cluster(WHOLE);
    let mut keys: BTreeMap<NodeAddr, Result<u64, String>> = (0..3).map(|i| (addr(i), Ok(i as u64))).collect();
    let mut text = Text::default();
    assert!(info(&mut text, &topology, &addr(1), &keys));
    assert_eq!(
        text.into_string(),
        "\
127.0.0.1:17102 (b3e6006e...) -> 1 keys | 5462 slots | 1 slaves.
127.0.0.1:17101 (4e8e68e8...) -> 0 keys | 5461 slots | 1 slaves.
127.0.0.1:17103 (0791d33f...) -> 2 keys | 5461 slots | 1 slaves.
[OK] 3 keys in 3 masters.
0.00 keys per slot on average.
"
    );
    keys.insert(addr(1), Err("LOADING".into()));
    let mut text = Text::default();
    assert!(!info(&mut text, &topology, &addr(1), &keys));
    assert_eq!(text.into_string(), "Node 127.0.0.1:17102 replied with error:\nLOADING\n");
}
