//! What is known about every redis.conf directive: which servers know it, what its value looks like, whether it may
//! stand several times.

use super::directive_rows::ROWS;
use crate::core::version::{Family, ServerVersion};

/// A release by its first two numbers.
pub type Release = (u16, u16);

/// The newest releases that the table was read from: what it does not list may be known to newer ones.
pub const NEWEST_REDIS: Release = (8, 6);
/// As [`NEWEST_REDIS`], for Valkey.
pub const NEWEST_VALKEY: Release = (9, 1);
/// The release whose directives Memurai knows, as far as its maker tells.
const MEMURAI_SPEAKS: Release = (7, 2);

/// What the arguments of a directive look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `yes` or `no`.
    Flag,
    /// One whole number.
    Integer,
    /// One amount of memory, such as `64mb`.
    Memory,
    /// One argument of another kind.
    Text,
    /// Any number of arguments.
    Words,
}

/// Whether a server knows a directive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It does.
    Yes,
    /// It does not, and so refuses to start.
    No,
    /// It may: the server is newer than the table, or of a kind that the table can't tell, or the name belongs to a
    /// module.
    Perhaps,
}

/// A directive. One that has two names has two rows.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Its name, in lower case.
    pub name: &'static str,
    /// What its arguments look like.
    pub shape: Shape,
    /// The name of the same setting that newer Redis servers list; the name itself where there is one only.
    pub canonical: &'static str,
    servers: Servers,
}

/// Which servers know a directive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Servers {
    redis_since: Option<Release>,
    redis_until: Option<Release>,
    valkey_since: Option<Release>,
    windows_only: bool,
}

const NOBODY: Servers = Servers { redis_since: None, redis_until: None, valkey_since: None, windows_only: false };

/// Redis from this release on, and every Valkey.
pub(super) const fn both(major: u16, minor: u16) -> Servers {
    each((major, minor), (7, 2))
}

/// Redis and Valkey from these releases on.
pub(super) const fn each(redis: Release, valkey: Release) -> Servers {
    Servers { redis_since: Some(redis), valkey_since: Some(valkey), ..NOBODY }
}

/// Redis alone, from this release on.
pub(super) const fn redis(major: u16, minor: u16) -> Servers {
    Servers { redis_since: Some((major, minor)), ..NOBODY }
}

/// Redis alone, from this release on and before that one.
pub(super) const fn redis_until(since: Release, until: Release) -> Servers {
    Servers { redis_since: Some(since), redis_until: Some(until), ..NOBODY }
}

/// Valkey alone, from this release on.
pub(super) const fn valkey(major: u16, minor: u16) -> Servers {
    Servers { valkey_since: Some((major, minor)), ..NOBODY }
}

/// The old ports of Redis to Windows.
pub(super) const fn windows_port() -> Servers {
    Servers { redis_since: Some((3, 0)), windows_only: true, ..NOBODY }
}

/// A row under its own name.
pub(super) const fn row(name: &'static str, shape: Shape, servers: Servers) -> Row {
    Row { name, shape, canonical: name, servers }
}

impl Row {
    /// The row as another name of that setting.
    pub(super) const fn same_as(self, canonical: &'static str) -> Self {
        Self { canonical, ..self }
    }

    /// Whether several lines of this directive add up; of any other, the last line counts.
    #[must_use]
    pub fn repeats(&self) -> bool {
        matches!(
            self.name,
            "save" | "rename-command" | "client-output-buffer-limit" | "user" | "loadmodule" | "include"
        )
    }

    fn known_by(&self, family: Family, release: Release) -> bool {
        if self.servers.windows_only && !cfg!(windows) {
            return false;
        }
        let (since, until) = match family {
            Family::Valkey => (self.servers.valkey_since, None),
            Family::Redis | Family::Memurai => (self.servers.redis_since, self.servers.redis_until),
        };
        since.is_some_and(|since| release >= since) && until.is_none_or(|until| release < until)
    }
}

/// The row of a directive; upper and lower case are the same to the server.
#[must_use]
pub fn find(name: &str) -> Option<&'static Row> {
    let name = name.to_ascii_lowercase();
    ROWS.binary_search_by(|row| row.name.cmp(&name)).ok().and_then(|at| ROWS.get(at))
}

/// The one name of a setting, in lower case, whichever of its names this is.
#[must_use]
pub fn canonical(name: &str) -> String {
    find(name).map_or_else(|| name.to_ascii_lowercase(), |row| row.canonical.to_owned())
}

/// Whether this server knows the directive; without a version, whether any server does.
#[must_use]
pub fn known(name: &str, version: Option<ServerVersion>) -> Known {
    if may_be_a_modules(name, version) {
        return Known::Perhaps;
    }
    let row = find(name);
    let Some(version) = version else { return if row.is_some() { Known::Yes } else { Known::Perhaps } };
    let release = match version.family {
        Family::Memurai => MEMURAI_SPEAKS,
        Family::Redis | Family::Valkey => (version.major, version.minor),
    };
    if row.is_some_and(|row| row.known_by(version.family, release)) {
        return Known::Yes;
    }
    let told = match version.family {
        Family::Redis => release <= NEWEST_REDIS,
        Family::Valkey => release <= NEWEST_VALKEY,
        Family::Memurai => false,
    };
    if told { Known::No } else { Known::Perhaps }
}

/// Modules bring directives of their own: `name.setting` (Redis 7.0), and those that come with Redis 8 without a dot.
fn may_be_a_modules(name: &str, version: Option<ServerVersion>) -> bool {
    let name = name.to_ascii_lowercase();
    let from = |major| version.is_none_or(|v| v.family != Family::Redis || v.major >= major);
    (name.contains('.') && from(7))
        || (version.is_none_or(|v| v.family == Family::Redis)
            && from(8)
            && ["search-", "ts-", "bf-", "cf-"].iter().any(|prefix| name.starts_with(prefix)))
}

/// The `maxmemory-policy` values of a server, or of the newest ones.
#[must_use]
pub fn maxmemory_policies(version: Option<ServerVersion>) -> Vec<&'static str> {
    let mut policies =
        vec!["noeviction", "allkeys-lru", "volatile-lru", "allkeys-random", "volatile-random", "volatile-ttl"];
    let redis =
        |major, minor| version.is_none_or(|v| v.family == Family::Redis && (v.major, v.minor) >= (major, minor));
    if redis(4, 0) || version.is_some_and(|v| v.family != Family::Redis) {
        policies.extend(["allkeys-lfu", "volatile-lfu"]);
    }
    if redis(8, 6) {
        policies.extend(["allkeys-lrm", "volatile-lrm"]);
    }
    policies
}

/// Reads an amount of memory as redis.conf writes it, in bytes: `1k` is 1000, `1kb` is 1024, and so on with `m`, `mb`,
/// `g`, `gb`; a plain number or `b` counts bytes; upper and lower case are the same. `None` where it is none, or more
/// than 64 bits hold.
#[must_use]
pub fn memory_size(text: &str) -> Option<u64> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(unit_at);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: ServerVersion = ServerVersion::redis(3, 0, 504);
    const SEVEN: ServerVersion = ServerVersion::redis(7, 0, 15);

    #[test]
    fn the_table_is_sorted_so_that_names_are_found() {
        assert!(ROWS.windows(2).all(|pair| pair[0].name < pair[1].name));
        assert!(ROWS.iter().all(|row| row.name == row.name.to_ascii_lowercase()));
        assert!(ROWS.iter().all(|row| find(row.canonical).is_some()));
        assert_eq!(find("AppendOnly").unwrap().name, "appendonly");
    }

    #[test]
    fn a_directive_is_known_from_its_release_on() {
        let cases = [
            ("port", OLD, Known::Yes),
            ("protected-mode", OLD, Known::No),
            ("protected-mode", ServerVersion::redis(3, 2, 100), Known::Yes),
            ("replica-priority", ServerVersion::redis(4, 0, 14), Known::No),
            ("slave-priority", ServerVersion::redis(4, 0, 14), Known::Yes),
            ("slave-priority", ServerVersion::valkey(9, 1, 2), Known::Yes),
            ("gopher-enabled", ServerVersion::redis(6, 2, 5), Known::Yes),
            ("gopher-enabled", SEVEN, Known::No),
            ("primaryauth", SEVEN, Known::No),
            ("primaryauth", ServerVersion::valkey(8, 0, 0), Known::Yes),
            ("cluster-slot-migration-handoff-max-lag-bytes", ServerVersion::redis(8, 4, 0), Known::Yes),
            ("no-such-thing", SEVEN, Known::No),
            ("no-such-thing", ServerVersion::redis(9, 0, 0), Known::Perhaps),
            ("no-such-thing", ServerVersion::valkey(10, 0, 0), Known::Perhaps),
            ("search.timeout", SEVEN, Known::Perhaps),
            ("search-timeout", ServerVersion::redis(8, 0, 0), Known::Perhaps),
            ("search-timeout", SEVEN, Known::No),
        ];
        for (name, version, expected) in cases {
            assert_eq!(known(name, Some(version)), expected, "{name} on {version}");
        }
    }

    #[test]
    fn both_names_of_a_setting_are_the_same_setting() {
        assert_eq!(canonical("slave-priority"), canonical("REPLICA-priority"));
        assert_eq!(canonical("primaryauth"), "masterauth");
        assert_eq!(canonical("what-is-this"), "what-is-this");
    }

    #[test]
    fn memory_is_read_as_the_server_reads_it() {
        let good = [("0", 0), ("100", 100), ("1B", 1), ("1k", 1000), ("1kb", 1024), ("2MB", 2 << 20), ("1gB", 1 << 30)];
        for (text, bytes) in good {
            assert_eq!(memory_size(text), Some(bytes), "{text}");
        }
        for text in ["", "mb", "-1", "1 gb", "1tb", "1.5gb", " 1", "99999999999999999999", "18446744073709551615gb"] {
            assert_eq!(memory_size(text), None, "{text}");
        }
    }

    #[test]
    fn policies_grow_with_the_versions() {
        assert!(!maxmemory_policies(Some(OLD)).contains(&"allkeys-lfu"));
        assert!(maxmemory_policies(Some(SEVEN)).contains(&"allkeys-lfu"));
        assert!(maxmemory_policies(Some(ServerVersion::valkey(9, 1, 2))).contains(&"allkeys-lfu"));
        assert!(maxmemory_policies(Some(ServerVersion::redis(8, 6, 3))).contains(&"allkeys-lrm"));
        assert!(!maxmemory_policies(Some(ServerVersion::valkey(9, 1, 2))).contains(&"allkeys-lrm"));
    }
}
