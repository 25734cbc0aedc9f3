//! CONFIG GET *: the settings of a node beside those of its peers. Secrets are compared and never shown.

use std::collections::BTreeMap;

use super::reply::Reply;
use crate::core::secret::Secret;

/// All settings of one node, by name. Values are kept as secrets until it is clear which may be shown.
pub type Told = BTreeMap<String, Secret>;

/// How many settings are kept.
const MOST: usize = 2000;

/// Reads CONFIG GET.
#[must_use]
pub fn read_config(reply: &Reply) -> Told {
    let setting = |(name, value): (std::borrow::Cow<'_, str>, &Reply)| {
        Some((name.to_lowercase(), Secret::new(value.text()?.into_owned())))
    };
    reply.pairs().filter_map(setting).take(MOST).collect()
}

/// Whether a setting of this name must not be shown: passwords, and the users that go with them.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let ends = ["pass", "auth", "password", "secret", "masteruser", "primaryuser", "token"];
    ends.iter().any(|end| name.ends_with(end)) || name.contains("password") || name.contains("secret")
}

/// Whether a setting is different on each node on purpose: its ports, places, names and what it copies.
#[must_use]
pub fn must_differ(name: &str) -> bool {
    const NAMES: [&str; 17] = [
        "port",
        "tls-port",
        "cluster-port",
        "dir",
        "logfile",
        "pidfile",
        "unixsocket",
        "aclfile",
        "bind",
        "bind-source-addr",
        "cluster-config-file",
        "slaveof",
        "replicaof",
        "primaryof",
        "syslog-ident",
        "availability-zone",
        "crash-memcheck-file",
    ];
    let starts = ["cluster-announce-", "replica-announce-", "slave-announce-", "tls-cert-file", "tls-key-file"];
    NAMES.contains(&name)
        || starts.iter().any(|start| name.starts_with(start) && name != "replica-announced" && !is_secret(name))
}

/// A value as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    /// It is what it is.
    Plain(String),
    /// A secret that is set.
    Hidden,
    /// The node has no such setting.
    Missing,
}

/// One setting of a node, beside its peers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<P> {
    /// Its name.
    pub name: String,
    /// Its value here.
    pub value: Shown,
    /// Which peers have another value, and which; empty where all agree.
    pub others: Vec<(P, Shown)>,
    /// Whether it is different on each node on purpose, and so never counts as a difference.
    pub own: bool,
}

impl<P> Setting<P> {
    /// Whether a peer has another value, and should not.
    #[must_use]
    pub fn differs(&self) -> bool {
        !self.own && !self.others.is_empty()
    }
}

/// Every setting of a node, in order, with what its peers have instead. Settings that only peers have are listed too.
#[must_use]
pub fn compare<P: Clone>(own: &Told, peers: &[(P, Told)]) -> Vec<Setting<P>> {
    let mut names: Vec<&String> = own.keys().collect();
    for (_, told) in peers {
        names.extend(told.keys().filter(|name| !own.contains_key(*name)));
    }
    names.sort();
    names.dedup();
    let setting = |name: &String| {
        let here = own.get(name);
        let other = |(peer, told): &(P, Told)| {
            let there = told.get(name);
            (there != here).then(|| (peer.clone(), shown(name, there)))
        };
        Setting {
            name: name.clone(),
            value: shown(name, here),
            others: if must_differ(name) { Vec::new() } else { peers.iter().filter_map(other).collect() },
            own: must_differ(name),
        }
    };
    names.into_iter().map(setting).collect()
}

fn shown(name: &str, value: Option<&Secret>) -> Shown {
    match value {
        None => Shown::Missing,
        Some(secret) if is_secret(name) && !secret.is_empty() => Shown::Hidden,
        Some(secret) => Shown::Plain(secret.expose().to_owned()),
    }
}
