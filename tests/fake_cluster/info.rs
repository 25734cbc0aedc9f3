//! INFO and CLUSTER INFO, as 7.0.15 writes them.

use std::fmt::Write as _;

use super::keys;
use super::serve::Shared;
use super::text::Scene;
use super::world::{Doubt, SLOTS, mix};

/// INFO of a node.
pub fn info(shared: &Shared, scene: &Scene, node: usize) -> String {
    let side = scene.world.side(node);
    let salt = mix(node as u64 + shared.options.seed);
    let rate = if side.master[node].is_some() { 20 } else { 400 + salt % 900 };
    let mut asked = Asked { shared, scene, node, ms: shared.up_ms(), salt, rate, text: String::with_capacity(5000) };
    asked.server();
    asked.clients_and_memory();
    asked.persistence_and_stats();
    asked.replication();
    asked.rest();
    asked.text
}

/// A node that was asked for INFO, and what has been written so far.
struct Asked<'a> {
    shared: &'a Shared,
    scene: &'a Scene,
    node: usize,
    /// Since the start, milliseconds.
    ms: u64,
    /// The node's own number, for figures that differ from node to node.
    salt: u64,
    /// Commands a second.
    rate: u64,
    text: String,
}

fn n(number: u64) -> String {
    number.to_string()
}

fn s(word: &str) -> String {
    word.to_owned()
}

impl Asked<'_> {
    fn section(&mut self, name: &str, lines: &[(&str, String)]) {
        // Writing into memory does not fail.
        let _ = write!(self.text, "# {name}\r\n");
        for (field, value) in lines {
            let _ = write!(self.text, "{field}:{value}\r\n");
        }
        self.text.push_str("\r\n");
    }

    fn server(&mut self) {
        let (shared, node, ms, salt, version) = (self.shared, self.node, self.ms, self.salt, self.version());
        self.section(
            "Server",
            &[
                ("redis_version", s(version)),
                ("redis_git_sha1", s("00000000")),
                ("redis_git_dirty", s("0")),
                ("redis_build_id", s("fa4e5e4c3d0e1b2a")),
                ("redis_mode", s("cluster")),
                ("os", s("Linux 6.1.0 x86_64")),
                ("arch_bits", s("64")),
                ("multiplexing_api", s("epoll")),
                ("process_id", n(20_000 + node as u64)),
                ("run_id", format!("{:040x}", u128::from(salt) << 20)),
                ("tcp_port", n(u64::from(shared.port(node)))),
                ("uptime_in_seconds", n(90_000 + ms / 1000)),
                ("uptime_in_days", s("1")),
                ("hz", s("10")),
                ("configured_hz", s("10")),
                ("lru_clock", n(ms / 1000)),
                ("executable", s("/usr/bin/redis-server")),
                ("config_file", s("")),
                ("io_threads_active", s("0")),
            ],
        );
    }

    fn version(&self) -> &'static str {
        if self.shared.options.slot_stats { "8.2.1" } else { "7.0.15" }
    }

    fn clients_and_memory(&mut self) {
        let (shared, ms, salt) = (self.shared, self.ms, self.salt);
        let memory = 3_000_000 + salt % 9_000_000 + (ms / 700 + salt) % 5000 * 16;
        self.section(
            "Clients",
            &[
                ("connected_clients", n(4 + salt % 60)),
                ("cluster_connections", n(2 * shared.ids.len() as u64 - 2)),
                ("maxclients", s("10000")),
                ("client_recent_max_input_buffer", s("20480")),
                ("client_recent_max_output_buffer", s("0")),
                ("blocked_clients", s("0")),
                ("tracking_clients", s("0")),
            ],
        );
        self.section(
            "Memory",
            &[
                ("used_memory", n(memory)),
                ("used_memory_human", format!("{:.2}M", memory as f64 / 1_048_576.0)),
                ("used_memory_rss", n(memory + 4_000_000)),
                ("used_memory_peak", n(memory + 900_000)),
                ("used_memory_overhead", n(2_100_000)),
                ("used_memory_startup", n(1_800_000)),
                ("used_memory_dataset", n(memory - 2_100_000)),
                ("total_system_memory", n(25_276_162_048)),
                ("maxmemory", s("0")),
                ("maxmemory_human", s("0B")),
                ("maxmemory_policy", s("noeviction")),
                ("mem_fragmentation_ratio", s("1.41")),
                ("mem_allocator", s("jemalloc-5.2.1")),
                ("active_defrag_running", s("0")),
            ],
        );
    }

    fn persistence_and_stats(&mut self) {
        let (ms, salt, rate) = (self.ms, self.salt, self.rate);
        let commands = self.shared.asked(self.node) + ms * rate / 1000;
        self.section(
            "Persistence",
            &[
                ("loading", s("0")),
                ("async_loading", s("0")),
                ("rdb_changes_since_last_save", n(ms / 20)),
                ("rdb_bgsave_in_progress", s("0")),
                ("rdb_last_save_time", n(1_760_000_000)),
                ("rdb_last_bgsave_status", s("ok")),
                ("aof_enabled", s("0")),
                ("aof_rewrite_in_progress", s("0")),
                ("aof_last_bgrewrite_status", s("ok")),
                ("aof_last_write_status", s("ok")),
            ],
        );
        self.section(
            "Stats",
            &[
                ("total_connections_received", n(salt % 5000)),
                ("total_commands_processed", n(commands)),
                ("instantaneous_ops_per_sec", n(rate)),
                ("total_net_input_bytes", n(ms * rate * 90 / 1000)),
                ("total_net_output_bytes", n(ms * rate * 210 / 1000)),
                ("instantaneous_input_kbps", s("12.34")),
                ("instantaneous_output_kbps", s("30.10")),
                ("rejected_connections", s("0")),
                ("expired_keys", s("0")),
                ("evicted_keys", s("0")),
                ("keyspace_hits", n(ms * rate * 7 / 10_000)),
                ("keyspace_misses", n(ms * rate / 10_000)),
                ("total_forks", s("1")),
                ("total_error_replies", s("0")),
            ],
        );
    }

    fn replication(&mut self) {
        let (shared, world, node, salt) = (self.shared, &self.scene.world, self.node, self.salt);
        let (side, offset) = (world.side(node), 100_000 + self.ms * 40);
        let owner = side.master[node].unwrap_or(node);
        let replicas: Vec<usize> = side.replicas(node).filter(|replica| !world.is_down(*replica)).collect();
        let mut lines = vec![("role", s(if side.master[node].is_some() { "slave" } else { "master" }))];
        let names: Vec<String> = (0..replicas.len()).map(|i| format!("slave{i}")).collect();
        if let Some(master) = side.master[node] {
            let up = side.doubt[master] == Doubt::None && !world.is_down(master);
            lines.extend([
                ("master_host", s("127.0.0.1")),
                ("master_port", n(u64::from(shared.port(master)))),
                ("master_link_status", s(if up { "up" } else { "down" })),
                ("master_last_io_seconds_ago", s(if up { "1" } else { "-1" })),
                ("master_sync_in_progress", s("0")),
                ("slave_read_repl_offset", n(offset)),
                ("slave_repl_offset", n(offset - salt % 300)),
            ]);
            if !up {
                lines.push(("master_link_down_since_seconds", s("3")));
            }
            lines.extend([("slave_priority", s("100")), ("slave_read_only", s("1"))]);
        }
        lines.push(("connected_slaves", n(replicas.len() as u64)));
        for (name, replica) in names.iter().zip(&replicas) {
            let port = shared.port(*replica);
            lines.push((name, format!("ip=127.0.0.1,port={port},state=online,offset={offset},lag=0")));
        }
        lines.extend([
            ("master_failover_state", s("no-failover")),
            ("master_replid", format!("{:040x}", u128::from(mix(owner as u64)))),
            ("master_repl_offset", n(offset)),
            ("second_repl_offset", s("-1")),
            ("repl_backlog_active", s("1")),
            ("repl_backlog_size", s("1048576")),
        ]);
        self.section("Replication", &lines);
    }

    fn rest(&mut self) {
        let (ms, rate, node) = (self.ms, self.rate, self.node);
        let owner = self.scene.world.side(node).master[node].unwrap_or(node);
        let keys = keys_of(self.scene, node, owner, self.shared.options.seed);
        let cpu = |share: u64| format!("{}.{:06}", ms * rate / share / 1_000_000, ms * rate / share % 1_000_000);
        self.section(
            "CPU",
            &[
                ("used_cpu_sys", cpu(70)),
                ("used_cpu_user", cpu(50)),
                ("used_cpu_sys_children", s("0.001")),
                ("used_cpu_user_children", s("0.002")),
            ],
        );
        self.section("Modules", &[]);
        self.section("Errorstats", &[]);
        self.section("Cluster", &[("cluster_enabled", s("1"))]);
        let keyspace = [("db0", format!("keys={keys},expires=0,avg_ttl=0"))];
        self.section("Keyspace", if keys == 0 { &[] } else { &keyspace });
    }
}

/// The keys of a node: those of the slots of its master as its side sees them.
fn keys_of(scene: &Scene, node: usize, owner: usize, seed: u64) -> u64 {
    let ranges = scene.ranges(node, owner);
    ranges.iter().flat_map(|(first, last)| *first..=*last).map(|slot| keys::count(slot, seed)).sum()
}

/// CLUSTER INFO of a node.
pub fn cluster_info(scene: &Scene, node: usize) -> String {
    let side = scene.world.side(node);
    let nodes = side.master.len();
    let owned = (0..SLOTS).filter_map(|slot| side.owner(slot));
    let (mut ok, mut pfail, mut fail) = (0, 0, 0);
    for owner in owned {
        match side.doubt[owner] {
            Doubt::None => ok += 1,
            Doubt::Suspected => pfail += 1,
            Doubt::Failed => fail += 1,
        }
    }
    let masters = (0..nodes).filter(|node| side.master[*node].is_none()).count();
    let state = if side.ok { "ok" } else { "fail" };
    format!(
        "cluster_state:{state}\r\ncluster_slots_assigned:{}\r\ncluster_slots_ok:{ok}\r\ncluster_slots_pfail:{pfail}\r\n\
         cluster_slots_fail:{fail}\r\ncluster_known_nodes:{nodes}\r\ncluster_size:{masters}\r\n\
         cluster_current_epoch:{}\r\ncluster_my_epoch:{}\r\ncluster_stats_messages_sent:1000\r\n\
         cluster_stats_messages_received:1000\r\ntotal_cluster_links_buffer_limit_exceeded:0\r\n",
        ok + pfail + fail,
        side.current_epoch,
        side.epoch[node],
    )
}
