//! A move of slots that goes on is no trouble to the window; one that was killed is.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod slotctl_tools;

use std::process::{Child, Command as Process, Stdio};
use std::sync::Arc;

use common::{TestServer, wait_until};
use slotctl_tools::slotctl_at;
use slotdeck::core::check::Finding;
use slotdeck::core::topology::NodeAddr;
use slotdeck::engine::command::{Auth, Command};
use slotdeck::engine::handle::Engine;
use slotdeck::engine::snapshot::{ClusterView, Health};
use slotdeck::workspace::store::Workspace;

/// Slot 5061 belongs to the first server.
const TAG: &str = "bar";
const NAME: &str = "orders";

/// A program that ends with the test.
struct Moving(Child);

impl Drop for Moving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn view(engine: &Engine) -> Option<Arc<ClusterView>> {
    engine.snapshot().clusters.get(NAME).cloned()
}

#[test]
fn a_move_under_way_leaves_health_as_it_is_until_it_is_killed() {
    let servers: Vec<TestServer> = (0..3).map(|_| TestServer::start_cluster_node("")).collect();
    let addrs: Vec<String> = servers.iter().map(TestServer::addr).collect();
    let home = tempfile::tempdir().unwrap();
    let mut create = vec!["--cluster", "create", "--cluster-yes"];
    create.extend(addrs.iter().map(String::as_str));
    slotctl_at(home.path(), &create, "").fine();
    let mut connection = servers[0].connect(None);
    for number in 0..300 {
        redis::cmd("SET").arg(format!("{{{TAG}}}{number}")).arg(number).exec(&mut connection).unwrap();
    }
    let engine = Engine::start(Workspace::open(Some(home.path().to_owned())).unwrap(), Arc::new(|| ())).unwrap();
    let seed = NodeAddr::new("127.0.0.1", servers[0].port());
    engine.send(Command::Attach { name: NAME.to_owned(), addrs: vec![seed], auth: Auth::default() }).unwrap();
    wait_until("the cluster is seen", || view(&engine).filter(|c| c.health == Health::Ok && c.nodes.len() == 3));
    let begin = |to: &str, rate: &str| {
        let mut slotctl = Process::new(env!("CARGO_BIN_EXE_slotctl"));
        slotctl.args(["move-slots", &addrs[0], "--slots", "5061", "--to", to, "--yes", "--method", "classic"]);
        slotctl.args(["--max-rate", rate]).env("SLOTDECK_HOME", home.path());
        Moving(slotctl.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    };
    let is_open = |cluster: &ClusterView| !cluster.slots.states.open.is_empty();

    let mut moving = begin(&addrs[1], "60");
    let mut seen_open = false;
    let ended = wait_until("the move ends", || {
        let cluster = view(&engine).unwrap();
        seen_open |= is_open(&cluster);
        let trouble: Vec<&Finding> = cluster.findings.iter().filter(|finding| finding.is_error()).collect();
        assert_eq!((cluster.health, trouble), (Health::Ok, Vec::new()));
        moving.0.try_wait().unwrap()
    });
    assert!(ended.success() && seen_open);

    wait_until("the slot is closed", || view(&engine).filter(|cluster| !is_open(cluster)));
    let mut killed = begin(&addrs[2], "20");
    wait_until("the slot is open", || view(&engine).filter(|cluster| is_open(cluster)));
    killed.0.kill().unwrap();
    killed.0.wait().unwrap();
    let left = wait_until("it is trouble now", || view(&engine).filter(|c| c.health == Health::Degraded));
    assert!(left.findings.iter().any(|finding| matches!(finding, Finding::OpenSlots { .. })), "{:?}", left.findings);
}
