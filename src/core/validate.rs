//! What is wrong with a cluster as the user wants it: every problem beside its field, before anything is made.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;

use super::build::Build;
use super::capability::Capabilities;
use super::conf::directives::{maxmemory_policies, memory_size};
use super::conf::quote::{check_length, check_rewrite, quote};
use super::conf::read::lines;
use super::conf::{Node, Remark, lint, lint_file};
use super::limits::{Limit, limits};
use super::plan::create::MIN_MASTERS;
use super::spec::{ClusterSpec, Field, MachineFacts, Ports, Problem, ProblemKind as P};
use super::topology::BUS_PORT_OFFSET;
use super::version::{Family, ServerVersion};
use super::windows_path::{PathProblem, WindowsFacts, is_reserved, is_shared, judge_dir, judge_exe};
use super::wsl::Inside;

/// The most nodes that one machine is asked to start.
pub const MOST_NODES: usize = 200;
/// Room on the disk for each node's files, in bytes.
pub const DISK_PER_NODE: u64 = 64_000_000;
/// Sensible node timeouts, in milliseconds. Below, a busy machine fails over for nothing; above, nobody waits for it.
pub const NODE_TIMEOUT_MS: std::ops::RangeInclusive<u32> = 100..=600_000;
/// The longest name of a cluster, in characters: it becomes the name of a folder.
pub const LONGEST_NAME: usize = 64;
/// The most addresses in `bind` (`CONFIG_BINDADDR_MAX`).
const MOST_ADDRESSES: usize = 16;

/// Everything that is wrong with the spec, by field, what must be mended before what is only worth knowing.
///
/// `facts` is what the machine said; `edited` holds the nodes' files that were edited by hand, by port, with the password
/// masked or not. An edited file stands in for what else would be written for its node.
#[must_use]
pub fn validate(spec: &ClusterSpec, facts: &MachineFacts, edited: &BTreeMap<u16, String>) -> Vec<Problem> {
    let mut problems = Problems { list: Vec::new(), version: spec.server.as_ref().map(|server| server.version) };
    problems.server();
    if let Some(windows) = &facts.windows {
        problems.windows(spec, windows);
    }
    problems.name(&spec.name, &facts.taken_names);
    problems.size(spec);
    problems.ports(spec);
    problems.busy(spec, facts);
    problems.bind(spec, facts);
    problems.dir(spec, facts);
    problems.config(spec);
    problems.further(spec, edited);
    problems.list.sort_by_key(|problem| (problem.field, std::cmp::Reverse(problem.severity)));
    problems.list
}

struct Problems {
    list: Vec<Problem>,
    version: Option<ServerVersion>,
}

impl Problems {
    fn error(&mut self, field: Field, kind: P) {
        self.list.push(Problem::error(field, kind));
    }

    fn warn(&mut self, field: Field, kind: P) {
        self.list.push(Problem::warning(field, kind));
    }

    fn server(&mut self) {
        match self.version {
            None => self.error(Field::Server, P::NoServer),
            Some(version) if !Capabilities::supports_cluster(version) => {
                self.error(Field::Server, P::ServerTooOld(version));
            }
            Some(_) => {}
        }
    }

    /// What only servers on Windows stumble over.
    fn windows(&mut self, spec: &ClusterSpec, facts: &WindowsFacts) {
        // Those of msys2 and Cygwin translate every name themselves, and to those inside WSL it does.
        let build = spec.server.as_ref().map(|server| server.build).unwrap_or_default();
        let translates = build == Build::Cygwin || is_inside_wsl(spec);
        let facts = WindowsFacts { code_page: if translates { 65001 } else { facts.code_page }, ..facts.clone() };
        let exe = spec.server.as_ref().and_then(|server| judge_exe(&server.path.to_string_lossy(), &facts));
        if let Some(problem) = exe {
            self.error(Field::Server, P::ExeOnWindows(problem));
        }
        let dir = spec.dir.to_string_lossy();
        let mut problems = judge_dir(&dir, &spec.name, &facts);
        if problems.is_empty() && is_shared(&dir) {
            problems.push(PathProblem::Shared);
        }
        for problem in problems {
            let only_known = PathProblem::is_only_worth_knowing(&problem);
            let kind = P::DirOnWindows(problem);
            if only_known { self.warn(Field::Dir, kind) } else { self.error(Field::Dir, kind) }
        }
        let open: Vec<&str> = spec.bind.split_whitespace().filter(|address| !is_loopback(address)).collect();
        if !open.is_empty() && !is_inside_wsl(spec) {
            self.warn(Field::Bind, P::FirewallAsks(open.join(" ")));
        }
        let needed = page_file(spec, &facts);
        if let Some(free) = facts.commit_free.filter(|free| needed.is_some_and(|needed| needed > *free)) {
            self.warn(Field::Maxmemory, P::PageFile { needed: needed.unwrap_or_default(), free });
        }
    }

    fn name(&mut self, name: &str, taken: &[String]) {
        if name.is_empty() {
            self.error(Field::Name, P::NameEmpty);
        } else if let Some(reason) = unusable_name(name) {
            self.error(Field::Name, P::NameUnusable(reason));
        } else if taken.iter().any(|other| other.to_lowercase() == name.to_lowercase()) {
            // Folders that differ in case only are one folder on Windows and macOS.
            self.error(Field::Name, P::NameTaken);
        }
    }

    fn size(&mut self, spec: &ClusterSpec) {
        if usize::from(spec.masters) < MIN_MASTERS {
            self.error(Field::Masters, P::TooFewMasters(spec.masters));
        }
        if spec.node_count() > MOST_NODES {
            self.error(Field::Masters, P::TooManyNodes(spec.node_count()));
        }
        if spec.replicas == 0 {
            self.warn(Field::Replicas, P::NoReplicas);
        }
    }

    fn ports(&mut self, spec: &ClusterSpec) {
        // Too many nodes have been named already; their ports would only be a long list of the same.
        if spec.node_count() > MOST_NODES {
            return;
        }
        // Of a row of ports, one that is too high says enough about those after it.
        let once = matches!(spec.ports, Ports::From(_));
        let limit = |kinds: Vec<P>| kinds.into_iter().take(if once { 1 } else { usize::MAX });
        let (ports, needed) = (spec.port_list(), spec.node_count());
        if let Ports::From(first) = spec.ports
            && ports.len() < needed
        {
            let beyond = u32::from(first) + u32::try_from(ports.len()).unwrap_or(u32::MAX);
            self.error(Field::Ports, P::PortOutOfRange(beyond));
        } else if ports.len() != needed && !once {
            self.error(Field::Ports, P::PortCount { given: ports.len(), needed });
        }
        let mut seen = BTreeMap::new();
        for port in &ports {
            *seen.entry(*port).or_insert(0) += 1;
        }
        if seen.contains_key(&0) {
            self.error(Field::Ports, P::PortOutOfRange(0));
        }
        let twice: Vec<u16> = seen.iter().filter(|(_, times)| **times > 1).map(|(port, _)| *port).collect();
        let distinct: BTreeSet<u16> = seen.into_keys().filter(|port| *port != 0).collect();
        for port in twice.into_iter().filter(|port| *port != 0) {
            self.error(Field::Ports, P::PortTwice(port));
        }
        for of in &distinct {
            if let Some(bus) = of.checked_add(BUS_PORT_OFFSET)
                && distinct.contains(&bus)
            {
                self.error(Field::Ports, P::PortIsBusPort { port: bus, of: *of });
            }
        }
        let too_high = |port: &&u16| port.checked_add(BUS_PORT_OFFSET).is_none();
        for kind in limit(distinct.iter().filter(too_high).map(|port| P::BusPortTooHigh(*port)).collect()) {
            self.error(Field::Ports, kind);
        }
        let privileged = |port: &&u16| **port < 1024 && !cfg!(windows);
        for kind in limit(distinct.iter().filter(privileged).map(|port| P::PortPrivileged(*port)).collect()) {
            self.warn(Field::Ports, kind);
        }
    }

    fn busy(&mut self, spec: &ClusterSpec, facts: &MachineFacts) {
        if facts.busy_ports.is_empty() {
            return;
        }
        for port in spec.port_list().into_iter().collect::<BTreeSet<_>>() {
            if let Some(reason) = facts.busy_ports.get(&port) {
                self.error(Field::Ports, P::PortInUse { port, reason: reason.clone() });
            }
            if let Some(bus_port) = port.checked_add(BUS_PORT_OFFSET)
                && let Some(reason) = facts.busy_ports.get(&bus_port)
            {
                self.error(Field::Ports, P::BusPortInUse { port, bus_port, reason: reason.clone() });
            }
        }
    }

    fn bind(&mut self, spec: &ClusterSpec, facts: &MachineFacts) {
        let reason = unusable_bind(&spec.bind, self.version).or_else(|| facts.bind_error.clone());
        if let Some(reason) = reason {
            self.error(Field::Bind, P::BindUnusable { bind: spec.bind.clone(), reason });
            return;
        }
        let open: Vec<&str> = spec.bind.split_whitespace().filter(|address| !is_loopback(address)).collect();
        let particular: Vec<&str> = open.iter().copied().filter(|address| !is_every(address)).collect();
        if is_inside_wsl(spec) && !particular.is_empty() {
            self.warn(Field::Bind, P::BindOutsideWsl(particular.join(" ")));
        }
        if open.is_empty() || !spec.config.password.is_empty() {
            return;
        }
        // Servers with a protected mode would not talk to each other over such an address, and without one anybody
        // could use them: only who says so in writing gets that.
        let kind = P::BindOpen(open.join(" "));
        let protected = self.version.is_none_or(|version| Capabilities::of(version).protected_mode);
        let allowed = lines(&spec.config.extra).filter_map(|(_, line)| line.ok()).any(|line| {
            line.name == "protected-mode" && line.text_args().iter().any(|arg| arg.eq_ignore_ascii_case("no"))
        });
        if protected && !allowed { self.error(Field::Bind, kind) } else { self.warn(Field::Bind, kind) }
    }

    fn dir(&mut self, spec: &ClusterSpec, facts: &MachineFacts) {
        if !spec.dir.is_absolute() {
            // Windows paths without a drive have been explained already.
            if !self.list.iter().any(|problem| problem.field == Field::Dir) {
                self.error(Field::Dir, P::DirNotAbsolute);
            }
            return;
        }
        if let Some(reason) = unspellable_dir(&spec.dir) {
            self.error(Field::Dir, P::DirUnspellable(reason));
        }
        if let Some(reason) = &facts.dir_error {
            self.error(Field::Dir, P::DirNotWritable(reason.clone()));
        }
        if let Some(what) = &facts.dir_holds {
            self.error(Field::Dir, P::DirNotEmpty(what.clone()));
        }
        let needed = DISK_PER_NODE.saturating_mul(u64::try_from(spec.node_count()).unwrap_or(u64::MAX));
        if let Some(free) = facts.disk_free.filter(|free| *free < needed) {
            self.error(Field::Dir, P::DiskTooSmall { free, needed });
        }
    }

    fn config(&mut self, spec: &ClusterSpec) {
        let config = &spec.config;
        if !NODE_TIMEOUT_MS.contains(&config.node_timeout_ms) {
            self.error(Field::NodeTimeout, P::TimeoutOutOfRange(config.node_timeout_ms));
        }
        let password = config.password.expose();
        let length = self.version.map_or(Ok(()), |version| check_length("requirepass", password, version));
        if let Err(error) = quote(password).map(drop).and(length) {
            self.error(Field::Password, P::ValueUnquotable(error.to_string()));
        }
        if let Some(Err(error)) = self.version.map(|version| check_rewrite(password, version)) {
            self.warn(Field::Password, P::ValueUnquotable(error.to_string()));
        }
        let limit = config.maxmemory.trim();
        if !limit.is_empty() && memory_size(limit).is_none() {
            self.error(Field::Maxmemory, P::BadMemorySize(limit.to_owned()));
        }
        let policy = config.maxmemory_policy.trim();
        if !policy.is_empty()
            && !maxmemory_policies(self.version).iter().any(|known| policy.eq_ignore_ascii_case(known))
        {
            self.error(Field::MaxmemoryPolicy, P::BadPolicy(policy.to_owned()));
        }
        for (seconds, changes) in config.save.iter().flatten().filter(|(seconds, _)| *seconds == 0) {
            self.error(Field::Save, P::BadSave(format!("{seconds} {changes}")));
        }
    }

    fn further(&mut self, spec: &ClusterSpec, edited: &BTreeMap<u16, String>) {
        let config = &spec.config;
        self.remarks(Field::Extra, lint(&config.extra, self.version));
        let ports = spec.port_list();
        let given = config.extra_by_port.iter().filter(|(_, text)| !text.trim().is_empty());
        for port in given.map(|(port, _)| port).chain(edited.keys()).collect::<BTreeSet<_>>() {
            let field = Field::ExtraFor(*port);
            if !ports.contains(port) {
                self.warn(field, P::NoSuchNode(*port));
            } else if let Some(text) = edited.get(port) {
                let node = Node { port: *port, host: spec.reach_host(), password: &config.password };
                self.remarks(field, lint_file(text, self.version, &node));
            } else if let Some(text) = config.extra_by_port.get(port) {
                self.remarks(field, lint(text, self.version));
            }
        }
    }

    fn remarks(&mut self, field: Field, remarks: Vec<Remark>) {
        self.list.extend(remarks.into_iter().map(|Remark { severity, kind }| Problem { field, severity, kind }));
    }
}

/// How many bytes of the page file the servers set aside: the native ports up to 5 reserve for each what it may use of
/// memory, and half as much again for the copy that a snapshot is written from; without a limit, all of the memory.
fn page_file(spec: &ClusterSpec, facts: &WindowsFacts) -> Option<u64> {
    let server = spec.server.as_ref()?;
    if !limits(server.build, server.version).contains(&Limit::PageFile) {
        return None;
    }
    let limit = memory_size(spec.config.maxmemory.trim()).filter(|limit| *limit > 0);
    let each = limit.map(|limit| limit.saturating_add(limit / 2)).or(facts.physical)?;
    Some(each.saturating_mul(u64::try_from(spec.node_count()).unwrap_or(u64::MAX)))
}

/// Why a name can't be the name of a folder on every system, Windows included.
fn unusable_name(name: &str) -> Option<String> {
    if name.chars().count() > LONGEST_NAME {
        return Some(format!("it is longer than {LONGEST_NAME} characters"));
    }
    if name.chars().any(char::is_control) {
        return Some("it contains a control character".to_owned());
    }
    if let Some(c) = name.chars().find(|c| "<>:\"/\\|?*".contains(*c)) {
        return Some(format!("a folder's name can't contain {c}"));
    }
    if name.starts_with('.') {
        return Some("it begins with a dot".to_owned());
    }
    if name.starts_with(char::is_whitespace) || name.ends_with(char::is_whitespace) {
        return Some("it begins or ends with a blank".to_owned());
    }
    if name.ends_with('.') {
        return Some("it ends with a dot".to_owned());
    }
    is_reserved(name).then(|| "Windows keeps this name for a device".to_owned())
}

/// Why the server would not take the text as its `bind`, or the cluster not as its nodes' address.
fn unusable_bind(bind: &str, version: Option<ServerVersion>) -> Option<String> {
    let addresses: Vec<&str> = bind.split_whitespace().collect();
    if addresses.is_empty() {
        return Some("no address is given".to_owned());
    }
    if addresses.len() > MOST_ADDRESSES {
        return Some(format!("a server listens on {MOST_ADDRESSES} addresses at most"));
    }
    // `-` (may be missing) and `::*` are new in Redis 6.2; `*` is written as 0.0.0.0.
    let old = version.is_some_and(|v| v.family == Family::Redis && v.numbers() < (6, 2, 0));
    addresses.into_iter().find_map(|address| {
        let plain = address.strip_prefix('-').unwrap_or(address);
        if old && (plain != address || plain == "::*") {
            return Some(format!("'{address}' needs Redis 6.2 or newer"));
        }
        let usable = matches!(plain, "*" | "::*") || plain.parse::<IpAddr>().is_ok();
        (!usable).then(|| {
            format!("'{address}' is no address; nodes know each other by addresses like 127.0.0.1, not by names")
        })
    })
}

fn is_loopback(address: &str) -> bool {
    address.strip_prefix('-').unwrap_or(address).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn is_inside_wsl(spec: &ClusterSpec) -> bool {
    spec.server.as_ref().is_some_and(|server| Inside::of(&server.path).is_some())
}

/// Whether it stands for all addresses.
fn is_every(address: &str) -> bool {
    matches!(address.strip_prefix('-').unwrap_or(address), "*" | "0.0.0.0" | "::" | "::*")
}

/// Why a server, or a document, could not spell the folder.
fn unspellable_dir(dir: &Path) -> Option<String> {
    let Some(text) = dir.to_str() else {
        return Some("it is no valid text".to_owned());
    };
    if text.chars().any(char::is_control) {
        return Some("it contains a control character".to_owned());
    }
    None
}

#[cfg(test)]
#[path = "validate_tests.rs"]
mod tests;
