//! Failovers on request, on real servers: plain under load, by force with a dead master, by takeover without a majority.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod slotctl_tools;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::{TestServer, wait_until};
use slotctl_tools::slotctl;
use slotdeck::core::plan::failover::{FailoverMode, plan};
use slotdeck::core::topology::{NodeAddr, Role};
use slotdeck::engine::client::CONNECT_DEADLINE;
use slotdeck::engine::command::{Auth, Command};
use slotdeck::engine::failover::{FailoverError, failover, failover_steps, nodes_now, nodes_of_view};
use slotdeck::engine::gather::{Gathered, gather};
use slotdeck::engine::handle::Engine;
use slotdeck::engine::job::{JobKind, JobState};
use slotdeck::engine::snapshot::Health;
use slotdeck::engine::steps::Steps;
use slotdeck::workspace::store::Workspace;

/// Three masters with a replica each. Nobody fails over by itself: the node timeout is ten minutes.
struct Cluster {
    servers: Vec<TestServer>,
}

impl Cluster {
    fn new() -> Self {
        let servers: Vec<TestServer> =
            (0..6).map(|_| TestServer::start_cluster_node("repl-diskless-sync-delay 0")).collect();
        let addrs: Vec<String> = servers.iter().map(TestServer::addr).collect();
        let args = ["--cluster", "create", "--cluster-replicas", "1", "--cluster-yes"];
        slotctl(&args.into_iter().chain(addrs.iter().map(String::as_str)).collect::<Vec<_>>(), "").fine();
        for server in &servers {
            let set = ["CONFIG", "SET", "cluster-node-timeout", "600000"];
            redis::cmd(set[0]).arg(&set[1..]).exec(&mut server.connect(None)).unwrap();
        }
        // Servers of old want at least one byte replicated before they fail over.
        for server in &servers {
            let mut connection = server.connect(None);
            for number in 0..50 {
                // Keys of others are refused.
                let _ = redis::cmd("SET").arg(format!("first{number}")).arg(number).exec(&mut connection);
            }
        }
        Self { servers }
    }

    fn seeds(&self) -> Vec<NodeAddr> {
        self.servers.iter().map(|s| NodeAddr::new("127.0.0.1", s.port())).collect()
    }

    fn look(&self) -> Gathered {
        run(gather(&self.seeds(), &Auth::default(), CONNECT_DEADLINE))
    }

    /// The index of the server whose node is this.
    fn at(&self, addr: &NodeAddr) -> usize {
        self.servers.iter().position(|s| s.port() == addr.port).unwrap()
    }

    /// The index of the master's replica.
    fn replica_of(&self, master: usize) -> usize {
        let nodes = nodes_now(&self.look());
        let id = &nodes.iter().find(|n| n.addr.port == self.servers[master].port()).unwrap().id;
        self.at(&nodes.iter().find(|n| n.master.as_ref() == Some(id)).unwrap().addr)
    }

    /// Waits until every node that answers says that the cluster is up.
    #[track_caller]
    fn await_up(&self) {
        wait_until("the cluster is up again", || {
            let health = self.look().health;
            health.values().all(|h| h.state_ok == Some(true)).then_some(())
        });
    }
}

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Writes numbered keys of slot 12182 (`{foo}`) as fast as it can to whichever of these nodes takes them, until told to
/// stop; answers how many were acknowledged.
fn write(ports: Vec<u16>, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<u64> {
    let work = move || {
        let open =
            |port: u16| redis::Client::open(format!("redis://127.0.0.1:{port}/")).unwrap().get_connection().unwrap();
        let mut connections: Vec<redis::Connection> = ports.into_iter().map(open).collect();
        let (mut number, mut at) = (0_u64, 0);
        while !stop.load(Ordering::Relaxed) {
            match redis::cmd("SET").arg(format!("{{foo}}{number}")).arg(number).exec(&mut connections[at]) {
                Ok(()) => number += 1,
                Err(_) => at = (at + 1) % connections.len(),
            }
        }
        number
    };
    std::thread::Builder::new().name("writer".to_owned()).spawn(work).unwrap()
}

#[test]
fn a_plain_failover_swaps_the_roles_and_loses_no_write_under_load() {
    let cluster = Cluster::new();
    let before = cluster.look();
    let nodes = nodes_now(&before);
    let slot = "12182".parse().unwrap();
    let master = nodes.iter().find(|n| n.role == Role::Master && n.slots.contains(slot)).unwrap();
    let replica = nodes.iter().find(|n| n.master.as_ref() == Some(&master.id)).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let writer = write(vec![master.addr.port, replica.addr.port], Arc::clone(&stop));
    std::thread::sleep(Duration::from_millis(300));
    let made = plan(&nodes, &replica.id, None).unwrap();
    assert_eq!(made.mode, FailoverMode::Plain);
    let plans = [made];
    let steps = Steps::silent(&failover_steps(1));
    let after = run(failover(&plans, &cluster.seeds(), &Auth::default(), &steps)).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    stop.store(true, Ordering::Relaxed);
    let written = writer.join().unwrap();

    let now = nodes_now(&after);
    let role = |addr: &NodeAddr| now.iter().find(|n| n.addr == *addr).unwrap();
    assert_eq!((role(&replica.addr).role, role(&replica.addr).slots.len()), (Role::Master, master.slots.len()));
    assert_eq!(role(&master.addr).master.as_ref(), Some(&replica.id));
    assert_eq!(after.check(), []);
    let mut heir = cluster.servers[cluster.at(&replica.addr)].connect(None);
    let keys = (0..written).map(|number| format!("{{foo}}{number}")).collect::<Vec<_>>();
    let kept: u64 = redis::cmd("EXISTS").arg(&keys).query(&mut heir).unwrap();
    assert!(written > 100 && kept == written, "{written} writes were acknowledged, {kept} are there");
    let last: u64 = redis::cmd("GET").arg(format!("{{foo}}{}", written - 1)).query(&mut heir).unwrap();
    assert_eq!(last, written - 1);

    // The same plan again is stale.
    let again = run(failover(&plans, &cluster.seeds(), &Auth::default(), &Steps::silent(&[])));
    assert!(matches!(again, Err(FailoverError::Untouched(_))), "{again:?}");
}

#[test]
fn a_dead_master_is_replaced_by_force_long_before_its_time_is_over() {
    let mut cluster = Cluster::new();
    let replica = cluster.replica_of(0);
    let (seed, target) = (cluster.servers[1].addr(), cluster.servers[replica].addr());
    cluster.servers[0].kill();
    // What could lose writes has to be named.
    let unnamed = slotctl(&["failover", &seed, &target, "--yes"], "").failed();
    assert!(unnamed.err.contains("without --force"), "{unnamed:#?}");
    let refused = slotctl(&["--cluster", "failover", &seed, &target, "--force"], "no\n").failed();
    assert!(refused.out.contains("[WARNING] Writes that did not reach the replica are lost"), "{refused:#?}");
    assert!(refused.err.contains("nothing was sent"), "{refused:#?}");
    slotctl(&["--cluster", "failover", &seed, &target, "--force"], "yes")
        .fine()
        .says("CLUSTER FAILOVER FORCE\n")
        .says(&format!("[OK] {target} is the master of 5461 slots"));
    // The old master comes back as a replica.
    cluster.servers[0].start_again();
    wait_until("the old master follows", || {
        let look = cluster.look();
        let old = look.topology.views.get(&cluster.seeds()[0])?.me()?.clone();
        (old.role == Role::Replica && look.check().is_empty()).then_some(())
    });
}

#[test]
fn a_cluster_without_a_majority_is_brought_back_by_takeover() {
    let mut cluster = Cluster::new();
    let seed = cluster.servers[2].addr();
    cluster.servers[0].kill();
    cluster.servers[1].kill();
    let forced = slotctl(&["failover", &seed, "--lost", "--force", "--yes"], "").failed();
    assert!(forced.err.contains("only 1 of 3 masters can vote and 2 are needed"), "{forced:#?}");
    let done = slotctl(&["failover", &seed, "--lost", "--takeover", "--yes", "--json"], "").json();
    assert_eq!(done["failovers"].as_array().unwrap().len(), 2, "{done}");
    assert_eq!(done["failovers"][0]["command"], "CLUSTER FAILOVER TAKEOVER");
    cluster.await_up();
    let mut connection = cluster.servers[2].connect(None);
    let info: String = redis::cmd("CLUSTER").arg("INFO").query(&mut connection).unwrap();
    assert!(info.contains("cluster_slots_assigned:16384"), "{info}");
}

#[test]
fn a_lost_master_that_nobody_can_replace_is_an_error_also_where_others_are_replaced() {
    let mut cluster = Cluster::new();
    let seed = cluster.servers[2].addr();
    let replica = cluster.replica_of(1);
    for server in [0, 1, replica] {
        cluster.servers[server].kill();
    }
    let done = slotctl(&["failover", &seed, "--lost", "--takeover", "--yes", "--json"], "").failed();
    let json = done.json();
    assert_eq!((json["ok"].as_bool(), json["failovers"].as_array().unwrap().len()), (Some(false), 1), "{json:#}");
    assert_eq!(json["refused"].as_array().unwrap().len(), 1, "{json:#}");
}

#[test]
fn wrong_targets_are_refused_and_nothing_is_sent() {
    let cluster = Cluster::new();
    let (seed, replica) = (cluster.servers[0].addr(), cluster.servers[cluster.replica_of(0)].addr());
    let refused = |args: &[&str], why: &str| {
        let ran = slotctl(&[&["failover", seed.as_str()], args].concat(), "yes").failed();
        assert!(ran.err.contains(why), "{why}: {ran:#?}");
    };
    refused(&["127.0.0.1:1", "--yes"], "[ERR] 127.0.0.1:1 is no node of this cluster");
    refused(&["", "--yes"], "is no node of this cluster");
    refused(&["--lost", "--yes"], "[ERR] no master is lost");
    refused(&[&replica, "--json"], "can't ask: add --yes");
    refused(&[&replica, "--force", "--takeover"], "cannot be used with");
    slotctl(&["failover", "nobody", &replica, "--yes"], "").failed().complains("There is no cluster named 'nobody'.");
    assert_eq!(cluster.look().check(), []);
    // By the master's id, its only replica is taken.
    let id = nodes_now(&cluster.look()).into_iter().find(|n| n.addr.to_string() == seed).unwrap().id;
    slotctl(&["failover", &seed, id.short(), "--yes"], "").fine().says(&format!("[OK] {replica} is the master"));
}

#[test]
fn the_engine_carries_a_plan_out_that_was_made_from_its_snapshot_and_refuses_an_old_one() {
    let cluster = Cluster::new();
    let home = tempfile::tempdir().unwrap();
    let workspace = Workspace::open(Some(home.path().join("home"))).unwrap();
    let engine = Engine::start(workspace, Arc::new(|| ())).unwrap();
    let (name, addrs) = ("orders".to_owned(), vec![cluster.seeds()[0].clone()]);
    engine.send(Command::Attach { name: name.clone(), addrs, auth: Auth::default() }).unwrap();
    let healthy =
        || engine.snapshot().clusters.get(&name).filter(|c| c.health == Health::Ok && c.nodes.len() == 6).cloned();
    let view = wait_until("the cluster is seen", healthy);
    let replica = view.nodes.iter().find(|n| n.role == Some(Role::Replica)).unwrap();
    let made = plan(&nodes_of_view(&view), replica.id.as_ref().unwrap(), None).unwrap();
    let carry_out = || {
        let before = engine.snapshot().jobs.len();
        engine.send(Command::Failover { cluster: name.clone(), plans: vec![made.clone()].into() }).unwrap();
        wait_until("the job ends", || {
            let snapshot = engine.snapshot();
            let job =
                snapshot.jobs.last().filter(|job| snapshot.jobs.len() > before && job.kind == JobKind::Failover)?;
            job.state.is_over().then(|| job.state.clone())
        })
    };
    assert_eq!(carry_out(), JobState::Done);
    wait_until("the snapshot shows it", || {
        let view = engine.snapshot().clusters.get(&name)?.clone();
        (view.node(&made.replica_id)?.role == Some(Role::Master)).then_some(())
    });
    let JobState::Failed(why) = carry_out() else { panic!("an old plan was carried out") };
    assert!(why.starts_with("nothing was sent: the cluster has changed"), "{why}");
    engine.shutdown();
}
