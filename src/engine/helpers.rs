//! The helper processes of servers on Windows, where no process can be forked: to write a snapshot, a server starts
//! itself again as `redis-server.exe --qfork HANDLE PID --logfile FILE`. When the server is ended by force its helper
//! stays, with hundreds of megabytes. Which processes are such leftovers of which server is decided here, from a list of
//! processes; nobody else's helper is ever meant.

use crate::workspace::document::ProcessRecord;

/// What is known about a process that may be a helper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Process id.
    pub pid: u32,
    /// Who started it, as the system remembers even when that one has ended.
    pub parent: Option<u32>,
    /// When it started, in seconds since 1970.
    pub started: u64,
    /// Its command line, program first.
    pub args: Vec<String>,
}

/// Whether a command line is that of a helper: `--qfork` is its first argument. (The ports write it `--QFork`, too.)
#[must_use]
pub fn is_helper(args: &[String]) -> bool {
    args.get(1).is_some_and(|arg| arg.eq_ignore_ascii_case("--qfork"))
}

/// The helpers of these servers among all processes. A helper names its server on its command line, which counts where
/// the system does not tell the parent; it is no older than its server; and where a later process has got the pid of the
/// server by now, what started after that one is that one's.
#[must_use]
pub fn helpers_of(servers: &[ProcessRecord], all: &[Candidate]) -> Vec<ProcessRecord> {
    let helps = |candidate: &Candidate, server: &ProcessRecord| {
        let named = candidate.args.get(3).and_then(|pid| pid.parse::<u32>().ok());
        let theirs = candidate.parent.or(named) == Some(server.pid) && named.is_none_or(|pid| pid == server.pid);
        let heir = all.iter().find(|p| p.pid == server.pid && p.started > server.started);
        theirs && candidate.started >= server.started && heir.is_none_or(|heir| candidate.started < heir.started)
    };
    all.iter()
        .filter(|candidate| candidate.pid > 1 && is_helper(&candidate.args))
        .filter(|candidate| servers.iter().any(|server| server.pid > 1 && helps(candidate, server)))
        .map(|candidate| ProcessRecord { pid: candidate.pid, started: candidate.started })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: ProcessRecord = ProcessRecord { pid: 700, started: 1_000 };

    fn process(pid: u32, parent: u32, started: u64, line: &str) -> Candidate {
        let args = line.split(' ').map(str::to_owned).collect();
        Candidate { pid, parent: Some(parent), started, args }
    }

    fn helper(pid: u32, parent: u32, started: u64) -> Candidate {
        process(
            pid,
            parent,
            started,
            &format!("redis-server.exe --qfork 0000000000000214 {parent} --logfile server.log"),
        )
    }

    fn pids(servers: &[ProcessRecord], all: &[Candidate]) -> Vec<u32> {
        helpers_of(servers, all).into_iter().map(|record| record.pid).collect()
    }

    #[test]
    fn a_helper_is_known_by_its_first_argument_and_nothing_else() {
        let args = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(is_helper(&args("C:\\r\\redis-server.exe --QFork 214 700")));
        assert!(!is_helper(&args("redis-server.exe redis.conf --qfork")));
        assert!(!is_helper(&args("--qfork")));
        assert!(!is_helper(&[]));
    }

    #[test]
    fn a_server_leaves_its_own_helpers_only() {
        let all = [
            process(700, 10, 1_000, "redis-server.exe redis.conf"),
            helper(701, 700, 1_500),
            process(702, 700, 1_600, "conhost.exe 0x4"),
            process(800, 10, 1_000, "redis-server.exe redis.conf"),
            helper(801, 800, 1_500),
        ];
        assert_eq!(pids(&[SERVER], &all), [701]);
        assert_eq!(pids(&[], &all), [0u32; 0]);
    }

    #[test]
    fn it_is_found_when_its_server_is_gone_and_when_the_system_tells_no_parent() {
        assert_eq!(pids(&[SERVER], &[helper(701, 700, 1_500)]), [701]);
        let orphan = Candidate { parent: None, ..helper(701, 700, 1_500) };
        assert_eq!(pids(&[SERVER], &[orphan]), [701]);
        let nobody = Candidate { parent: None, ..process(701, 0, 1_500, "redis-server.exe --qfork 214") };
        assert_eq!(pids(&[SERVER], &[nobody]), [0u32; 0]);
    }

    #[test]
    fn an_older_helper_had_another_server_of_that_pid() {
        assert_eq!(pids(&[SERVER], &[helper(701, 700, 999)]), [0u32; 0]);
    }

    #[test]
    fn a_later_server_that_got_the_same_pid_keeps_its_helpers() {
        let heir = process(700, 10, 2_000, "redis-server.exe redis.conf");
        let all = [heir, helper(701, 700, 1_500), helper(702, 700, 2_000), helper(703, 700, 2_500)];
        assert_eq!(pids(&[SERVER], &all), [701]);
    }

    #[test]
    fn one_that_names_another_server_than_its_parent_is_left_alone() {
        let odd = process(701, 700, 1_500, "redis-server.exe --qfork 214 800 --logfile server.log");
        assert_eq!(pids(&[SERVER], &[odd]), [0u32; 0]);
    }
}
