//! What a server calls itself: family and version, read from `redis-server --version` or INFO.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which program family a server belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Redis by Redis Ltd. and its Windows ports.
    Redis,
    /// Valkey.
    Valkey,
    /// Memurai for Windows (numbers of its own; speaks Redis 7.2 or so).
    Memurai,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::Redis => "Redis",
            Family::Valkey => "Valkey",
            Family::Memurai => "Memurai",
        })
    }
}

/// A server's family and version number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ServerVersion {
    /// Program family.
    pub family: Family,
    /// First number.
    pub major: u16,
    /// Second number.
    pub minor: u16,
    /// Third number.
    pub patch: u16,
}

impl ServerVersion {
    /// A Redis of this version.
    #[must_use]
    pub const fn redis(major: u16, minor: u16, patch: u16) -> Self {
        Self { family: Family::Redis, major, minor, patch }
    }

    /// A Valkey of this version.
    #[must_use]
    pub const fn valkey(major: u16, minor: u16, patch: u16) -> Self {
        Self { family: Family::Valkey, major, minor, patch }
    }

    /// The three numbers, for comparisons within a family.
    #[must_use]
    pub const fn numbers(self) -> (u16, u16, u16) {
        (self.major, self.minor, self.patch)
    }

    /// Reads the line that `redis-server --version` prints: `Redis server v=7.0.15 sha=…`, `Valkey server v=9.1.2 …`,
    /// `Memurai server v=4.1.2 …`. `None` where the text is no such line.
    #[must_use]
    pub fn parse_version_output(text: &str) -> Option<Self> {
        text.lines().find_map(|line| {
            let (name, rest) = line.trim().split_once(" server v=")?;
            let family = match name.rsplit(' ').next()?.to_ascii_lowercase().as_str() {
                "redis" => Family::Redis,
                "valkey" => Family::Valkey,
                name if name.starts_with("memurai") => Family::Memurai,
                _ => return None,
            };
            Self::with_numbers(family, rest.split_whitespace().next()?)
        })
    }

    /// Reads `redis_version` / `valkey_version` / `server_name` from an INFO reply.
    #[must_use]
    pub fn parse_info(info: &str) -> Option<Self> {
        let field = |name: &str| info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'));
        match (field("valkey_version"), field("memurai_version"), field("redis_version")) {
            (Some(version), _, _) => Self::with_numbers(Family::Valkey, version),
            (None, Some(version), _) => Self::with_numbers(Family::Memurai, version),
            (None, None, Some(version)) => Self::with_numbers(Family::Redis, version),
            (None, None, None) => None,
        }
    }

    fn with_numbers(family: Family, text: &str) -> Option<Self> {
        let mut numbers = text.split(['.', '-']).map(|part| part.parse::<u16>().ok());
        let major = numbers.next()??;
        let minor = numbers.next().flatten().unwrap_or(0);
        let patch = numbers.next().flatten().unwrap_or(0);
        Some(Self { family, major, minor, patch })
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}.{}.{}", self.family, self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_lines_of_real_servers_are_read() {
        let cases = [
            (
                "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=ae4d7c971a948f0",
                ServerVersion::redis(7, 0, 15),
            ),
            (
                "Redis server v=3.0.504 sha=00000000:0 malloc=jemalloc-3.6.0 bits=64 build=a4f7a6e86f2d60b3",
                ServerVersion::redis(3, 0, 504),
            ),
            (
                "Valkey server v=9.1.2 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=1",
                ServerVersion::valkey(9, 1, 2),
            ),
            ("Redis server v=8.10 sha=0", ServerVersion::redis(8, 10, 0)),
        ];
        for (line, version) in cases {
            assert_eq!(ServerVersion::parse_version_output(line), Some(version), "{line}");
        }
        assert_eq!(ServerVersion::parse_version_output("GNU bash, version 5.2"), None);
        assert_eq!(ServerVersion::parse_version_output(""), None);
    }

    #[test]
    fn valkey_is_told_from_the_redis_version_it_also_reports() {
        let info = "# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\n";
        assert_eq!(ServerVersion::parse_info(info), Some(ServerVersion::valkey(8, 1, 1)));
    }
}
