//! Servers inside WSL, the Linux that comes with Windows: how they are named, and what `wsl.exe` prints and is told.
//!
//! A program inside WSL goes by the path that Windows itself gives it, `\\wsl.localhost\Ubuntu\usr\bin\redis-server`, so
//! that it can be chosen, remembered and typed like any other. Facts are from the sources of WSL (`WslClient.cpp`,
//! `LxssUserSession.cpp`).

use std::path::{Path, PathBuf};

/// The names under which Windows shows the files of WSL; the second is the older one.
const HOSTS: [&str; 2] = ["wsl.localhost", "wsl$"];

/// Distributions that are a part of another program, and no place for servers.
const OTHERS: [&str; 3] = ["docker-desktop", "rancher-desktop", "podman-"];

/// Prints the full path of each server program of a distribution, one a line. Without `$` and quotes, which each of the
/// programs it passes on its way might take for itself.
pub const LOOK: &str =
    "command -v redis-server; command -v valkey-server; command -v redis6-server; command -v keydb-server; true";

/// A program inside WSL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inside {
    /// The distribution's name.
    pub distro: String,
    /// The program's path there.
    pub program: String,
}

impl Inside {
    /// The program that a path of Windows means; `None` for every path that does not lead into WSL.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let text = path.to_str()?.replace('\\', "/");
        let (host, rest) = text.strip_prefix("//")?.split_once('/')?;
        let (distro, program) = rest.split_once('/')?;
        let known = HOSTS.iter().any(|known| known.eq_ignore_ascii_case(host));
        let usable = known && is_name(distro) && !program.is_empty() && !program.contains(char::is_control);
        usable.then(|| Self { distro: distro.to_owned(), program: format!("/{program}") })
    }

    /// The path by which Windows knows it.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        let program = self.program.replace('/', "\\");
        PathBuf::from(format!(r"\\{}\{}{program}", HOSTS[0], self.distro))
    }

    /// What `wsl.exe` is told to run the program with these arguments, without a shell. It works in the folder in which
    /// `wsl.exe` was started.
    #[must_use]
    pub fn run(&self, args: &[&str]) -> Vec<String> {
        exec(&self.distro, &self.program, args)
    }

    /// What `wsl.exe`, started in a node's folder, is told to send the server of that folder a signal (`TERM`, `KILL`, or
    /// `0` for none). It fails where the process with this number works in another folder or has ended: the number may be
    /// another's by now.
    #[must_use]
    pub fn signal(&self, signal: &str, pid: u32) -> Vec<String> {
        let script = format!("[ /proc/{pid}/cwd -ef . ] && kill -{signal} {pid}");
        exec(&self.distro, "/bin/sh", &["-c", &script])
    }
}

/// What `wsl.exe` is told to have a distribution's server programs listed (see [`LOOK`]).
#[must_use]
pub fn look(distro: &str) -> Vec<String> {
    exec(distro, "/bin/sh", &["-lc", LOOK])
}

fn exec(distro: &str, program: &str, args: &[&str]) -> Vec<String> {
    ["-d", distro, "--exec", program].iter().chain(args).map(|arg| (*arg).to_owned()).collect()
}

/// Whether WSL takes this for a distribution's name. A sentence, in any language, is none.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// The distributions that `wsl.exe --list --quiet` names and that may hold servers.
#[must_use]
pub fn distros(listing: &str) -> Vec<String> {
    let names = listing.lines().map(str::trim).filter(|line| is_name(line));
    let others = |name: &&str| OTHERS.iter().any(|other| name.to_ascii_lowercase().starts_with(other));
    names.filter(|name| !others(name)).map(str::to_owned).collect()
}

/// The programs that [`LOOK`] found in a distribution: each once. What a profile prints beside them is left out, and so
/// are programs of Windows, whose folders WSL appends to the PATH.
#[must_use]
pub fn programs(distro: &str, found: &str) -> Vec<Inside> {
    let mut programs: Vec<Inside> = Vec::new();
    for line in found.lines().map(str::trim) {
        let named = line.rsplit('/').next().is_some_and(|name| name.ends_with("-server"));
        if line.starts_with('/') && named && !line.starts_with("/mnt/") {
            let program = Inside { distro: distro.to_owned(), program: line.to_owned() };
            if !programs.contains(&program) {
                programs.push(program);
            }
        }
    }
    programs
}

/// What was printed by `wsl.exe` itself, in UTF-16 unless `WSL_UTF8` is set and understood, or by a program inside, in
/// UTF-8. The former has a zero byte at least at its line's end.
#[must_use]
pub fn decode(bytes: &[u8]) -> String {
    if !bytes.contains(&0) {
        return String::from_utf8_lossy(bytes).trim_start_matches('\u{feff}').to_owned();
    }
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units).trim_start_matches('\u{feff}').to_owned()
}

/// Whether a command line is that of a `wsl.exe` which was told to run a program with this file as its last argument.
#[must_use]
pub fn is_relay_of(args: &[String], file: &str) -> bool {
    let program = args.first().and_then(|arg| arg.rsplit(['/', '\\']).next()).unwrap_or_default();
    let wsl = program.eq_ignore_ascii_case("wsl.exe") || program.eq_ignore_ascii_case("wsl");
    wsl && args.iter().any(|arg| arg == "--exec") && args.last().is_some_and(|arg| arg == file)
}

#[cfg(test)]
#[path = "wsl_tests.rs"]
mod tests;
