//! Close looks at nodes of real clusters: what each subject brings, and that nothing is asked when nobody looks.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod common;
mod slotctl_tools;

use std::sync::Arc;

use common::{TestServer, cached_server, server_program, wait_until};
use slotctl_tools::slotctl_at;
use slotdeck::core::answers::Shown;
use slotdeck::core::topology::NodeAddr;
use slotdeck::engine::command::{Auth, Command};
use slotdeck::engine::handle::Engine;
use slotdeck::engine::look::{Look, Seen, Subject};
use slotdeck::workspace::store::Workspace;

const NAME: &str = "looked-at";

struct Live {
    engine: Engine,
    servers: Vec<TestServer>,
    _home: tempfile::TempDir,
}

impl Live {
    fn start(program: &std::path::Path) -> Self {
        let servers: Vec<TestServer> = (0..3).map(|_| TestServer::start_cluster_node_of(program, "")).collect();
        let home = tempfile::tempdir().unwrap();
        let addrs: Vec<String> = servers.iter().map(TestServer::addr).collect();
        let mut args = vec!["--cluster", "create", "--cluster-yes"];
        args.extend(addrs.iter().map(String::as_str));
        slotctl_at(home.path(), &args, "").fine();
        let engine =
            Engine::start(Workspace::open(Some(home.path().join("watching"))).unwrap(), Arc::new(|| ())).unwrap();
        let addrs = servers.iter().map(|server| NodeAddr::new("127.0.0.1", server.port())).collect();
        engine.send(Command::Attach { name: NAME.to_owned(), addrs, auth: Auth::default() }).unwrap();
        let live = Self { engine, servers, _home: home };
        wait_until("the cluster is not seen whole", || {
            let snapshot = live.engine.snapshot();
            let cluster = snapshot.clusters.get(NAME)?;
            (cluster.topology.views.len() == 3 && cluster.nodes.iter().all(|node| !node.is_stale())).then_some(())
        });
        live
    }

    fn addr(&self, server: usize) -> NodeAddr {
        NodeAddr::new("127.0.0.1", self.servers[server].port())
    }

    fn redis(&self, server: usize, words: &[&str]) {
        redis::cmd(words[0]).arg(&words[1..]).exec(&mut self.servers[server].connect(None)).unwrap();
    }

    #[track_caller]
    fn look(&self, subject: &Subject) -> Arc<Look> {
        self.engine.send(Command::LookAt(Some((NAME.to_owned(), subject.clone())))).unwrap();
        wait_until(&format!("nothing is seen of {subject:?}"), || {
            let look = self.engine.snapshot().look.clone()?;
            (look.subject == *subject && look.seen.is_some()).then_some(look)
        })
    }
}

#[test]
fn each_subject_is_seen_and_the_look_ends_when_nobody_looks() {
    let live = Live::start(&server_program());
    let node = live.addr(0);
    let look = live.look(&Subject::Facts(node.clone()));
    let Some(Seen::Facts(facts)) = &look.seen else { panic!() };
    assert!(facts.info.iter().any(|section| section.get("used_memory").is_some()));
    assert_eq!(facts.cluster.as_ref().unwrap().get("cluster_known_nodes"), Some("3"));
    assert!(facts.own_line.as_ref().unwrap().get("flags").unwrap().contains("myself"));
    assert!(facts.shard.as_ref().unwrap().get("shard-slots").is_some());
    assert_eq!(facts.links.as_ref().unwrap().len(), 4, "to and from two others");

    live.redis(1, &["CONFIG", "SET", "maxmemory", "100mb"]);
    live.redis(2, &["CONFIG", "SET", "masterauth", "hunter2"]);
    let look = live.look(&Subject::Config(node.clone()));
    assert!(!format!("{look:?}").contains("hunter2"));
    let Some(Seen::Config(config)) = &look.seen else { panic!() };
    assert_eq!((config.peers.len(), config.silent.len()), (2, 0));
    let differing: Vec<_> = config.settings.iter().filter(|setting| setting.differs()).collect();
    assert_eq!(differing.iter().map(|setting| setting.name.as_str()).collect::<Vec<_>>(), ["masterauth", "maxmemory"]);
    assert_eq!(differing[0].others, [(live.addr(2), Shown::Hidden)]);
    assert_eq!(differing[1].others, [(live.addr(1), Shown::Plain("104857600".to_owned()))]);

    let look = live.look(&Subject::Clients(node.clone()));
    let Some(Seen::Clients(clients)) = &look.seen else { panic!() };
    assert!(clients.total >= 2, "the poll's and the look's connection");

    live.redis(0, &["CONFIG", "SET", "slowlog-log-slower-than", "0"]);
    live.redis(0, &["CONFIG", "SET", "masterauth", "hunter2"]);
    let look = live.look(&Subject::SlowLog(node.clone()));
    let Some(Seen::SlowLog(slow)) = &look.seen else { panic!() };
    assert_eq!(slow.slower_than_us, Some(0));
    assert!(!slow.calls.is_empty() && !slow.calls.iter().flat_map(|call| &call.words).any(|word| word == b"hunter2"));

    let look = live.look(&Subject::Latency(node.clone()));
    let Some(Seen::Latency(latency)) = &look.seen else { panic!() };
    assert_eq!(latency.threshold_ms, Some(0));

    let all: Vec<NodeAddr> = (0..3).map(|server| live.addr(server)).collect();
    let look = live.look(&Subject::Links(all.clone()));
    let Some(Seen::Links(links)) = &look.seen else { panic!() };
    assert_eq!(links.keys().collect::<Vec<_>>().len(), 3);
    for node in links.values() {
        assert_eq!((node.links.as_ref().unwrap().len(), node.lines.as_ref().unwrap().len()), (4, 3));
    }

    live.engine.send(Command::LookAt(None)).unwrap();
    wait_until("the look does not end", || live.engine.snapshot().look.is_none().then_some(()));
}

#[test]
fn a_server_without_a_command_says_so_and_tells_the_rest() {
    let Some(program) = cached_server("redis-6.2") else { return };
    let live = Live::start(&program);
    let look = live.look(&Subject::Facts(live.addr(0)));
    let Some(Seen::Facts(facts)) = &look.seen else { panic!() };
    assert!(facts.shard.is_err() && facts.links.is_err());
    assert!(facts.own_line.is_ok() && !facts.info.is_empty());
    let look = live.look(&Subject::Links(vec![live.addr(0)]));
    let Some(Seen::Links(links)) = &look.seen else { panic!() };
    let told = &links[&live.addr(0)];
    assert!(told.links.is_err());
    assert_eq!(told.lines.as_ref().unwrap().len(), 3);
}

#[test]
fn a_node_that_is_gone_is_told_with_its_reason_and_seen_again_when_it_is_back() {
    let mut live = Live::start(&server_program());
    let subject = Subject::Clients(live.addr(1));
    live.look(&subject);
    live.servers[1].stop(None);
    live.engine.send(Command::LookAt(Some((NAME.to_owned(), subject.clone())))).unwrap();
    let look = wait_until("the loss is not told", || {
        let look = live.engine.snapshot().look.clone()?;
        look.error.is_some().then_some(look)
    });
    assert!(look.seen.is_some(), "what was seen last stays");
    live.servers[1].start_again();
    wait_until("it is not seen again", || {
        live.engine.send(Command::LookAt(Some((NAME.to_owned(), subject.clone())))).unwrap();
        let look = live.engine.snapshot().look.clone()?;
        look.error.is_none().then_some(())
    });
}
