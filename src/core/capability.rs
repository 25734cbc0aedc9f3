//! What a server version can do: the one table that the rest of the code asks.
//!
//! Facts are from the sub command lists of each release branch. Where a build may differ from its version number (ports,
//! forks), the engine probes and falls back; nothing that can lose data is decided from this table alone.

use super::version::{Family, ServerVersion};

/// What a server can do, as far as its version tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// `CLUSTER ADDSLOTSRANGE` (Redis 7.0).
    pub addslots_range: bool,
    /// `CLUSTER MEET ip port bus-port`, and `ip:port@bus-port` in CLUSTER NODES (4.0).
    pub meet_bus_port: bool,
    /// A directive `cluster-port` (7.0).
    pub cluster_port: bool,
    /// `cluster-replica-no-failover` and the other `replica` spellings (5.0).
    pub replica_names: bool,
    /// `repl-diskless-sync-delay` matters by default: the first sync is diskless (7.0).
    pub diskless_by_default: bool,
    /// `protected-mode` (3.2).
    pub protected_mode: bool,
    /// `MIGRATE` of several keys keeps apart what expires and what does not (3.2.7): before, a key without an expiry gets
    /// that of the key before it, and is lost when it comes.
    pub migrate_many_keys: bool,
}

/// The oldest version with cluster support.
pub const OLDEST: (u16, u16, u16) = (3, 0, 0);

impl Capabilities {
    /// What this version can do. Memurai counts as Redis 7.2: its 4.x speaks that dialect (vendor documentation).
    #[must_use]
    pub fn of(version: ServerVersion) -> Self {
        let numbers = match version.family {
            Family::Redis | Family::Valkey => version.numbers(),
            Family::Memurai => (7, 2, 0),
        };
        let at_least = |major, minor| numbers >= (major, minor, 0);
        Self {
            addslots_range: at_least(7, 0),
            meet_bus_port: at_least(4, 0),
            cluster_port: at_least(7, 0),
            replica_names: at_least(5, 0),
            diskless_by_default: at_least(7, 0),
            protected_mode: at_least(3, 2),
            migrate_many_keys: numbers >= (3, 2, 7),
        }
    }

    /// Whether the version has cluster support at all.
    #[must_use]
    pub fn supports_cluster(version: ServerVersion) -> bool {
        version.family == Family::Memurai || version.numbers() >= OLDEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_servers_lack_what_came_later() {
        let old = Capabilities::of(ServerVersion::redis(3, 0, 504));
        assert!(!old.addslots_range && !old.meet_bus_port && !old.protected_mode && !old.replica_names);
        let new = Capabilities::of(ServerVersion::redis(8, 6, 3));
        assert!(new.addslots_range && new.meet_bus_port && new.protected_mode && new.replica_names);
        assert!(!Capabilities::of(ServerVersion::redis(3, 2, 6)).migrate_many_keys);
        assert!(Capabilities::of(ServerVersion::redis(3, 2, 7)).migrate_many_keys && new.migrate_many_keys);
        assert!(!Capabilities::supports_cluster(ServerVersion::redis(2, 8, 19)));
    }
}
