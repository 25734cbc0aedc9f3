//! From INFO replies to figures, and to the rows of a cluster's history.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::core::build::Build;
use crate::core::history::{Counters, Metric, Rates, Row, Sample};
use crate::core::topology::{NodeAddr, Role};
use crate::core::version::ServerVersion;

use super::assemble::Known;
use super::poll::Asked;
use super::snapshot::{NodeView, Setting};

/// What an INFO reply says at one moment, as far as it is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Keys in all databases.
    pub keys: u64,
    /// `used_memory`, bytes.
    pub used_memory: u64,
    /// `instantaneous_ops_per_sec`.
    pub ops_per_sec: u64,
    /// `connected_clients`.
    pub clients: u64,
    /// `slave_repl_offset`, of a replica.
    pub copied: Option<u64>,
    /// `master_repl_offset`.
    pub written: Option<u64>,
    /// For a replica: seconds since the master was last heard.
    pub silent_secs: Option<u64>,
    /// For a replica: whether it has had no link to its master since it started.
    pub never_linked: bool,
    /// The server's version.
    pub version: Option<ServerVersion>,
    /// Whose build it is.
    pub build: Build,
    /// `process_id`.
    pub process_id: Option<u32>,
    /// `uptime_in_seconds`.
    pub uptime: Duration,
    /// As [`Facts::part_of`]: what changes when a node gets another part to play.
    pub part: [String; 3],
}

impl Facts {
    /// Reads an INFO reply, mostly in one walk.
    #[must_use]
    pub fn read(info: &str) -> Self {
        let silence = super::failover::silence(info);
        let mut facts = Self {
            silent_secs: silence.0,
            never_linked: silence.1,
            keys: super::inspect::keys_in(info),
            version: ServerVersion::parse_info(info),
            build: Build::of_info(info),
            part: Self::part_of(info),
            ..Self::default()
        };
        for (name, value) in info.lines().filter_map(|line| line.split_once(':')) {
            let value = value.trim_end();
            let number = || value.parse::<u64>().ok();
            match name {
                "used_memory" => facts.used_memory = number().unwrap_or(0),
                "instantaneous_ops_per_sec" => facts.ops_per_sec = number().unwrap_or(0),
                "connected_clients" => facts.clients = number().unwrap_or(0),
                "slave_repl_offset" => facts.copied = number(),
                "master_repl_offset" => facts.written = number(),
                "process_id" => facts.process_id = value.parse().ok(),
                "uptime_in_seconds" => facts.uptime = Duration::from_secs(number().unwrap_or(0)),
                _ => {}
            }
        }
        facts
    }

    /// `role`, `master_host` and `master_port` of an INFO reply, which lists them one after the other.
    #[must_use]
    pub fn part_of(info: &str) -> [String; 3] {
        let from = info.find("\nrole:").map_or(0, |at| at + 1);
        let mut lines = info[from..].lines().take(3).map(|line| line.split_once(':').unwrap_or_default());
        ["role", "master_host", "master_port"].map(|wanted| match lines.next() {
            Some((name, value)) if name == wanted => value.to_owned(),
            _ => String::new(),
        })
    }
}

/// The counters in an INFO reply that was asked for so.
#[must_use]
pub fn counters(info: &str, at: SystemTime, asked: Asked) -> Counters {
    let (source, own_commands) = (asked.connection, asked.sent);
    let mut counters = Counters { at_ms: millis(at), source, own_commands, ..Counters::default() };
    for (name, value) in info.lines().filter_map(|line| line.split_once(':')) {
        let field = match name {
            "total_commands_processed" => &mut counters.commands,
            "connected_slaves" => &mut counters.replicas,
            "keyspace_hits" => &mut counters.hits,
            "keyspace_misses" => &mut counters.misses,
            "total_net_input_bytes" => &mut counters.net_in,
            "total_net_output_bytes" => &mut counters.net_out,
            "used_cpu_sys" | "used_cpu_user" => {
                counters.cpu_us += micros(value.trim_end());
                continue;
            }
            _ => continue,
        };
        *field = value.trim_end().parse().unwrap_or(0);
    }
    counters
}

/// `1.234567` seconds as microseconds.
fn micros(secs: &str) -> u64 {
    let (whole, part) = secs.split_once('.').unwrap_or((secs, ""));
    let digit = |i: usize| part.as_bytes().get(i).map_or(0, |digit| u64::from(digit.saturating_sub(b'0')));
    let fraction = (0..6).fold(0, |value, i| value * 10 + digit(i));
    whole.parse::<u64>().unwrap_or(0) * 1_000_000 + fraction
}

/// The settings in an INFO reply whose change is worth an event, in the order of the reply.
#[must_use]
pub fn settings(info: &str) -> Vec<Setting> {
    const TOLD: [&str; 10] = [
        "redis_version",
        "valkey_version",
        "config_file",
        "configured_hz",
        "maxclients",
        "maxmemory",
        "maxmemory_policy",
        "aof_enabled",
        "rdb_last_bgsave_status",
        "aof_last_write_status",
    ];
    let line = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let name = TOLD.into_iter().find(|told| *told == name)?;
        Some((name, value.trim_end().to_owned()))
    };
    info.lines().filter_map(line).collect()
}

/// Milliseconds since 1970.
#[must_use]
pub fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// What the nodes say at this moment, as a row of the history. Nodes that do not answer have no figures in it.
#[must_use]
pub fn history_row(nodes: &[NodeView], known: &BTreeMap<NodeAddr, Known>, at: SystemTime) -> Row {
    let rates = |node: &NodeView| known.get(&node.addr).and_then(|k| k.rates.as_ref()).filter(|_| !node.is_stale());
    let samples: Vec<Sample> = nodes.iter().map(|node| sample(node, rates(node))).collect();
    let total = total(nodes, &samples, nodes.iter().filter_map(rates));
    let addrs: Arc<[NodeAddr]> = nodes.iter().map(|node| node.addr.clone()).collect();
    Row::new(millis(at), total, addrs, samples)
}

fn sample(node: &NodeView, rates: Option<&Rates>) -> Sample {
    let Some(stats) = node.stats.as_ref().filter(|_| !node.is_stale()) else { return Sample::default() };
    rates
        .map_or_else(Sample::default, |rates| rates.sample)
        .with(Metric::Memory, Some(stats.used_memory as f32))
        .with(Metric::Keys, Some(stats.keys as f32))
        .with(Metric::Clients, Some(stats.clients as f32))
        .with(Metric::Lag, stats.lag_bytes.map(|lag| lag as f32))
}

/// The whole cluster: the commands and keys of those that serve slots (replicas repeat them), the sum of what each
/// node uses, the largest lag.
fn total<'a>(nodes: &[NodeView], samples: &[Sample], rates: impl Iterator<Item = &'a Rates>) -> Sample {
    let serves = |node: &NodeView| node.role == Some(Role::Master) && !node.slots.is_empty();
    let sum = |metric: Metric, only_serving: bool| {
        let counted = nodes.iter().zip(samples).filter(|(node, _)| !only_serving || serves(node));
        counted.filter_map(|(_, sample)| sample.get(metric)).reduce(|a, b| a + b)
    };
    let (hits, lookups) = rates.fold((0.0, 0.0), |(hits, all), rates| (hits + rates.hits, all + rates.lookups));
    let lag = samples.iter().filter_map(|sample| sample.get(Metric::Lag)).reduce(f32::max);
    let mut total =
        Sample::default().with(Metric::HitRate, (lookups > 0.0).then(|| hits * 100.0 / lookups)).with(Metric::Lag, lag);
    for metric in [Metric::Ops, Metric::Keys] {
        total = total.with(metric, sum(metric, true));
    }
    for metric in [Metric::Memory, Metric::Clients, Metric::NetIn, Metric::NetOut, Metric::Cpu] {
        total = total.with(metric, sum(metric, false));
    }
    total
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn counters_are_read_from_info() {
        let info = "# Stats\r\ntotal_commands_processed:120\r\nkeyspace_hits:7\r\nkeyspace_misses:3\r\n\
                    total_net_input_bytes:900\r\ntotal_net_output_bytes:800\r\nconnected_slaves:2\r\n\
                    used_cpu_sys:1.5\r\nused_cpu_user:0.000250\r\nused_cpu_sys_children:9.0\r\n";
        let asked = Asked { connection: 4, sent: 33, ..Asked::default() };
        let read = counters(info, SystemTime::UNIX_EPOCH + Duration::from_millis(5), asked);
        let expected = Counters {
            at_ms: 5,
            source: 4,
            commands: 120,
            own_commands: 33,
            replicas: 2,
            hits: 7,
            misses: 3,
            net_in: 900,
            net_out: 800,
            cpu_us: 1_500_250,
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn settings_are_read_from_info_and_figures_are_not() {
        let info = "redis_version:7.0.15\r\nuptime_in_seconds:4\r\nmaxmemory:1048576\r\nmaxmemory_human:1.00M\r\n";
        let read = settings(info);
        assert_eq!(read, [("redis_version", "7.0.15".to_owned()), ("maxmemory", "1048576".to_owned())]);
    }

    #[test]
    fn seconds_of_any_length_become_microseconds() {
        assert_eq!(["0", "2", "0.5", "12.3456789", "x"].map(micros), [0, 2_000_000, 500_000, 12_345_678, 0]);
    }
}
