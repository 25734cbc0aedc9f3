use std::sync::Arc;

use super::*;
use crate::core::check::NodeHealth;
use crate::core::plan::failover::{Why, plan_for_master};

/// Master a with replicas b and c, masters d and e: what each says of the cluster. `roles` are as CLUSTER NODES has them.
fn gathered(lines: &str, silent: &str) -> Gathered {
    let mut gathered = Gathered::default();
    for (i, name) in ["a", "b", "c", "d", "e"].iter().enumerate() {
        if silent.contains(name) {
            continue;
        }
        let text: Vec<String> = lines
            .trim()
            .lines()
            .map(|line| {
                let mut fields: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
                let me = fields[0] == **name;
                let port = 7000 + "abcde".find(fields[0].as_str()).unwrap();
                fields[0] = fields[0].repeat(40);
                if fields[2].len() == 1 && fields[2] != "-" {
                    fields[2] = fields[2].repeat(40);
                }
                let flags = format!("{}{}", if me { "myself," } else { "" }, fields[1]);
                let slots = fields[4..].join(" ");
                format!(
                    "{} 127.0.0.1:{port}@{} {flags} {} 0 0 {} connected {slots}",
                    fields[0],
                    port + 10000,
                    fields[2],
                    fields[3]
                )
            })
            .collect();
        let text = text.join("\n");
        let addr = NodeAddr::new("127.0.0.1", 7000 + u16::try_from(i).unwrap());
        gathered.topology.views.insert(addr.clone(), Arc::new(View::parse(&text).unwrap()));
        let replica = text.contains("myself,slave");
        let info = if replica {
            format!(
                "master_link_status:up\r\nmaster_last_io_seconds_ago:1\r\nslave_repl_offset:{}\r\nmaster_repl_offset:7\r\n",
                100 + i
            )
        } else {
            "master_repl_offset:150\r\n".to_owned()
        };
        let link_up = replica.then_some(true);
        gathered.health.insert(addr.clone(), NodeHealth { state_ok: Some(true), link_up });
        gathered.infos.insert(addr, info);
    }
    gathered
}

const BEFORE: &str = "a master - 1 0-5460\nb slave a 1\nc slave a 1\nd master - 2 5461-10922\ne master - 3 10923-16383";
const AFTER: &str = "a slave c 4\nb slave c 4\nc master - 4 0-5460\nd master - 2 5461-10922\ne master - 3 10923-16383";

fn id(name: &str) -> NodeId {
    name.repeat(40).parse().unwrap()
}

#[test]
fn offsets_and_links_are_read_from_each_nodes_own_words() {
    let nodes = nodes_now(&gathered(BEFORE, ""));
    assert_eq!(nodes.len(), 5);
    let by = |name: &str| nodes.iter().find(|n| n.id == id(name)).unwrap();
    assert_eq!((by("a").offset, by("b").offset, by("c").offset), (Some(150), Some(101), Some(102)));
    assert_eq!((by("a").link_up, by("c").link_up, by("c").silent_secs), (None, Some(true), Some(1)));
    let plan = plan_for_master(&nodes, &id("a"), None).unwrap();
    assert_eq!((plan.replica.port, plan.behind, plan.why), (7002, Some(48), Why::MasterServes));
}

#[test]
fn how_long_a_replica_heard_nothing_is_read_from_every_versions_words() {
    assert_eq!(silence("master_last_io_seconds_ago:3\r\n"), (Some(3), false));
    assert_eq!(silence("master_last_io_seconds_ago:-1\r\nmaster_link_down_since_seconds:42\r\n"), (Some(42), false));
    assert_eq!(silence("master_last_io_seconds_ago:-1\r\nmaster_link_down_since_seconds:-1\r\n"), (None, true));
    assert_eq!(silence("master_last_io_seconds_ago:-1\r\nmaster_link_down_since_seconds:1730000000\r\n"), (None, true));
}

#[test]
fn a_silent_master_is_known_from_the_others() {
    let failed = BEFORE.replace("a master -", "a master,fail -");
    let nodes = nodes_now(&gathered(&failed, "a"));
    let master = nodes.iter().find(|n| n.id == id("a")).unwrap();
    assert!(master.failed && !master.answers && master.slots.len() == 5461);
    assert_eq!(plan_for_master(&nodes, &id("a"), None).unwrap().mode, FailoverMode::Force);
}

#[test]
fn a_failover_has_settled_when_everybody_follows_and_agrees() {
    let before = gathered(BEFORE, "");
    let plan = plan_for_master(&nodes_now(&before), &id("a"), None).unwrap();
    let views = |g: &Gathered| g.topology.views.values().map(|v| (v.myself.clone(), (**v).clone())).collect();
    assert!(!owns(&views(&before), &id("d"), &plan));
    let plans = [plan];
    let waiting = unsettled(&plans, &before);
    assert_eq!(waiting[0].to_string(), "127.0.0.1:7000 does not follow 127.0.0.1:7002 yet");

    let mut after = gathered(AFTER, "");
    assert!(owns(&views(&after), &id("d"), &plans[0]));
    assert_eq!(unsettled(&plans, &after), []);
    after.health.get_mut(&NodeAddr::new("127.0.0.1", 7001)).unwrap().link_up = Some(false);
    assert_eq!(unsettled(&plans, &after), [Detail::NotLinked(NodeAddr::new("127.0.0.1", 7001))]);
}

#[test]
fn a_cluster_with_another_lost_master_need_not_be_up() {
    let plan = plan_for_master(&nodes_now(&gathered(BEFORE, "")), &id("a"), None).unwrap();
    let down = |lines: &str, silent: &str| {
        let mut gathered = gathered(lines, silent);
        for health in gathered.health.values_mut() {
            health.state_ok = Some(false);
        }
        unsettled(std::slice::from_ref(&plan), &gathered).len()
    };
    assert_eq!(down(AFTER, "a"), 4, "all that answer must be up again");
    assert_eq!(down(&AFTER.replace("e master -", "e master,fail -"), "ae"), 0);
}

#[test]
fn each_failover_has_its_own_steps() {
    use Step::{AskToTakeOver as Ask, AwaitFollowers, AwaitPromotion as Await, CheckRoles};
    assert_eq!(failover_steps(2), [CheckRoles, Ask, Await, Ask, Await, AwaitFollowers]);
}

#[test]
fn a_failover_that_did_not_happen_says_what_to_try() {
    assert!(advice(FailoverMode::Plain).contains("use force"));
    assert!(advice(FailoverMode::Force).contains("use takeover"));
}
