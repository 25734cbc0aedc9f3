//! What the user asks for when a cluster is to be made, and what is wrong with it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::build::Build;
use super::secret::Secret;
use super::topology::{BUS_PORT_OFFSET, NodeAddr};
use super::version::ServerVersion;
use super::windows_path::{PathProblem, WindowsFacts};
use crate::core::count::counted_are;

/// A `redis-server` program and what it says it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerExe {
    /// The program's full path.
    pub path: PathBuf,
    /// What `--version` said.
    pub version: ServerVersion,
    /// Whose build it is; unknown in documents of earlier versions.
    #[serde(default)]
    pub build: Build,
}

/// Which client ports the nodes get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ports {
    /// This port and the ones that follow.
    From(u16),
    /// Exactly these, one a node, masters first.
    List(Vec<u16>),
}

/// What goes into each node's redis.conf beyond the fixed lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeConfig {
    /// `appendonly`.
    pub append_only: bool,
    /// `cluster-node-timeout`, milliseconds.
    pub node_timeout_ms: u32,
    /// `requirepass` and `masterauth`; never written to a document.
    #[serde(skip)]
    pub password: Secret,
    /// `maxmemory` as redis.conf writes it (`256mb`); empty for none.
    pub maxmemory: String,
    /// `maxmemory-policy`; empty for the server's default.
    pub maxmemory_policy: String,
    /// RDB save points as (seconds, changes); empty means `save ""`. `None` leaves the server's default.
    pub save: Option<Vec<(u32, u32)>>,
    /// Further directives for every node, as typed: one line a directive, redis.conf syntax.
    pub extra: String,
    /// Further directives for one node, by port; the same syntax.
    pub extra_by_port: BTreeMap<u16, String>,
}

impl Default for NodeConfig {
    /// The seed note's settings: append-only on, node timeout 15000 ms.
    fn default() -> Self {
        Self {
            append_only: true,
            node_timeout_ms: 15_000,
            password: Secret::default(),
            maxmemory: String::new(),
            maxmemory_policy: String::new(),
            save: None,
            extra: String::new(),
            extra_by_port: BTreeMap::new(),
        }
    }
}

/// A cluster as the user wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterSpec {
    /// The cluster's name: the key of its document and of its folder.
    pub name: String,
    /// The server program; `None` while none is chosen.
    pub server: Option<ServerExe>,
    /// How many masters.
    pub masters: u16,
    /// How many replicas each master gets.
    pub replicas: u16,
    /// Client ports.
    pub ports: Ports,
    /// The address the servers bind to and are reached at, or several with blanks between them, as redis.conf's `bind`
    /// takes them: the first is the one they are reached at.
    pub bind: String,
    /// The folder that holds a folder for each node.
    pub dir: PathBuf,
    /// redis.conf settings.
    pub config: NodeConfig,
}

impl ClusterSpec {
    /// A spec with the defaults: 3 masters, 1 replica each, ports from 7000, on 127.0.0.1.
    #[must_use]
    pub fn new(name: impl Into<String>, dir: impl Into<PathBuf>) -> Self {
        Self {
            name: name.into(),
            server: None,
            masters: 3,
            replicas: 1,
            ports: Ports::From(7000),
            bind: "127.0.0.1".to_owned(),
            dir: dir.into(),
            config: NodeConfig::default(),
        }
    }

    /// How many nodes the cluster has.
    #[must_use]
    pub fn node_count(&self) -> usize {
        usize::from(self.masters) * (usize::from(self.replicas) + 1)
    }

    /// The client port of every node, masters first. Ports above 65535 are left out:
    /// [`validate`](super::validate::validate) names them.
    #[must_use]
    pub fn port_list(&self) -> Vec<u16> {
        match &self.ports {
            Ports::From(first) => {
                (0..self.node_count()).map_while(|i| u16::try_from(usize::from(*first) + i).ok()).collect()
            }
            Ports::List(list) => list.clone(),
        }
    }

    /// The address of every node, in the order of [`ClusterSpec::port_list`].
    #[must_use]
    pub fn addrs(&self) -> Vec<NodeAddr> {
        self.port_list().into_iter().map(|port| NodeAddr::new(self.reach_host(), port)).collect()
    }

    /// The host that this machine's clients and the other nodes use: the first address of `bind`, or loopback where
    /// that is every address. A `-` before an address (Redis 6.2) only says that it may be missing.
    #[must_use]
    pub fn reach_host(&self) -> &str {
        let first = self.bind.split_whitespace().next().unwrap_or_default();
        match first.strip_prefix('-').unwrap_or(first) {
            "0.0.0.0" | "*" => "127.0.0.1",
            "::" | "::*" => "::1",
            other => other,
        }
    }

    /// The folder of the node with this client port: `dir/PORT`.
    #[must_use]
    pub fn node_dir(&self, port: u16) -> PathBuf {
        self.dir.join(port.to_string())
    }
}

/// Which field of the wizard a problem belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The server program.
    Server,
    /// The cluster's name.
    Name,
    /// Number of masters.
    Masters,
    /// Replicas per master.
    Replicas,
    /// Ports.
    Ports,
    /// Bind address.
    Bind,
    /// Folder.
    Dir,
    /// Node timeout.
    NodeTimeout,
    /// Password.
    Password,
    /// Maxmemory.
    Maxmemory,
    /// Maxmemory policy.
    MaxmemoryPolicy,
    /// Save points.
    Save,
    /// Extra directives for all nodes.
    Extra,
    /// Extra directives for one node, or its edited file.
    ExtraFor(u16),
}

/// Whether a problem stops the creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Warning,
    /// Must be mended first.
    Error,
}

/// What is wrong. `Display` says it in English; the window translates by variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemKind {
    /// No server program chosen.
    NoServer,
    /// The server is older than cluster support.
    ServerTooOld(ServerVersion),
    /// No name.
    NameEmpty,
    /// The name can't be a file name everywhere; the text says what offends.
    NameUnusable(String),
    /// A cluster of this name exists.
    NameTaken,
    /// Fewer than three masters.
    TooFewMasters(u16),
    /// More nodes than a wizard should start on one machine, or than there are slots.
    TooManyNodes(usize),
    /// No replicas: losing a master loses its slots.
    NoReplicas,
    /// The list has another number of ports than there are nodes.
    PortCount {
        /// How many ports are listed.
        given: usize,
        /// How many nodes there are.
        needed: usize,
    },
    /// Something that should be a whole number is none.
    NotANumber(String),
    /// A port below 1 or above 65535.
    PortOutOfRange(u32),
    /// A port stands in the list twice.
    PortTwice(u16),
    /// A node's bus port is another node's client port.
    PortIsBusPort {
        /// The client port of the one.
        port: u16,
        /// The client port of the other, whose bus port it is.
        of: u16,
    },
    /// The bus port would be above 65535.
    BusPortTooHigh(u16),
    /// A client port is in use.
    PortInUse {
        /// The port.
        port: u16,
        /// What the system said.
        reason: String,
    },
    /// A bus port is in use.
    BusPortInUse {
        /// The client port of the node.
        port: u16,
        /// Its bus port.
        bus_port: u16,
        /// What the system said.
        reason: String,
    },
    /// A port below 1024 needs rights.
    PortPrivileged(u16),
    /// The bind address is no address of this machine.
    BindUnusable {
        /// The address.
        bind: String,
        /// What the system said.
        reason: String,
    },
    /// The bind address is reachable from outside and no password is set.
    BindOpen(String),
    /// The server runs inside WSL, which does not know these addresses of Windows.
    BindOutsideWsl(String),
    /// No folder given, or a relative one.
    DirNotAbsolute,
    /// The folder can't be written.
    DirNotWritable(String),
    /// The folder holds something already; the text names a part of it.
    DirNotEmpty(String),
    /// Too little room on the disk, in bytes.
    DiskTooSmall {
        /// Free bytes.
        free: u64,
        /// Needed bytes.
        needed: u64,
    },
    /// A folder name that redis.conf or this system can't spell.
    DirUnspellable(String),
    /// What servers on Windows can't make of the folder, or what is worth knowing of it.
    DirOnWindows(PathProblem),
    /// The server program's own path is one that it can't spell.
    ExeOnWindows(PathProblem),
    /// The servers set aside more of the page file than is left, in bytes.
    PageFile {
        /// What all of them set aside.
        needed: u64,
        /// What the system could still give.
        free: u64,
    },
    /// The first start brings a question of the Windows firewall, since other machines can reach the address.
    FirewallAsks(String),
    /// Node timeout outside what is sensible (ms).
    TimeoutOutOfRange(u32),
    /// A value that redis.conf can't hold (for instance a NUL byte).
    ValueUnquotable(String),
    /// Not a memory size.
    BadMemorySize(String),
    /// Not a policy of this server.
    BadPolicy(String),
    /// Not save points.
    BadSave(String),
    /// A directive line that can't be read: line number from 1, reason.
    BadDirective {
        /// Line number from 1.
        line: usize,
        /// Why.
        reason: String,
    },
    /// A directive that this version does not know.
    UnknownDirective {
        /// Line number from 1.
        line: usize,
        /// Its name.
        name: String,
    },
    /// A directive that stands twice though it may stand once.
    DuplicateDirective {
        /// Line number from 1.
        line: usize,
        /// Its name.
        name: String,
    },
    /// Directives are given for a port that is no node's.
    NoSuchNode(u16),
    /// A directive that Slotdeck sets itself (port, dir, cluster-enabled, …).
    ReservedDirective {
        /// Line number from 1.
        line: usize,
        /// Its name.
        name: String,
    },
}

/// A problem with a spec: where, how bad, what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The field it belongs to.
    pub field: Field,
    /// Whether it stops the creation.
    pub severity: Severity,
    /// What it is.
    pub kind: ProblemKind,
}

impl Problem {
    /// A problem that must be mended.
    #[must_use]
    pub fn error(field: Field, kind: ProblemKind) -> Self {
        Self { field, severity: Severity::Error, kind }
    }

    /// A problem worth knowing.
    #[must_use]
    pub fn warning(field: Field, kind: ProblemKind) -> Self {
        Self { field, severity: Severity::Warning, kind }
    }
}

/// What the machine says about a spec; measured by the engine, judged here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineFacts {
    /// Ports that can't be bound, with the system's reason (client and bus ports alike).
    pub busy_ports: BTreeMap<u16, String>,
    /// Why the bind address can't be used, if so.
    pub bind_error: Option<String>,
    /// Why the folder can't be written, if so.
    pub dir_error: Option<String>,
    /// Something that the folder holds already.
    pub dir_holds: Option<String>,
    /// Free bytes on the folder's disk; `None` where unknown.
    pub disk_free: Option<u64>,
    /// Names of the clusters that exist.
    pub taken_names: Vec<String>,
    /// On Windows, what matters to its servers; `None` elsewhere.
    pub windows: Option<WindowsFacts>,
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use ProblemKind as P;
        match self {
            P::NoServer => f.write_str("Choose a redis-server program."),
            P::ServerTooOld(v) => write!(f, "{v} is too old: clusters need 3.0 or newer."),
            P::NameEmpty => f.write_str("Give the cluster a name."),
            P::NameUnusable(why) => write!(f, "This name can't be used: {why}."),
            P::NameTaken => f.write_str("A cluster of this name exists already."),
            P::TooFewMasters(n) => {
                write!(f, "{n} masters are too few: a cluster needs at least 3 to agree when one fails.")
            }
            P::TooManyNodes(n) => write!(f, "{n} nodes are more than this machine should start at once (at most 200)."),
            P::NoReplicas => f.write_str("Without replicas, the slots of a lost master are lost with it."),
            P::PortCount { given, needed } => {
                write!(f, "{} listed, but there are {needed} nodes.", counted_are(*given, "port", ["is", "are"]))
            }
            P::NotANumber(text) => write!(f, "'{text}' is not a whole number."),
            P::PortOutOfRange(port) => write!(f, "Port {port} does not exist: ports go from 1 to 65535."),
            P::PortTwice(port) => write!(f, "Port {port} is listed twice."),
            P::PortIsBusPort { port, of } => write!(f, "Port {port} is also the bus port of the node on {of}."),
            P::BusPortTooHigh(port) => {
                let bus = u32::from(*port) + u32::from(BUS_PORT_OFFSET);
                write!(f, "Port {port} needs the bus port {bus}, which is above 65535: use ports up to 55535.")
            }
            P::PortInUse { port, reason } => write!(f, "Port {port} can't be used: {reason}."),
            P::BusPortInUse { port, bus_port, reason } => {
                write!(f, "Bus port {bus_port} (of the node on {port}) can't be used: {reason}.")
            }
            P::PortPrivileged(port) => write!(f, "Port {port} is below 1024, which often needs administrator rights."),
            P::BindUnusable { bind, reason } => write!(f, "Can't bind to '{bind}': {reason}."),
            P::BindOutsideWsl(bind) => {
                write!(f, "Inside WSL the address {bind} is known only if its network is mirrored: use 127.0.0.1.")
            }
            P::BindOpen(bind) => {
                write!(
                    f,
                    "{bind} can be reached from other machines and no password is set: set one, or let anyone in with \
                     'protected-mode no' among the further directives."
                )
            }
            P::DirNotAbsolute => f.write_str("Give a full path for the folder."),
            P::DirNotWritable(why) => write!(f, "The folder can't be written: {why}."),
            P::DirNotEmpty(what) => write!(f, "The folder is not empty: it holds '{what}'."),
            P::DiskTooSmall { free, needed } => {
                write!(f, "The disk has {} MB free; {} MB are needed.", free / 1_000_000, needed / 1_000_000)
            }
            P::DirUnspellable(why) => write!(f, "This folder's name can't be used: {why}."),
            P::DirOnWindows(problem) if problem.is_only_worth_knowing() => write!(f, "About this folder: {problem}."),
            P::DirOnWindows(problem) => write!(f, "This folder can't be used: {problem}."),
            P::ExeOnWindows(problem) => write!(f, "This server program can't be used where it is: {problem}."),
            P::PageFile { needed, free } => write!(
                f,
                "These servers set aside {} MB of the page file and {} MB are left: give each node a maxmemory, such \
                 as 256mb, or let Windows make the page file larger.",
                needed / 1_000_000,
                free / 1_000_000
            ),
            P::FirewallAsks(bind) => write!(
                f,
                "{bind} can be reached from other machines, so the Windows firewall asks at the first start: allow \
                 private networks there. On 127.0.0.1 it does not ask."
            ),
            P::TimeoutOutOfRange(ms) => write!(f, "{ms} ms is out of range: use 100 to 600000 ms."),
            P::ValueUnquotable(why) => write!(f, "redis.conf can't hold this value: {why}."),
            P::BadMemorySize(text) => write!(f, "'{text}' is no memory size: write it like 256mb or 1gb."),
            P::BadPolicy(text) => write!(f, "'{text}' is no maxmemory policy of this server."),
            P::BadSave(text) => {
                write!(f, "'{text}' is no list of save points: write seconds and changes, like 3600 1.")
            }
            P::BadDirective { line, reason } => write!(f, "Line {line}: {reason}."),
            P::UnknownDirective { line, name } => write!(f, "Line {line}: this server does not know '{name}'."),
            P::DuplicateDirective { line, name } => write!(f, "Line {line}: '{name}' stands there twice."),
            P::NoSuchNode(port) => write!(f, "No node has port {port}: what is written for it is not used."),
            P::ReservedDirective { line, name } => write!(f, "Line {line}: '{name}' is set by Slotdeck itself."),
        }
    }
}
