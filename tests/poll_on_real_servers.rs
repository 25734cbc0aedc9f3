//! The refresh loop against real servers: what a node has answered counts, whatever else fails.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::TestServer;
use slotdeck::core::topology::NodeAddr;
use slotdeck::engine::command::Auth;
use slotdeck::engine::poll::{PollEvent, PollPlan, poll};
use tokio::sync::{mpsc, watch};

/// One more than a round asks for views at so short a pace: each round leaves one node's view out.
const NODES: usize = 9;

#[test]
fn a_node_that_answers_is_not_lost_because_it_takes_no_second_connection() {
    let servers: Vec<TestServer> = (0..NODES).map(|_| TestServer::start_cluster_node("")).collect();
    let mut own: Vec<_> = servers.iter().map(|server| server.connect(None)).collect();
    let addrs = servers.iter().map(|server| NodeAddr::new("127.0.0.1", server.port())).collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let every = Duration::from_millis(1);
        let plan = PollPlan { addrs, auth: Auth::default(), every, closely: false, urge: 0 };
        let (_plan, plan) = watch::channel(plan);
        let (reports, mut events) = mpsc::channel(1);
        tokio::spawn(poll(plan, reports));
        let mut rounds = async |count: usize| {
            let mut seen = 0;
            while seen < count {
                match events.recv().await.unwrap() {
                    PollEvent::RoundDone => seen += 1,
                    PollEvent::Node(polled) => drop(polled.answer.unwrap()),
                }
            }
        };
        rounds(2).await;
        // The round that has begun now waits for its reports to be taken; what changes meanwhile is news in the next.
        tokio::time::sleep(Duration::from_millis(200)).await;
        for (number, connection) in own.iter_mut().enumerate() {
            redis::cmd("CONFIG").arg(&["SET", "maxclients", "2"]).exec(connection).unwrap();
            redis::cmd("CLUSTER").arg("SET-CONFIG-EPOCH").arg(number + 7).exec(connection).unwrap();
        }
        rounds(5).await;
    });
    let refused = |connection: &mut redis::Connection| -> usize {
        let info: String = redis::cmd("INFO").arg("stats").query(connection).unwrap();
        let line = info.lines().find_map(|line| line.strip_prefix("rejected_connections:")).unwrap();
        line.trim().parse().unwrap()
    };
    let refused: usize = own.iter_mut().map(refused).sum();
    assert!(refused > 0, "no node was asked for its view aside");
}
