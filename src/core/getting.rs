//! Where to get a server: the ways of each system, with the line to type and what one gets.
//!
//! The names of packages are those of the managers' own lists (winget-pkgs, Scoop's main bucket, Chocolatey's community
//! feed). A package's version moves; the one given here is what a limit is judged by and is only given where it is fixed.

use super::build::Build;
use super::limits::{Limit, Weight, limits};
use super::version::ServerVersion;

/// Which systems a way is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// Windows.
    Windows,
    /// macOS.
    Mac,
    /// Linux, and what resembles it.
    Linux,
}

impl System {
    /// The system that this program was built for.
    #[must_use]
    pub const fn here() -> Self {
        if cfg!(windows) {
            System::Windows
        } else if cfg!(target_os = "macos") {
            System::Mac
        } else {
            System::Linux
        }
    }
}

/// How the program comes onto the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// By one of these lines for a terminal.
    Lines(&'static [&'static str]),
    /// By hand: download it, put it into a folder `redis` beside Slotdeck or anywhere, and choose the file.
    Download,
}

/// A way to get a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// What one gets.
    pub name: &'static str,
    /// How.
    pub how: How,
    /// The page of it.
    pub link: &'static str,
    /// Whose build it is.
    pub build: Build,
    /// Its version, where that is fixed.
    pub version: Option<ServerVersion>,
}

impl Way {
    /// What a cluster of it is known to lack, worst first.
    #[must_use]
    pub fn limits(&self) -> Vec<Limit> {
        match (self.version, self.build) {
            (Some(version), build) => limits(build, version),
            (None, Build::Upstream) => Vec::new(),
            (None, _) => vec![Limit::NotTried],
        }
    }

    /// Whether it is known to make whole clusters.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let limits = self.limits();
        !limits.contains(&Limit::NotTried) && limits.iter().all(|limit| limit.weight() < Weight::Serious)
    }
}

/// The ways of a system, those that are known to work first.
#[must_use]
pub const fn ways(system: System) -> &'static [Way] {
    match system {
        System::Windows => &WINDOWS,
        System::Mac => &MAC,
        System::Linux => &LINUX,
    }
}

const fn way(name: &'static str, lines: &'static [&'static str], link: &'static str, build: Build) -> Way {
    Way { name, how: How::Lines(lines), link, build, version: None }
}

const WINDOWS: [Way; 5] = [
    Way {
        name: "Redis 7.2.5 (zkteco-home)",
        how: How::Download,
        link: "https://github.com/zkteco-home/redis-windows/tree/7.2.5",
        build: Build::Zkteco,
        version: Some(ServerVersion::redis(7, 2, 5)),
    },
    way(
        "Memurai Developer",
        &["winget install --id Memurai.MemuraiDeveloper --exact", "choco install memurai-developer"],
        "https://www.memurai.com/get-memurai",
        Build::Memurai,
    ),
    way(
        "Redis 8 (redis-windows)",
        &["scoop install redis", "winget install --id taizod1024.redis-windows-fork --exact"],
        "https://github.com/redis-windows/redis-windows",
        Build::Cygwin,
    ),
    Way {
        name: "Redis 3.0 (MSOpenTech)",
        how: How::Lines(&["winget install --id Redis.Redis --exact", "choco install redis-64"]),
        link: "https://github.com/microsoftarchive/redis/releases",
        build: Build::MsOpenTech,
        version: Some(ServerVersion::redis(3, 0, 504)),
    },
    // The makers' own server on Linux; what was not tried is how Slotdeck runs it there.
    way(
        "Redis inside WSL",
        &["wsl --install", "wsl --exec sudo apt install redis-server"],
        "https://learn.microsoft.com/windows/wsl/install",
        Build::Unknown,
    ),
];

const MAC: [Way; 2] = [
    way("Redis", &["brew install redis"], "https://formulae.brew.sh/formula/redis", Build::Upstream),
    way("Valkey", &["brew install valkey"], "https://formulae.brew.sh/formula/valkey", Build::Upstream),
];

const LINUX: [Way; 2] = [
    way(
        "Redis",
        &["sudo apt install redis-server", "sudo zypper install redis"],
        "https://redis.io/docs/latest/operate/oss_and_stack/install/",
        Build::Upstream,
    ),
    way(
        "Valkey",
        &["sudo dnf install valkey", "sudo apt install valkey-server", "sudo pacman -S valkey"],
        "https://valkey.io/topics/installation/",
        Build::Upstream,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_way_of_each_system_is_known_to_work() {
        for system in [System::Windows, System::Mac, System::Linux] {
            let ways = ways(system);
            assert!(ways.first().is_some_and(Way::is_sound), "{system:?}");
            assert!(ways.iter().all(|way| way.link.starts_with("https://")));
        }
    }

    #[test]
    fn what_was_not_tried_is_said_to_be_so() {
        for way in ways(System::Windows).iter().skip(1) {
            assert!(way.limits().contains(&Limit::NotTried), "{}", way.name);
        }
    }
}
