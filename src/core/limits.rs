//! What the clusters of a build of a server can't do, and the settings that they need.
//!
//! Each row was seen: a cluster of six was made of real programs, its masters were killed, its replicas were wiped. Nothing
//! is claimed of versions between or beyond those that were tried, unless they fail for the same reason in the same code.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::build::Build;
use super::capability::Capabilities;
use super::version::ServerVersion;

/// How much a limit matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Good to know; the cluster is whole.
    Note,
    /// Something fails now and then, or is slow.
    Warning,
    /// The cluster lacks what one makes a cluster for.
    Serious,
}

/// Something that a server can't do, or does badly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Older than clusters.
    NoCluster,
    /// Reads no redis.conf, so that it can't be launched here.
    OwnOptions,
    /// Its nodes do not find each other.
    NeverJoins,
    /// No replica takes over by itself when a master is lost.
    NoAutomaticFailover,
    /// Takes over only sometimes; its helper processes crash.
    UnreliableFailover,
    /// A replica that has lost its data, or a new one, does not get a copy of more than a little.
    FullCopyStalls,
    /// Writing the append-only file anew can hang after a replica was copied.
    AppendOnlyHangs,
    /// A replica's data must go by way of a file.
    NoDisklessCopy,
    /// Keys move between nodes one at a time.
    OneKeyAtATime,
    /// Each server sets aside as much of the page file as it may use of memory.
    PageFile,
    /// The server hangs when it is told to listen on a Unix socket.
    UnixSocketHangs,
    /// No cluster of it was tried.
    NotTried,
}

impl Limit {
    /// All of them.
    pub const ALL: [Limit; 12] = [
        Limit::NoCluster,
        Limit::OwnOptions,
        Limit::NeverJoins,
        Limit::NoAutomaticFailover,
        Limit::UnreliableFailover,
        Limit::FullCopyStalls,
        Limit::AppendOnlyHangs,
        Limit::NoDisklessCopy,
        Limit::OneKeyAtATime,
        Limit::PageFile,
        Limit::UnixSocketHangs,
        Limit::NotTried,
    ];

    /// How much it matters.
    #[must_use]
    pub const fn weight(self) -> Weight {
        match self {
            Limit::NoCluster
            | Limit::OwnOptions
            | Limit::NeverJoins
            | Limit::NoAutomaticFailover
            | Limit::UnreliableFailover
            | Limit::FullCopyStalls => Weight::Serious,
            Limit::AppendOnlyHangs | Limit::OneKeyAtATime | Limit::PageFile => Weight::Warning,
            Limit::NoDisklessCopy | Limit::UnixSocketHangs | Limit::NotTried => Weight::Note,
        }
    }

    /// More about it: what was seen, and what helps. In English; the window has its own words.
    #[must_use]
    pub const fn why(self) -> &'static str {
        match self {
            Limit::NoCluster => "Clusters came with Redis 3.0.",
            Limit::OwnOptions => {
                "It takes its settings from the command line. Start it yourself with --cluster, then attach the cluster."
            }
            Limit::NeverJoins => "Its nodes stop reading what the others send them before they have met.",
            Limit::NoAutomaticFailover => {
                "When a master is lost, its slots stay down until someone promotes a replica with CLUSTER FAILOVER TAKEOVER."
            }
            Limit::UnreliableFailover => {
                "Half of the masters that were killed got no successor: writes hang and helper processes crash."
            }
            Limit::FullCopyStalls => "The copy ends after a few kilobytes, so the shard is left without a replica.",
            Limit::AppendOnlyHangs => {
                "Right after a replica was copied, writes may be refused for a while. Without the append-only file it \
                 does not happen."
            }
            Limit::NoDisklessCopy => "Slotdeck writes 'repl-diskless-sync no' into its settings.",
            Limit::OneKeyAtATime => "MIGRATE has no KEYS yet, so that moving slots with many keys takes long.",
            Limit::PageFile => {
                "Many nodes on one machine need a large page file; if it is too small they end with error 0x5AF."
            }
            Limit::UnixSocketHangs => "Leave the directive 'unixsocket' out.",
            Limit::NotTried => "It may work well, and it may lack more than is said here.",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Limit::NoCluster => "no clusters",
            Limit::OwnOptions => "can't be launched by Slotdeck",
            Limit::NeverJoins => "its nodes do not join",
            Limit::NoAutomaticFailover => "no automatic failover",
            Limit::UnreliableFailover => "failover works only sometimes",
            Limit::FullCopyStalls => "replicas can't be copied again",
            Limit::AppendOnlyHangs => "the append-only file can hang",
            Limit::NoDisklessCopy => "replicas are copied by way of a file",
            Limit::OneKeyAtATime => "keys move one at a time",
            Limit::PageFile => "needs much page file",
            Limit::UnixSocketHangs => "no Unix sockets",
            Limit::NotTried => "not tried with clusters",
        })
    }
}

/// What is known that this server can't do, worst first. Empty for a server of which nothing bad is known.
#[must_use]
pub fn limits(build: Build, version: ServerVersion) -> Vec<Limit> {
    let mut limits = Vec::new();
    let mut add = |applies: bool, limit: Limit| {
        if applies {
            limits.push(limit);
        }
    };
    let numbers = version.numbers();
    let zkteco = |from, to| build == Build::Zkteco && (from..=to).contains(&numbers);
    add(!Capabilities::supports_cluster(version), Limit::NoCluster);
    add(build == Build::Garnet, Limit::OwnOptions);
    add(zkteco((8, 2, 2), (8, 2, 2)), Limit::NeverJoins);
    add(is_deaf(build, version) || build == Build::Garnet, Limit::NoAutomaticFailover);
    add(zkteco((6, 2, 6), (6, 2, 6)), Limit::UnreliableFailover);
    add(zkteco((6, 2, 6), (6, 2, 6)) || zkteco((8, 4, 0), LAST_TRIED), Limit::FullCopyStalls);
    add(zkteco((7, 0, 0), LAST_TRIED), Limit::AppendOnlyHangs);
    add(zkteco((7, 4, 2), LAST_TRIED), Limit::NoDisklessCopy);
    add(build == Build::MsOpenTech && numbers < (3, 2, 0), Limit::OneKeyAtATime);
    add(matches!(build, Build::MsOpenTech | Build::Tporadowski), Limit::PageFile);
    add(zkteco((7, 4, 0), LAST_TRIED), Limit::UnixSocketHangs);
    let tried = match build {
        Build::Zkteco => numbers <= LAST_TRIED,
        Build::Upstream | Build::Garnet => true,
        Build::MsOpenTech | Build::Tporadowski | Build::Cygwin | Build::Memurai | Build::Unknown => false,
    };
    add(!tried, Limit::NotTried);
    limits.sort_by_key(|limit| std::cmp::Reverse(limit.weight()));
    limits
}

/// The newest version of zkteco-home's port that was tried.
const LAST_TRIED: (u16, u16, u16) = (8, 8, u16::MAX);

/// Whether the build's cluster bus reads one message of each connection and then no more, until the node timeout cuts
/// it. Pings get by on ever new connections, so the cluster looks well; votes and PUBLISH do not arrive.
fn is_deaf(build: Build, version: ServerVersion) -> bool {
    build == Build::Zkteco && ((7, 4, 2)..=LAST_TRIED).contains(&version.numbers())
}

/// The heaviest of these limits.
#[must_use]
pub fn worst(limits: &[Limit]) -> Option<Weight> {
    limits.iter().map(|limit| limit.weight()).max()
}

/// Whether a replica of this build takes over by itself when its master is lost; `None` where nobody has seen it.
/// Where it does not, `CLUSTER FAILOVER TAKEOVER` on the replica does, for it needs no votes.
#[must_use]
pub fn can_fail_over(build: Build, version: ServerVersion) -> Option<bool> {
    match build {
        Build::Upstream => Some(true),
        Build::Garnet => Some(false),
        Build::Zkteco if is_deaf(build, version) || version.numbers() == (6, 2, 6) => Some(false),
        Build::Zkteco if ((7, 0, 11)..=(7, 4, 0)).contains(&version.numbers()) => Some(true),
        Build::MsOpenTech | Build::Tporadowski | Build::Zkteco | Build::Cygwin | Build::Memurai | Build::Unknown => {
            None
        }
    }
}

/// Why a setting is written that nobody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// This build was seen to fail with the other value.
    SeenToFail,
    /// A port to Windows that was not tried with the other value; this one is safe everywhere.
    NotTried,
}

/// A directive that the server needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Setting {
    /// Its name.
    pub directive: &'static str,
    /// Its value.
    pub value: &'static str,
    /// Why.
    pub reason: Reason,
}

impl Setting {
    /// What the line is for, as a comment of redis.conf says it.
    #[must_use]
    pub const fn comment(&self) -> &'static str {
        match self.reason {
            Reason::SeenToFail => {
                "A new replica gets its data by way of a file: this server fails to send it straight."
            }
            Reason::NotTried => {
                "A new replica gets its data by way of a file: ports to Windows may fail to send it straight."
            }
        }
    }
}

/// The settings that a server must have, for `windows` or not: the build is not always known, the system is.
///
/// Diskless replication is the default from 7.0 on. It sends a copy straight from a forked process, which Windows lacks.
#[must_use]
pub fn settings(build: Build, version: ServerVersion, windows: bool) -> Vec<Setting> {
    let port = match build {
        Build::Upstream => false,
        Build::Unknown => windows,
        Build::MsOpenTech | Build::Tporadowski | Build::Cygwin | Build::Zkteco | Build::Memurai | Build::Garnet => true,
    };
    if !port || !Capabilities::of(version).diskless_by_default {
        return Vec::new();
    }
    let seen = limits(build, version).contains(&Limit::NoDisklessCopy);
    let reason = if seen { Reason::SeenToFail } else { Reason::NotTried };
    vec![Setting { directive: "repl-diskless-sync", value: "no", reason }]
}

#[cfg(test)]
#[path = "limits_tests.rs"]
mod tests;
