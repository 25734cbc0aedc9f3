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

    /// Whether nodes of these versions understand each other on the cluster bus: its messages changed in 4.0
    /// (`CLUSTER_PROTO_VER` 0 and 1), and those of the other version are dropped without a word.
    #[must_use]
    pub fn share_a_bus(one: ServerVersion, other: ServerVersion) -> bool {
        Self::of(one).meet_bus_port == Self::of(other).meet_bus_port
    }

    /// Whether a server of the first version can read the data of one of the second: as its replica, or as the target
    /// of a key that moves. Each reads its own format (`RDB_VERSION`) and older ones; Valkey 9 and Redis after 7.2 went
    /// different ways from format 11. The formats are those that real servers wrote.
    #[must_use]
    pub fn can_read(reader: ServerVersion, writer: ServerVersion) -> bool {
        let (own, other) = (rdb_version(reader), rdb_version(writer));
        let foreign = match reader.family {
            Family::Valkey => 12..VALKEY_RDB,
            Family::Redis | Family::Memurai => VALKEY_RDB..u16::MAX,
        };
        other <= own && !foreign.contains(&other)
    }

    /// Whether the version has cluster support at all.
    #[must_use]
    pub fn supports_cluster(version: ServerVersion) -> bool {
        version.family == Family::Memurai || version.numbers() >= OLDEST
    }
}

/// The first format that Valkey does not share with Redis (9.0).
const VALKEY_RDB: u16 = 80;

/// The format of the data that a version writes.
fn rdb_version(version: ServerVersion) -> u16 {
    let numbers = match version.family {
        Family::Memurai => (7, 2, 0),
        Family::Valkey if version.major >= 9 => return VALKEY_RDB,
        Family::Valkey => return 11,
        Family::Redis => version.numbers(),
    };
    match (numbers.0, numbers.1) {
        (0..=2, _) | (3, 0 | 1) => 6,
        (3, _) => 7,
        (4, _) => 8,
        (5 | 6, _) => 9,
        (7, 0 | 1) => 10,
        (7, 2 | 3) => 11,
        (7, _) | (8, 0..=3) => 12,
        _ => 13,
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

    #[test]
    fn who_can_read_whose_data() {
        let redis = |major, minor| ServerVersion::redis(major, minor, 0);
        let valkey = |major, minor| ServerVersion::valkey(major, minor, 0);
        for (reader, writer, can) in [
            (redis(8, 6), redis(7, 0), true),
            (redis(7, 0), redis(8, 0), false),
            (redis(6, 2), redis(5, 0), true),
            (redis(6, 2), redis(7, 0), false),
            (valkey(8, 1), redis(7, 2), true),
            (valkey(8, 1), redis(7, 4), false),
            (valkey(9, 1), redis(7, 4), false),
            (valkey(9, 1), valkey(8, 0), true),
            (redis(8, 6), valkey(8, 1), true),
            (redis(8, 6), valkey(9, 0), false),
        ] {
            assert_eq!(Capabilities::can_read(reader, writer), can, "{reader} reads {writer}");
        }
        assert!(!Capabilities::share_a_bus(redis(3, 2), redis(4, 0)));
        assert!(Capabilities::share_a_bus(redis(4, 0), valkey(9, 0)));
    }
}
