//! From INFO replies to the rows of a cluster's history.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use crate::core::history::{Counters, Metric, Rates, Row, Sample};
use crate::core::topology::{NodeAddr, Role};

use super::assemble::Known;
use super::poll::Asked;
use super::snapshot::{NodeView, Setting};

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
        let read = counters(info, SystemTime::UNIX_EPOCH + Duration::from_millis(5), Asked { connection: 4, sent: 33 });
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
