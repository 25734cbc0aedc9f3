//! Snapshots made by hand: a healthy cluster, one with a failed master, one with slots that nobody owns.
//!
//! Also compiled into `tests/pictures.rs`, hence the `slotdeck::` paths.

#![allow(clippy::missing_panics_doc, clippy::unwrap_used, reason = "for tests only")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use slotdeck::core::answers::{BusLink, LatencyEvent, Section, SlowCall, Spike, compare, read_clients, read_info};
use slotdeck::core::build::Build;
use slotdeck::core::check::Finding;
use slotdeck::core::history::{History, Metric, Row, Sample};
use slotdeck::core::plan::create::allocate_slots;
use slotdeck::core::secret::Secret;
use slotdeck::core::slot::{SlotRange, SlotSet};
use slotdeck::core::spec::ClusterSpec;
use slotdeck::core::topology::{NodeAddr, NodeId, Role, Topology, View};
use slotdeck::core::version::ServerVersion;
use slotdeck::engine::detail::Detail;
use slotdeck::engine::job::{JobKind, JobState, JobView, Step, StepState, StepView};
use slotdeck::engine::look::{ConfigFacts, LatencyFacts, Look, NodeFacts, Seen, SlowFacts, Subject};
use slotdeck::engine::process::Exit;
use slotdeck::engine::slot_figures::SlotDetails;
use slotdeck::engine::snapshot::{
    ClusterView, HalfMade, Health, NO_OWNER, NodeStats, NodeView, Phase, ProcessState, ProcessView, Reach, Snapshot,
    Standing,
};
use slotdeck::workspace::document::OnClose;

/// The moment in which all samples stand.
pub fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_760_000_000)
}

/// The id of the node with this number.
pub fn id(number: usize) -> NodeId {
    let digit = b"3f9a1c8e5b7d2064"[number % 16] as char;
    let tail = 0x9e37_79b9_7f4a_7c15_u128 * (number as u128 + 3);
    format!("{digit}{:02x}e1d0c9{tail:031x}", number % 256).parse().unwrap()
}

fn node(number: usize, masters: usize) -> NodeView {
    let port = 7000 + u16::try_from(number).unwrap();
    let is_master = number < masters;
    let shard = number % masters;
    let pid = 41_200 + u32::try_from(number).unwrap();
    let seed = 17 * shard as u64 + 3;
    NodeView {
        addr: NodeAddr::new("127.0.0.1", port),
        id: Some(id(number)),
        role: Some(if is_master { Role::Master } else { Role::Replica }),
        master: (!is_master).then(|| id(shard)),
        shard: Some(shard),
        slots: SlotSet::new(),
        epoch: shard as u64 + 1,
        standing: Standing::Fine,
        reach: Reach::Live,
        viewed: None,
        stats: Some(NodeStats {
            keys: 41_337 + seed * 97,
            used_memory: 12_582_912 + seed * 65_537,
            ops_per_sec: if is_master { 1_240 + seed } else { 12 },
            clients: 7 + shard as u64,
            link_up: (!is_master).then_some(true),
            lag_bytes: (!is_master).then_some(0),
            repl_offset: Some(5_000_000 + seed),
            lag_secs: (!is_master).then_some(1),
            never_linked: false,
            state_ok: true,
            version: Some(ServerVersion::redis(7, 0, 15)),
            build: Build::Upstream,
            process_id: Some(pid),
            uptime: Duration::from_secs(4_000),
        }),
        settings: Arc::default(),
        process: ProcessView { state: ProcessState::Running { pid }, log_tail: log(pid) },
    }
}

fn log(pid: u32) -> Arc<[String]> {
    vec![
        format!("{pid}:C 09 Oct 2025 08:53:20.101 * oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo"),
        format!("{pid}:M 09 Oct 2025 08:53:20.104 * Running mode=cluster, port=7000."),
        format!("{pid}:M 09 Oct 2025 08:53:20.104 # WARNING Memory overcommit must be enabled!"),
        format!("{pid}:M 09 Oct 2025 08:53:20.107 * Ready to accept connections"),
        format!("{pid}:M 09 Oct 2025 08:53:24.411 # Cluster state changed: ok"),
    ]
    .into()
}

/// A cluster of `masters` masters with one replica each, all well.
pub fn cluster(masters: usize) -> ClusterView {
    let mut nodes: Vec<NodeView> = (0..masters * 2).map(|i| node(i, masters)).collect();
    let mut owners = vec![NO_OWNER; 16384];
    for (i, range) in allocate_slots(masters).into_iter().enumerate() {
        nodes[i].slots.insert_range(range);
        for slot in range.slots() {
            owners[slot.index()] = u16::try_from(i).unwrap();
        }
    }
    ClusterView {
        name: "orders".to_owned(),
        spec: Some(Arc::new(ClusterSpec::new("orders", "/home/ada/slotdeck/orders"))),
        phase: Phase::Formed,
        health: Health::Ok,
        findings: Vec::new().into(),
        nodes: nodes.into(),
        slot_owner: owners.into(),
        plan: None,
        plan_error: None,
        half_made: None,
        half_moved: None,
        fix: None,
        slot_keys: None,
        slots: SlotDetails::default(),
        topology: Arc::default(),
        on_close: OnClose::Ask,
        tls: None,
        history: Arc::default(),
        owners: Arc::default(),
        polled_at: Some(now()),
        busy_elsewhere: false,
    }
}

/// Three masters, three replicas, all well.
pub fn healthy() -> ClusterView {
    cluster(3)
}

/// A healthy cluster under load, watched for twelve minutes, with a pause and a peak in them.
pub fn measured() -> ClusterView {
    measured_with(3)
}

/// As [`measured`], with so many masters.
pub fn measured_with(masters: usize) -> ClusterView {
    let mut cluster = cluster(masters);
    let nodes: Arc<[NodeAddr]> = cluster.nodes.iter().map(|n| n.addr.clone()).collect();
    let mut history = History::default();
    let until = u64::try_from(now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis()).unwrap();
    for second in (0..720_u16).filter(|second| !(300..340).contains(second)) {
        let wave = (f32::from(second) / 40.0).sin();
        let peak = if (600..612).contains(&second) { 2.0 } else { 1.0 };
        let sample = |share: f32| {
            Sample::default()
                .with(Metric::Ops, Some((4000.0 + 900.0 * wave) * peak * share))
                .with(Metric::Cpu, Some((31.0 + 8.0 * wave) * peak * share))
                .with(Metric::Memory, Some((38_000_000.0 + 9000.0 * f32::from(second)) * share))
                .with(Metric::Keys, Some((125_000.0 + 20.0 * f32::from(second)) * share))
                .with(Metric::NetIn, Some((180_000.0 + 30_000.0 * wave) * peak * share))
                .with(Metric::NetOut, Some((420_000.0 + 50_000.0 * wave) * peak * share))
                .with(Metric::Clients, Some((60.0 * share).round()))
                .with(Metric::HitRate, Some(91.0 + 4.0 * wave))
                .with(Metric::Lag, Some(if peak > 1.0 { 40_000.0 } else { 0.0 }))
        };
        let of_node = |i: usize| sample((1.0 + (i % 3) as f32 * 0.2) / (nodes.len() as f32));
        let at = until - u64::from(719 - second) * 1000;
        history.record(Row::new(at, sample(1.0), nodes.clone(), (0..nodes.len()).map(of_node).collect()));
    }
    cluster.history = Arc::new(history);
    cluster
}

/// The cluster with its nodes changed.
fn with_nodes(mut cluster: ClusterView, change: impl FnOnce(&mut Vec<NodeView>)) -> ClusterView {
    let mut nodes = cluster.nodes.to_vec();
    change(&mut nodes);
    cluster.nodes = nodes.into();
    cluster
}

/// The first master is dead, and its replica has not taken over yet.
pub fn failed() -> ClusterView {
    let mut cluster = with_nodes(healthy(), |nodes| {
        let gone = "connection refused".to_owned();
        nodes[0].standing = Standing::Failed;
        nodes[0].reach = Reach::Stale { since: now() - Duration::from_secs(42), error: gone };
        nodes[0].process.state =
            ProcessState::Died { how: Exit::Signal(9), cause: Some("ended by another program".to_owned()) };
        if let Some(stats) = &mut nodes[3].stats {
            stats.link_up = Some(false);
            stats.lag_bytes = None;
            stats.lag_secs = Some(42);
        }
    });
    cluster.health = Health::Down;
    cluster.findings = vec![
        Finding::Unreachable(NodeAddr::new("127.0.0.1", 7000), "connection refused".to_owned()),
        Finding::Failed(NodeAddr::new("127.0.0.1", 7000)),
        Finding::LinkDown(NodeAddr::new("127.0.0.1", 7003)),
    ]
    .into();
    cluster
}

/// The first master is dead, and its replica has taken over.
pub fn failed_over() -> ClusterView {
    let mut cluster = with_nodes(failed(), |nodes| {
        let slots = std::mem::take(&mut nodes[0].slots);
        nodes[3].slots = slots;
        nodes[3].role = Some(Role::Master);
        nodes[3].master = None;
        nodes[3].epoch = 7;
    });
    let owners: Vec<u16> = cluster.slot_owner.iter().map(|o| if *o == 0 { 3 } else { *o }).collect();
    cluster.slot_owner = owners.into();
    cluster.health = Health::Degraded;
    cluster
}

/// The second master's slots have no owner.
pub fn uncovered() -> ClusterView {
    let mut cluster = with_nodes(healthy(), |nodes| nodes[1].slots = SlotSet::new());
    let owners: Vec<u16> = cluster.slot_owner.iter().map(|o| if *o == 1 { NO_OWNER } else { *o }).collect();
    cluster.slot_owner = owners.into();
    cluster.health = Health::Down;
    let range: SlotRange = "5461-10922".parse().unwrap();
    cluster.findings = vec![
        Finding::Uncovered([range].into_iter().collect()),
        Finding::StateFail(NodeAddr::new("127.0.0.1", 7000)),
        Finding::StateFail(NodeAddr::new("127.0.0.1", 7002)),
    ]
    .into();
    cluster
}

/// Not running.
pub fn stopped() -> ClusterView {
    let mut cluster = with_nodes(healthy(), |nodes| {
        for node in nodes {
            node.process.state = ProcessState::Stopped;
            node.reach = Reach::Unknown;
            node.stats = None;
        }
    });
    cluster.phase = Phase::Stopped;
    cluster.health = Health::Stopped;
    cluster
}

/// A creation that stopped half-way.
pub fn half_made() -> ClusterView {
    let mut cluster = cluster(3);
    cluster.phase = Phase::Unformed;
    cluster.health = Health::Unknown;
    cluster.slot_owner = vec![NO_OWNER; 16384].into();
    cluster = with_nodes(cluster, |nodes| nodes.iter_mut().for_each(|n| n.slots = SlotSet::new()));
    cluster.half_made = Some(Arc::new(HalfMade {
        touched: (7000..7003).map(|port| NodeAddr::new("127.0.0.1", port)).collect(),
        reason: "127.0.0.1:7001 and 127.0.0.1:7004 can't reach each other on the bus ports".to_owned(),
    }));
    cluster
}

/// A creation that waits for the nodes to join.
pub fn job(state: JobState) -> JobView {
    let steps = [Step::InspectNodes, Step::AssignSlots, Step::AssignEpochs, Step::Meet, Step::AwaitJoin, Step::Check];
    let failed = matches!(state, JobState::Failed(_));
    let at = |i: usize| match i {
        0..4 => StepState::Done,
        4 if failed => StepState::Failed("127.0.0.1:7004 knows 4 of 6 nodes".to_owned()),
        4 => StepState::Running,
        _ => StepState::Pending,
    };
    let steps = steps.iter().enumerate().map(|(i, step)| StepView {
        step: *step,
        state: at(i),
        detail: if i == 4 { Detail::Acquainted { nodes: 4, of: 6 } } else { Detail::None },
        took: Duration::from_millis(120 * i as u64 + 3),
    });
    JobView {
        id: 9,
        cluster: "orders".to_owned(),
        kind: JobKind::Create,
        steps: steps.collect(),
        state,
        started: now() - Duration::from_secs(2),
        took: Duration::from_secs(2),
    }
}

/// A snapshot with this cluster and a stopped one beside it.
pub fn snapshot(cluster: ClusterView) -> Arc<Snapshot> {
    let mut other = stopped();
    "sessions".clone_into(&mut other.name);
    let clusters = [cluster, other].into_iter().map(|c| (c.name.clone(), Arc::new(c))).collect();
    Arc::new(Snapshot { clusters, clusters_dir: "/home/ada/slotdeck".into(), ..Snapshot::default() })
}

/// What INFO, CLIENT LIST and the like told of the first node.
pub fn look(subject: Subject) -> Look {
    let seen = match &subject {
        Subject::Facts(_) => Seen::Facts(Box::new(facts())),
        Subject::Config(_) => Seen::Config(settings()),
        Subject::Clients(_) => {
            let line = |n: u64| {
                format!(
                    "id={n} addr=127.0.0.1:{} laddr=127.0.0.1:7000 name=shop-{n} age={} idle={} flags=N db=0 \
                     tot-mem={} cmd=get user=default lib-name=redis-py\n",
                    50_000 + n,
                    n * 61,
                    n % 7,
                    22_000 + n
                )
            };
            Seen::Clients(read_clients(&(3..40).map(line).collect::<String>(), 1000))
        }
        Subject::SlowLog(_) => Seen::SlowLog(slow_log()),
        Subject::Latency(_) => {
            let history = (0..40).map(|n| Spike { at: 1_759_999_000 + n * 20, ms: 100 + (n * 37) % 160 }).collect();
            let event =
                LatencyEvent { name: "command".to_owned(), at: 1_759_999_780, last_ms: 143, worst_ms: 259, history };
            Seen::Latency(LatencyFacts { events: vec![event], threshold_ms: Some(100) })
        }
        Subject::Links(_) => Seen::Links(std::collections::BTreeMap::new()),
    };
    Look {
        at: Some(now() - Duration::from_secs(1)),
        took: Duration::from_millis(3),
        seen: Some(seen),
        ..Look::begun("orders".to_owned(), subject)
    }
}

fn facts() -> NodeFacts {
    let info = "# Server\nredis_version:7.0.15\nredis_mode:cluster\nos:Linux 6.1.0 x86_64\nprocess_id:41200\n\
        run_id:5f1c3b0e6d0a4f2c9b8e7d6c5b4a39281706f5e4\ntcp_port:7000\nuptime_in_seconds:4000\nhz:10\n\
        # Clients\nconnected_clients:40\ncluster_connections:10\nmaxclients:10000\nblocked_clients:2\n\
        # Memory\nused_memory:12779520\nused_memory_rss:17039360\nused_memory_peak:13107200\nmaxmemory:0\n\
        maxmemory_policy:noeviction\nmem_fragmentation_ratio:1.33\nmem_replication_backlog:1048576\n\
        # Persistence\nloading:0\nrdb_changes_since_last_save:1812\nrdb_bgsave_in_progress:0\n\
        rdb_last_save_time:1759998000\nrdb_last_bgsave_status:ok\naof_enabled:0\n\
        # Stats\ntotal_connections_received:812\ntotal_commands_processed:4961023\ninstantaneous_ops_per_sec:1243\n\
        total_net_input_bytes:220200960\ntotal_net_output_bytes:911212544\nkeyspace_hits:301223\nkeyspace_misses:1201\n\
        # Replication\nrole:master\nconnected_slaves:1\nmaster_repl_offset:5000003\nrepl_backlog_size:1048576\n\
        # CPU\nused_cpu_sys:12.220000\nused_cpu_user:40.110000\n# Cluster\ncluster_enabled:1\n\
        # Keyspace\ndb0:keys=41337,expires=12,avg_ttl=0\n# Commandstats\ncmdstat_get:calls=10,usec=20\n";
    let section = |name: &str, fields: &[(&str, &str)]| Section {
        name: name.to_owned(),
        fields: fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    };
    let link = |n: usize, outgoing| BusLink {
        outgoing,
        node: id(n),
        opened_ms: 1_759_996_000_000,
        events: "r".to_owned(),
        buffer: 4512,
        waiting: 0,
    };
    NodeFacts {
        info: read_info(info),
        cluster: Ok(section(
            "CLUSTER INFO",
            &[("cluster_state", "ok"), ("cluster_size", "3"), ("cluster_my_epoch", "1")],
        )),
        own_line: Ok(section(
            "CLUSTER NODES",
            &[("flags", "myself,master"), ("config-epoch", "1"), ("slots", "0-5460")],
        )),
        shard: Err("the server refused: ERR unknown subcommand 'SHARDS'".to_owned()),
        links: Ok((1..6).flat_map(|n| [link(n, true), link(n, false)]).collect()),
    }
}

fn settings() -> ConfigFacts {
    let peers: Vec<NodeAddr> = (7001..7006).map(|port| NodeAddr::new("127.0.0.1", port)).collect();
    let told = |port: u16| {
        let memory = if port == 7003 { "268435456" } else { "0" };
        let list = [
            ("appendonly", "no"),
            ("cluster-node-timeout", "5000"),
            ("maxmemory", memory),
            ("maxmemory-policy", "noeviction"),
            ("port", if port == 7000 { "7000" } else { "7001" }),
            ("requirepass", "hunter2"),
            ("save", "3600 1 300 100 60 10000"),
        ];
        list.into_iter().map(|(name, value)| (name.to_owned(), Secret::new(value))).collect()
    };
    let others: Vec<_> = peers.iter().map(|peer| (peer.clone(), told(peer.port))).collect();
    ConfigFacts { settings: compare(&told(7000), &others), peers, silent: Vec::new() }
}

fn slow_log() -> SlowFacts {
    let call = |id: i64, took_us: u64, words: &[&[u8]]| SlowCall {
        id,
        at: 1_759_999_900 - id.unsigned_abs() * 7,
        took_us,
        words: words.iter().map(|word| word.to_vec()).collect(),
        client: Some(format!("127.0.0.1:{}", 50_000 + id)),
        name: Some("shop".to_owned()),
    };
    let calls = vec![
        call(3, 12_400, &[b"KEYS", b"*"]),
        call(2, 1_830_000, &[b"EVAL", b"while true do end", b"0"]),
        call(1, 10_020, &[b"SET", b"\x00\xff\x01", b"a value"]),
    ];
    SlowFacts { calls, total: Some(3), slower_than_us: Some(10_000) }
}

/// Six nodes in two halves that don't see each other: 7000 to 7002 are masters; 7004 and 7001 are on their own.
pub fn parted() -> ClusterView {
    let mut cluster = failed();
    let small = [1_usize, 4];
    let line = |me: usize, n: usize| {
        let apart = small.contains(&me) != small.contains(&n);
        let link = if apart { "disconnected" } else { "connected" };
        let fail = match (apart, small.contains(&me)) {
            (true, true) => ",fail?",
            (true, false) => ",fail",
            (false, _) => "",
        };
        let me = if me == n { "myself," } else { "" };
        let role = if n < 3 { "master".to_owned() } else { "slave".to_owned() };
        let master = if n < 3 { "-".to_owned() } else { id(n % 3).to_string() };
        let slots = cluster.nodes[n].slots.ranges().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        format!(
            "{} 127.0.0.1:{}@{} {me}{role}{fail} {master} 0 0 {} {link} {slots}\n",
            id(n),
            7000 + n,
            17000 + n,
            n % 3 + 1
        )
    };
    let view = |me: usize| View::parse(&(0..6).map(|n| line(me, n)).collect::<String>()).unwrap();
    let views = (0..6).map(|me| (NodeAddr::new("127.0.0.1", 7000 + u16::try_from(me).unwrap()), Arc::new(view(me))));
    cluster.topology = Arc::new(Topology { views: views.collect(), ..Topology::default() });
    let whole = healthy();
    cluster.nodes = whole.nodes;
    cluster.findings = Vec::new().into();
    cluster.health = Health::Degraded;
    cluster
}
