//! Who built a server program: the makers' own sources on Unix, or one of the ports to Windows.
//!
//! A version number is not enough on Windows. Several people have ported Redis there, each in a way of its own, and two
//! programs that both call themselves 7.4.2 may differ in what a cluster of them can do ([`limits`](super::limits)). This
//! page tells them apart, by what a file holds, by what lies beside it, and by what a running server says of itself.
//! Where no sign fits, the answer is [`Build::Unknown`]: nothing is claimed of a build that was not recognised.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::version::{Family, ServerVersion};

/// Whose build a server program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Build {
    /// Compiled from the makers' sources for a system that these support: Linux, macOS, BSD.
    Upstream,
    /// The port of Microsoft Open Technologies, 2.8 and 3.x; also in `winget install Redis.Redis`.
    MsOpenTech,
    /// The port that tporadowski went on with, 4.x and 5.x.
    Tporadowski,
    /// Compiled against msys2 or Cygwin, as redis-windows does from 6 on; also in `scoop install redis`.
    Cygwin,
    /// The native port of zkteco-home, 6.2 to 8.x.
    Zkteco,
    /// Memurai.
    Memurai,
    /// Microsoft's Garnet: another program that speaks the same protocol.
    Garnet,
    /// None of these, or not known yet.
    #[default]
    Unknown,
}

impl fmt::Display for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Build::Upstream => "original",
            Build::MsOpenTech => "MSOpenTech port",
            Build::Tporadowski => "tporadowski port",
            Build::Cygwin => "msys2/Cygwin build",
            Build::Zkteco => "zkteco-home port",
            Build::Memurai => "Memurai",
            Build::Garnet => "Garnet",
            Build::Unknown => "unknown build",
        })
    }
}

/// What was seen of a program file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// What it printed when it was asked for its version.
    pub version_output: String,
    /// What its bytes hold; `None` for a file that is no Windows program.
    pub marks: Option<Marks>,
    /// The names of the files in its folder.
    pub beside: Vec<String>,
}

/// Signs in the bytes of a Windows program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks {
    /// It asks for the library of msys2 or Cygwin.
    pub cygwin: bool,
    /// It names the event loop of the native ports, all of which descend from the first one.
    pub native_port: bool,
    /// It names zkteco-home: in the paths of its sources, or as the company in its version resource.
    pub zkteco: bool,
}

/// How a Windows program begins.
const PROGRAM_HEAD: &[u8] = b"MZ";

impl Marks {
    /// Looks through the bytes of a program; `None` where they are no Windows program's.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        bytes.starts_with(PROGRAM_HEAD).then(|| Self {
            cygwin: holds(bytes, b"msys-2.0.dll") || holds(bytes, b"cygwin1.dll"),
            native_port: holds(bytes, b"WinSock_IOCP"),
            zkteco: holds(bytes, b"zkteco_redis") || holds(bytes, &wide("ZKTeco")),
        })
    }
}

/// A text as version resources hold it: two bytes a letter.
fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    let Some((first, rest)) = wanted.split_first() else { return true };
    let mut from = 0;
    while let Some(at) = bytes.get(from..).and_then(|bytes| bytes.iter().position(|byte| byte == first)) {
        from += at + 1;
        if bytes.get(from..).is_some_and(|bytes| bytes.starts_with(rest)) {
            return true;
        }
    }
    false
}

impl Build {
    /// Whose build a program file is.
    #[must_use]
    pub fn of_program(evidence: &Evidence) -> Self {
        if garnet_version(&evidence.version_output).is_some() {
            return Build::Garnet;
        }
        let Some(version) = ServerVersion::parse_version_output(&evidence.version_output) else {
            return Build::Unknown;
        };
        let Some(marks) = evidence.marks else { return Build::Upstream };
        let beside = |name: &str| evidence.beside.iter().any(|file| file.eq_ignore_ascii_case(name));
        if version.family == Family::Memurai {
            Build::Memurai
        } else if marks.cygwin || beside("msys-2.0.dll") || beside("cygwin1.dll") {
            Build::Cygwin
        } else if marks.zkteco {
            Build::Zkteco
        } else if marks.native_port {
            let sha = evidence.version_output.split_whitespace().find_map(|word| word.strip_prefix("sha="));
            native_port(version, sha.and_then(|sha| sha.split(':').next()))
        } else {
            Build::Unknown
        }
    }

    /// Whose build a running server is, by its INFO.
    #[must_use]
    pub fn of_info(info: &str) -> Self {
        let field = |name: &str| info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'));
        if field("garnet_version").is_some() {
            return Build::Garnet;
        }
        let (Some(version), Some(os)) = (ServerVersion::parse_info(info), field("os")) else { return Build::Unknown };
        let os = os.to_ascii_lowercase();
        if version.family == Family::Memurai {
            Build::Memurai
        } else if os.starts_with("msys") || os.starts_with("cygwin") || os.starts_with("mingw") {
            Build::Cygwin
        } else if !os.starts_with("windows") {
            Build::Upstream
        } else if field("multiplexing_api") == Some("WinSock_IOCP") {
            native_port(version, field("redis_git_sha1"))
        } else {
            Build::Unknown
        }
    }
}

/// Which of the native ports this is. Microsoft's ended with 3.2; tporadowski has 4 and 5. From 6 on zkteco-home's is
/// known, which since 7.0 puts the day of its build where others have a commit.
fn native_port(version: ServerVersion, sha: Option<&str>) -> Build {
    match (version.family, version.major) {
        (Family::Redis, 2 | 3) => Build::MsOpenTech,
        (Family::Redis, 4 | 5) => Build::Tporadowski,
        (Family::Redis, 7..) if sha.is_some_and(is_day) => Build::Zkteco,
        _ => Build::Unknown,
    }
}

/// Whether a text is a day as `19/05/2024`.
fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    let digits = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    parts.iter().all(digits) && parts.iter().map(|part| part.len()).eq([2, 2, 4])
}

/// The number that Garnet prints for its version, `GarnetServer 1.0.83+…`.
#[must_use]
pub fn garnet_version(output: &str) -> Option<&str> {
    const NAME: &str = "garnetserver";
    output.lines().find_map(|line| {
        let (name, rest) = line.trim().split_once(' ')?;
        let number = rest.split(['+', ' ']).next()?;
        (name.eq_ignore_ascii_case(NAME) && number.starts_with(|c: char| c.is_ascii_digit())).then_some(number)
    })
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
