//! What the window does with a cluster in its life: repairs, moves gone on with, nodes that come and go, backups.

use std::time::Duration;

use slotdeck::core::slot::{Slot, SlotSet};
use slotdeck::engine::fix::FixWish;
use slotdeck::engine::growth::{Leaver, NewRole, Newcomer};
use slotdeck::engine::job::{Step, StepState};
use slotdeck::engine::safekeeping::RestoreWish;
use slotdeck::workspace::document::MoveJournal;
use slotdeck::workspace::journal::JournalFile;

use super::*;

/// A healthy cluster of three masters with these many replicas each.
fn made(home: &Home, engine: &Engine, name: &str, replicas: u16) -> (ClusterSpec, Arc<ClusterView>) {
    let spec = home.spec(name, 3, replicas);
    launch(engine, &spec);
    create(engine, name);
    let view = await_cluster(engine, name, "health", |c| c.health == Health::Ok);
    (spec, view)
}

/// Two hundred keys of one slot, on its owner.
fn fill(view: &ClusterView) -> Slot {
    let slot = key_slot(b"a");
    let owner = view.owner_of(slot).unwrap().addr.port;
    for number in 0..200 {
        command(owner, &["SET", &format!("{{a}}{number}"), &number.to_string()]);
    }
    slot
}

fn slots(text: &str) -> SlotSet {
    text.parse().unwrap()
}

#[test]
fn damage_is_found_shown_and_repaired() {
    let home = Home::new();
    let engine = home.engine();
    let (_, view) = made(&home, &engine, "broken", 0);
    let slot = fill(&view);
    let from = view.owner_of(slot).unwrap().clone();
    let to = view.nodes.iter().find(|node| node.addr != from.addr).unwrap().clone();
    let (number, lost) = (slot.to_string(), view.nodes[0].addr.port);
    command(from.addr.port, &["CLUSTER", "SETSLOT", &number, "MIGRATING", to.id.as_ref().unwrap().as_str()]);
    command(to.addr.port, &["CLUSTER", "SETSLOT", &number, "IMPORTING", from.id.as_ref().unwrap().as_str()]);
    command(lost, &["CLUSTER", "DELSLOTS", "3"]);
    await_cluster(&engine, "broken", "the damage", |c| c.findings.len() > 1);
    let wish = FixWish::default();
    engine.send(Command::PlanFix { cluster: "broken".into(), wish }).unwrap();
    let view = await_cluster(&engine, "broken", "a plan", |c| c.fix.is_some());
    let plan = view.fix.as_ref().unwrap().found.as_ref().unwrap().plan.clone();
    assert_eq!(plan.slots(), slots(&format!("3,{number}")));
    engine.send(Command::Fix { cluster: "broken".into(), plan, wish }).unwrap();
    await_job(&engine, JobKind::Fix);
    let view = await_cluster(&engine, "broken", "health", |c| c.health == Health::Ok);
    assert_eq!(view.owner_of(slot).unwrap().addr, to.addr, "a move that was begun is finished");
    let keys: u64 = redis::cmd("DBSIZE").query(&mut connect(to.addr.port)).unwrap();
    assert_eq!(keys, 200);
    delete(&engine, "broken");
}

#[test]
fn a_move_that_was_left_half_way_is_found_and_gone_on_with_or_forgotten() {
    let home = Home::new();
    let engine = home.engine();
    let (_, view) = made(&home, &engine, "half", 0);
    let slot = fill(&view);
    let from = view.owner_of(slot).unwrap().clone();
    let to = view.nodes.iter().find(|node| node.addr != from.addr).unwrap().clone();
    let plan = MovePlan::of([(from.id.unwrap(), to.id.unwrap(), slot)]);
    let leave = || {
        let nodes: Vec<NodeAddr> = view.nodes.iter().map(|node| node.addr.clone()).collect();
        let file = JournalFile::open(&home.workspace(), &nodes[0]).unwrap();
        file.save(&MoveJournal { nodes, plan: plan.clone(), ..MoveJournal::default() }).unwrap();
    };
    leave();
    let found = await_cluster(&engine, "half", "the record", |c| c.half_moved.is_some());
    let half = found.half_moved.clone().unwrap();
    assert_eq!((half.plan.slot_count(), half.rest.slot_count()), (1, 1));
    engine.send(Command::ForgetMove { cluster: "half".into(), plan: half.plan.clone() }).unwrap();
    await_cluster(&engine, "half", "nothing on record", |c| c.half_moved.is_none());
    leave();
    await_cluster(&engine, "half", "the record again", |c| c.half_moved.is_some());
    engine.send(Command::ResumeMove { cluster: "half".into(), plan: half.plan.clone() }).unwrap();
    await_job(&engine, JobKind::MoveSlots);
    let view = await_cluster(&engine, "half", "the new owner", |c| {
        c.half_moved.is_none() && c.owner_of(slot).is_some_and(|node| node.addr == to.addr)
    });
    let before = view.owners.at(slotdeck::engine::figures::millis(view.polled_at.unwrap() - Duration::from_hours(1)));
    assert!(before.is_none(), "nothing is known of an hour ago");
    assert!(view.owners.before(u64::MAX).is_some(), "the change is remembered");
    delete(&engine, "half");
}

#[test]
fn a_node_joins_with_a_server_of_its_own_and_leaves_without_a_trace() {
    let home = Home::new();
    let engine = home.engine();
    let (spec, view) = made(&home, &engine, "growing", 0);
    let slot = fill(&view);
    let port = free_port();
    let new = Newcomer { addr: NodeAddr::new("127.0.0.1", port), launch: true, role: NewRole::Master };
    engine.send(Command::AddNode { cluster: "growing".into(), new: Box::new(new) }).unwrap();
    await_job(&engine, JobKind::AddNode);
    let view = await_cluster(&engine, "growing", "four masters", |c| c.nodes.len() == 4 && c.health == Health::Ok);
    assert!(spec.node_dir(port).join("redis.conf").exists());
    // The first one leaves, with slots and a server.
    let first = view.owner_of(slot).unwrap().clone();
    let to = view.nodes.iter().find(|node| node.addr.port == port).unwrap().id.clone().unwrap();
    let id = first.id.clone().unwrap();
    let drain = MovePlan::of(first.slots.iter().map(|slot| (id.clone(), to.clone(), slot)));
    let who = Leaver { id, addr: first.addr.clone(), drain: Arc::new(drain) };
    engine.send(Command::RemoveNode { cluster: "growing".into(), who: Box::new(who) }).unwrap();
    await_job(&engine, JobKind::RemoveNode);
    let view = await_cluster(&engine, "growing", "three masters", |c| c.nodes.len() == 3 && c.health == Health::Ok);
    assert_eq!(view.owner_of(slot).unwrap().addr.port, port);
    assert!(!spec.node_dir(first.addr.port).exists(), "its folder is gone");
    let keys: u64 = redis::cmd("DBSIZE").query(&mut connect(port)).unwrap();
    assert_eq!(keys, 200);
    // A port that somebody else has: nothing is left of the try.
    let taken = view.nodes[0].addr.port;
    let new = Newcomer { addr: NodeAddr::new("127.0.0.1", taken), launch: true, role: NewRole::Master };
    engine.send(Command::AddNode { cluster: "growing".into(), new: Box::new(new) }).unwrap();
    assert!(matches!(job_end(&engine, JobKind::AddNode), JobState::Failed(_)));
    await_cluster(&engine, "growing", "the same three", |c| c.nodes.len() == 3 && c.health == Health::Ok);
    // A cluster with a problem: no file is written, no server started.
    let (slot, other) = (slot.get().to_string(), view.nodes.iter().find(|node| node.addr.port != port).unwrap());
    command(port, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", other.id.as_ref().unwrap().as_str()]);
    let unwanted = free_port();
    let new = Newcomer { addr: NodeAddr::new("127.0.0.1", unwanted), launch: true, role: NewRole::Master };
    engine.send(Command::AddNode { cluster: "growing".into(), new: Box::new(new) }).unwrap();
    let of_problem = |state: &JobState| matches!(state, JobState::Failed(why) if why.contains("problems that must be repaired first"));
    let job = wait_until("the problem is named", || {
        engine.snapshot().jobs.last().filter(|job| of_problem(&job.state)).cloned()
    });
    let begun = job.steps.iter().filter(|view| view.state != StepState::Pending);
    assert!(begun.map(|view| view.step).eq([Step::WriteFiles]), "{:?}", job.steps);
    assert!(!spec.node_dir(unwanted).exists());
    command(port, &["CLUSTER", "SETSLOT", &slot, "STABLE"]);
    await_cluster(&engine, "growing", "closed", |c| c.health == Health::Ok);
    delete(&engine, "growing");
}

#[test]
fn a_backup_is_made_and_restored() {
    let home = Home::new();
    let engine = home.engine();
    let (_, view) = made(&home, &engine, "kept", 0);
    let slot = fill(&view);
    let owner = view.owner_of(slot).unwrap().addr.port;
    let folder = home.dir.path().join("backup");
    engine.send(Command::Backup { cluster: "kept".into(), folder: folder.clone() }).unwrap();
    await_job(&engine, JobKind::Backup);
    command(owner, &["FLUSHALL"]);
    engine.send(Command::Restore { cluster: "kept".into(), wish: RestoreWish { folder, replace: false } }).unwrap();
    await_job(&engine, JobKind::Restore);
    let keys: u64 = redis::cmd("DBSIZE").query(&mut connect(owner)).unwrap();
    assert_eq!(keys, 200);
    delete(&engine, "kept");
}
