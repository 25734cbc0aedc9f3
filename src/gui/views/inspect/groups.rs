//! What a node says, as groups of named values.

use crate::core::answers::{BusLink, Section, Unit, unit_of};
use crate::engine::look::{NodeFacts, Part};
use crate::engine::snapshot::{ClusterView, NodeView};
use crate::gui::format::{self, NONE};
use crate::gui::i18n::tr;
use crate::gui::info_words;
use crate::gui::words;

/// A named value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    pub name: String,
    /// As the server wrote it.
    pub raw: String,
    /// As people read it.
    pub shown: String,
}

impl Fact {
    fn new(name: impl Into<String>, raw: impl Into<String>) -> Self {
        let (name, raw) = (name.into(), raw.into());
        let shown = humane(&name, &raw);
        Self { name, raw, shown }
    }

    /// What it means, as far as that is known.
    pub fn meaning(&self) -> Option<String> {
        info_words::meaning(&self.name)
    }
}

/// Values that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// Tells it from the others.
    pub key: String,
    pub title: String,
    /// The command that told it.
    pub source: &'static str,
    pub facts: Vec<Fact>,
    /// Why there is nothing in it.
    pub missing: Option<String>,
    /// Whether it is long and seldom read: it is folded at first.
    pub is_long: bool,
}

/// Everything that is known, in order.
pub(super) fn groups(cluster: &ClusterView, node: &NodeView, facts: Option<&NodeFacts>) -> Vec<Group> {
    let mut groups = vec![identity(cluster, node)];
    let Some(told) = facts else { return groups };
    let mut rest: Vec<&Section> = told.info.iter().collect();
    for name in ["Replication", "Memory", "Clients", "Stats", "CPU", "Persistence", "Keyspace"] {
        if let Some(at) = rest.iter().position(|section| section.name == name) {
            groups.push(of_section(rest.remove(at), "INFO"));
        }
    }
    groups.push(of_part("own_line", tr!("inspect.own_line"), "CLUSTER NODES", &told.own_line, node));
    groups.push(of_part("cluster_info", tr!("inspect.cluster_info"), "CLUSTER INFO", &told.cluster, node));
    groups.push(of_part("shard", tr!("inspect.shard"), "CLUSTER SHARDS", &told.shard, node));
    groups.push(links(cluster, node, &told.links));
    groups.extend(rest.into_iter().map(|section| of_section(section, "INFO")));
    groups
}

/// What the poll knows: there even while the node does not answer.
fn identity(cluster: &ClusterView, node: &NodeView) -> Group {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
    let master = node.master.as_ref().and_then(|id| cluster.node(id)).map(|master| master.addr.to_string());
    let replicas: Vec<String> =
        node.id.iter().flat_map(|id| cluster.replicas_of(id)).map(|replica| replica.addr.to_string()).collect();
    let mut facts = vec![
        (tr!("nodes.address"), node.addr.to_string()),
        (tr!("nodes.id"), or_none(node.id.as_ref().map(ToString::to_string))),
        (tr!("nodes.role"), or_none(node.role.map(words::role))),
        (tr!("nodes.epoch"), node.epoch.to_string()),
        (tr!("inspect.standing"), words::standing(node.standing).0),
        (tr!("inspect.process"), words::process(&node.process.state).0),
    ];
    if node.master.is_some() {
        facts.insert(3, (tr!("nodes.master"), or_none(master)));
    } else if !replicas.is_empty() {
        facts.insert(3, (tr!("slots.replicas"), replicas.join(", ")));
    }
    if !node.slots.is_empty() {
        let ranges: Vec<String> = node.slots.ranges().iter().map(ToString::to_string).collect();
        facts.push((tr!("nodes.slots"), format!("{} ({})", format::count(node.slots.len() as u64), ranges.join(","))));
    }
    if let Some(stats) = &node.stats {
        facts.push((tr!("inspect.version"), or_none(stats.version.map(|version| version.to_string()))));
    }
    let facts = facts.into_iter().map(|(name, raw)| Fact { name, shown: raw.clone(), raw }).collect();
    let (key, title) = ("identity".to_owned(), tr!("inspect.identity"));
    Group { key, title, source: "", facts, missing: None, is_long: false }
}

fn of_section(section: &Section, source: &'static str) -> Group {
    let facts = section.fields.iter().map(|(name, raw)| Fact::new(name, raw)).collect();
    let is_long = section.name.ends_with("stats") && section.name != "Stats" || section.name == "Modules";
    let (key, title) = (section.name.clone(), info_words::section(&section.name));
    Group { key, title, source, facts, missing: None, is_long }
}

fn of_part(key: &str, title: String, source: &'static str, part: &Part<Section>, node: &NodeView) -> Group {
    let (facts, missing) = match part {
        Ok(section) => (section.fields.iter().map(|(name, raw)| Fact::new(name, raw)).collect(), None),
        Err(why) => (Vec::new(), Some(why_missing(source, why, node))),
    };
    Group { key: key.to_owned(), title, source, facts, missing, is_long: false }
}

/// A command that the server does not have, or does not let us use.
fn why_missing(command: &str, why: &str, node: &NodeView) -> String {
    let version = node.stats.as_ref().and_then(|stats| stats.version);
    match version {
        Some(version) if version.numbers() < (7, 0, 0) && matches!(command, "CLUSTER SHARDS" | "CLUSTER LINKS") => {
            tr!("inspect.since", command = command, since = "7.0", version = version)
        }
        _ => tr!("inspect.refused", why = why),
    }
}

fn links(cluster: &ClusterView, node: &NodeView, part: &Part<Vec<BusLink>>) -> Group {
    let mut facts = Vec::new();
    let missing = match part {
        Err(why) => Some(why_missing("CLUSTER LINKS", why, node)),
        Ok(links) => {
            facts.extend(links.iter().map(|link| {
                let other = cluster.node(&link.node);
                let other = other.map_or_else(|| link.node.short().to_owned(), |other| other.addr.to_string());
                let arrow = if link.outgoing { "→" } else { "←" };
                let waiting = tr!("inspect.link", used = format::bytes(link.waiting), all = format::bytes(link.buffer));
                let raw = format!(
                    "direction {} node {} create-time {} events {} send-buffer-allocated {} send-buffer-used {}",
                    if link.outgoing { "to" } else { "from" },
                    link.node,
                    link.opened_ms,
                    link.events,
                    link.buffer,
                    link.waiting
                );
                Fact { name: format!("{arrow} {other}"), raw, shown: waiting }
            }));
            facts.sort_by(|a: &Fact, b: &Fact| a.name[arrow_len(&a.name)..].cmp(&b.name[arrow_len(&b.name)..]));
            None
        }
    };
    let is_long = facts.len() > 24;
    Group { key: "links".to_owned(), title: tr!("inspect.links"), source: "CLUSTER LINKS", facts, missing, is_long }
}

/// Where the address begins.
fn arrow_len(name: &str) -> usize {
    name.find(' ').map_or(0, |at| at + 1)
}

/// A value with its unit; texts stay as they are.
fn humane(name: &str, raw: &str) -> String {
    let Ok(number) = raw.parse::<u64>() else { return raw.to_owned() };
    let secs = std::time::Duration::from_secs;
    match unit_of(name) {
        Unit::Bytes => format::bytes(number),
        Unit::Seconds if number < 60 => format!("{number} s"),
        Unit::Seconds => format::took(secs(number)),
        Unit::Millis => format!("{} ms", format::count(number)),
        Unit::Micros => format!("{} µs", format::count(number)),
        Unit::Time if number > 0 => format::date_clock(std::time::SystemTime::UNIX_EPOCH + secs(number.min(1 << 40))),
        Unit::Count => format::count(number),
        Unit::Time | Unit::Plain => raw.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_units_and_texts_stay() {
        format::show_utc(true);
        for (name, raw, shown) in [
            ("used_memory", "1572864", "1.5 MiB"),
            ("uptime_in_seconds", "59", "59 s"),
            ("uptime_in_seconds", "185", "3 min 5 s"),
            ("total_commands_processed", "1234567", "1,234,567"),
            ("rdb_last_save_time", "1760000000", "2025-10-09 08:53:20"),
            ("tcp_port", "7000", "7000"),
            ("maxmemory_policy", "noeviction", "noeviction"),
            ("repl_backlog_first_byte_offset", "-1", "-1"),
        ] {
            assert_eq!(Fact::new(name, raw).shown, shown, "{name}");
        }
    }
}
