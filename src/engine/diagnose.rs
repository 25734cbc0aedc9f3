//! Why a server ended, as far as its last lines tell. Pure; the lines come from `log_tail`.
//!
//! The texts matched are those of redis-server 3.0 to 8, Valkey, and the Windows builds.

use std::fmt;

/// Each run's first line holds this, from Redis 4 and Valkey on.
const START_MARK: &str = "oO0OoO0OoO0Oo";

/// How near to the end a complaint must be that a server can also live with.
const NEAR_END: usize = 12;

/// The likely cause of a server's end. `Display` says it and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Somebody else listens on its client port.
    PortInUse(u16),
    /// Somebody else listens on its bus port.
    BusPortInUse(u16),
    /// The system keeps the port from this user.
    PortNotAllowed(u16),
    /// The port needs a bus port above 65535.
    PortTooHigh,
    /// The bind address is not of this machine.
    AddressUnavailable(String),
    /// A line of redis.conf.
    BadConfigLine {
        /// Line number from 1, where the server tells.
        line: Option<u32>,
        /// The line.
        text: String,
        /// What the server says about it.
        reason: String,
    },
    /// redis.conf, or a file that it includes, can't be opened: what the server says.
    ConfigUnreadable(String),
    /// The folder to work in can't be entered: what the server says.
    WrongDir(String),
    /// The log file can't be opened: the system's reason.
    LogUnwritable(String),
    /// Another server uses this node's nodes.conf.
    NodesFileInUse,
    /// nodes.conf can't be understood.
    NodesFileCorrupt,
    /// The append-only file ends in the middle of a command: the file.
    AofTruncated(String),
    /// The append-only file holds something else than commands: the file.
    AofCorrupt(String),
    /// A part of the append-only file, or its manifest, is missing or damaged: what the server says.
    AofIncomplete(String),
    /// The data was written by a newer server: the version of the RDB format.
    DataTooNew(String),
    /// The snapshot (dump.rdb) is damaged.
    RdbCorrupt,
    /// The data holds keys outside database 0, which a cluster does not have.
    OtherDatabases,
    /// The system gave no more memory.
    OutOfMemory,
    /// Windows: the page file is too small for the memory map that the server shares with its children.
    PageFile,
    /// The disk is full.
    DiskFull,
    /// The user lacks a right: what the server says.
    PermissionDenied(String),
    /// A module can't be loaded: its path.
    Module(String),
    /// The users (ACL) can't be loaded: what the server says.
    Acl(String),
    /// TLS can't be set up: what the server says.
    Tls(String),
    /// Its Unix socket can't be made: what the server says.
    UnixSocket(String),
    /// The server crashed with this signal.
    Crashed(String),
    /// Somebody ended it in an orderly way: SHUTDOWN, Ctrl-C or SIGTERM.
    AskedToEnd,
}

/// The likely cause of a server's end, from the last lines that it logged and printed, oldest first. Only the last run
/// counts. `None` where they tell nothing, as after a kill.
#[must_use]
pub fn likely_cause(lines: &[String]) -> Option<Cause> {
    let start = lines.iter().rposition(|line| line.contains(START_MARK)).unwrap_or(0);
    let run = Run { lines: &lines[start..] };
    // The most telling first: a crash report or "Exiting" often follows the line that says why.
    let config = [bad_config, port, nodes_file];
    let data = [aof, data_files];
    let system = [memory, disk_full, permission, extras, ended];
    config.iter().chain(&data).chain(&system).find_map(|rule| rule(&run))
}

/// The lines of one run.
struct Run<'a> {
    lines: &'a [String],
}

impl<'a> Run<'a> {
    /// The last line that holds this, and its index.
    fn find(&self, text: &str) -> Option<(usize, &'a str)> {
        self.lines.iter().enumerate().rev().find(|(_, line)| line.contains(text)).map(|(at, line)| (at, line.as_str()))
    }

    /// What follows this text in the last line that holds it.
    fn after(&self, text: &str) -> Option<&'a str> {
        self.find(text)?.1.split_once(text).map(|(_, rest)| rest.trim())
    }

    fn has(&self, text: &str) -> bool {
        self.find(text).is_some()
    }

    /// The last line that holds this, if it is among the last few.
    fn near_end(&self, text: &str) -> Option<&'a str> {
        self.find(text).filter(|(at, _)| at + NEAR_END >= self.lines.len()).map(|(_, line)| message(line))
    }
}

/// A line without process id, date and level: `1:M 01 Jan 2026 00:00:00.000 # text` → `text`.
fn message(line: &str) -> &str {
    let head = line.find([':', ' ']).map_or("", |end| &line[..end]);
    let logged = !head.is_empty() && head.bytes().all(|b| b.is_ascii_digit() || b == b'[');
    let text = if logged {
        [" # ", " * ", " - ", " . "].iter().find_map(|level| line.split_once(level)).map_or(line, |(_, text)| text)
    } else {
        line
    };
    text.trim()
}

fn without_dot(text: &str) -> String {
    text.trim().trim_end_matches('.').to_owned()
}

fn bad_config(run: &Run) -> Option<Cause> {
    if let Some(reason) = run.after("Can't open the log file: ") {
        return Some(Cause::LogUnwritable(without_dot(reason)));
    }
    if let Some((_, line)) = run.find("Could not open logfile") {
        return Some(Cause::LogUnwritable(without_dot(message(line))));
    }
    if let Some(rest) = run.after("Fatal error, can't open config file ") {
        return Some(Cause::ConfigUnreadable(without_dot(rest)));
    }
    if let Some((_, line)) = run.find("Failed to open the .conf file") {
        return Some(Cause::ConfigUnreadable(without_dot(message(line))));
    }
    if let Some(rest) = run.after("Can't chdir to ") {
        return Some(Cause::WrongDir(without_dot(rest)));
    }
    let (at, quoted) = run.find(">>> '").filter(|_| !run.has("AOF MANIFEST"))?;
    let text = quoted.split_once(">>> '")?.1.trim_end().trim_end_matches('\'').to_owned();
    let number = run.after("at line ").and_then(|n| n.split_whitespace().next()?.parse().ok());
    let mut reason = run.lines.get(at + 1).map_or("the server does not accept it", |line| message(line));
    if reason.contains("Module Configuration detected without loadmodule") {
        reason = "the server does not know this directive"; // What Redis 8 means by that.
    }
    let (name, value) = text.split_once(' ').unwrap_or((&text, ""));
    if name.eq_ignore_ascii_case("dir") && !reason.contains("arguments") {
        return Some(Cause::WrongDir(format!("{}: {}", value.trim(), without_dot(reason))));
    }
    Some(Cause::BadConfigLine { line: number, reason: without_dot(reason), text })
}

fn port(run: &Run) -> Option<Cause> {
    if run.has("Redis port number too high") || run.has("port number must be 55535 or less") {
        return Some(Cause::PortTooHigh);
    }
    let socket = run.after("TCP listening socket ");
    let failed = run.after("Failed listening on port ");
    if socket.is_none() && failed.is_none() {
        return None;
    }
    // `127.0.0.1:7000: bind: Address already in use`, the address may be `*`, `::1` or `[::1]`.
    let (place, reason) = socket.and_then(|rest| rest.split_once(": ")).unwrap_or(("", ""));
    let (address, number) = place.rsplit_once(':').unwrap_or((place, ""));
    let stated = failed.and_then(|rest| rest.split_whitespace().next());
    // A server that listened on one address of two may live on: only the end of a start counts.
    let fatal = failed.is_some() || run.near_end("TCP listening socket ").is_some() && !run.has("Ready to accept");
    let number: u16 = stated.unwrap_or(number).parse().ok().filter(|_| fatal)?;
    if reason.contains("Cannot assign requested address") || reason.contains("Name or service not known") {
        return Some(Cause::AddressUnavailable(address.to_owned()));
    }
    if reason.contains("ermission denied") {
        return Some(Cause::PortNotAllowed(number));
    }
    // Newer servers say which of the two it is; older ones open the client port first and then read nodes.conf.
    let bus = failed.map_or_else(
        || run.has("No cluster configuration found") || run.has("Node configuration loaded"),
        |rest| rest.contains("(cluster)"),
    );
    Some(if bus { Cause::BusPortInUse(number) } else { Cause::PortInUse(number) })
}

fn nodes_file(run: &Run) -> Option<Cause> {
    if run.has("the cluster configuration file") && run.has("is already used by a different") {
        return Some(Cause::NodesFileInUse);
    }
    run.has("corrupted cluster config file").then_some(Cause::NodesFileCorrupt)
}

fn aof(run: &Run) -> Option<Cause> {
    let file = |rest: &str| without_dot(rest.split([':', ' ']).next().unwrap_or_default());
    if let Some(version) = run.after("Can't handle RDB format version ") {
        return Some(Cause::DataTooNew(without_dot(version)));
    }
    // Newer servers name the file, older ones do not.
    if let Some(rest) = run.after("Unexpected end of file reading the append only file") {
        return Some(Cause::AofTruncated(file(rest)));
    }
    if let Some(rest) = run.after("Bad file format reading the append only file") {
        return Some(Cause::AofCorrupt(file(rest)));
    }
    if run.has("FATAL AOF MANIFEST FILE ERROR") {
        return Some(Cause::AofIncomplete("its manifest can't be read".to_owned()));
    }
    for text in
        ["Unable to obtain the AOF file", "AOF loading aborted", "Unrecoverable error reading the append only file"]
    {
        if let Some((_, line)) = run.find(text) {
            return Some(Cause::AofIncomplete(without_dot(message(line))));
        }
    }
    None
}

fn data_files(run: &Run) -> Option<Cause> {
    if run.has("You can't have keys in a DB different than DB 0") {
        return Some(Cause::OtherDatabases);
    }
    // A Redis up to 7.0 with keys of another database in its snapshot crashes while it counts them by slot.
    if run.has("crashed by signal") && run.has("slotToKeyAdd") && run.has("rdbLoad") {
        return Some(Cause::OtherDatabases);
    }
    let texts = [
        "Wrong signature trying to load DB",
        "Terminating server after rdb file reading failure",
        "Short read or OOM loading DB",
    ];
    let end = run.find("Internal error in RDB reading").is_some() && run.has("Unexpected EOF reading RDB file");
    (end || texts.iter().any(|text| run.has(text))).then_some(Cause::RdbCorrupt)
}

fn memory(run: &Run) -> Option<Cause> {
    let page_file = ["QForkMasterInit", "0x000005AF", "0x5AF", "paging file", "memory mapped heap"];
    if page_file.iter().any(|text| run.near_end(text).is_some()) {
        return Some(Cause::PageFile);
    }
    let texts = ["Out Of Memory allocating", "OOM allocating", "Out of memory", "std::bad_alloc"];
    texts
        .iter()
        .any(|text| run.near_end(text).is_some() || run.has("crashed by signal") && run.has(text))
        .then_some(Cause::OutOfMemory)
}

fn disk_full(run: &Run) -> Option<Cause> {
    run.near_end("No space left on device").or_else(|| run.near_end("not enough space on the disk"))?;
    Some(Cause::DiskFull)
}

fn permission(run: &Run) -> Option<Cause> {
    let line = run.near_end("Permission denied").or_else(|| run.near_end("Access is denied"))?;
    Some(Cause::PermissionDenied(without_dot(line.trim_end_matches(" Exiting."))))
}

fn extras(run: &Run) -> Option<Cause> {
    if let Some(rest) = run.after("Can't load module from ") {
        return Some(Cause::Module(rest.split(": server aborting").next().unwrap_or(rest).to_owned()));
    }
    if let Some(rest) = run.after("Aborting Redis startup because of ACL errors: ") {
        return Some(Cause::Acl(without_dot(rest)));
    }
    let line_before = |text: &str| {
        let (at, _) = run.find(text)?;
        Some(without_dot(message(run.lines.get(at.checked_sub(1)?)?)))
    };
    if let Some(why) = line_before("Critical error while loading ACLs") {
        return Some(Cause::Acl(why));
    }
    if let Some(why) = line_before("Failed to configure TLS") {
        return Some(Cause::Tls(why));
    }
    if let Some(rest) = run.after("Unix socket: ") {
        return Some(Cause::UnixSocket(without_dot(rest)));
    }
    let line =
        run.near_end("Can't open or create append-only dir").or_else(|| run.near_end("Fatal error loading the DB"))?;
    Some(Cause::AofIncomplete(without_dot(line.trim_end_matches(" Exiting."))))
}

fn ended(run: &Run) -> Option<Cause> {
    if let Some(rest) = run.after("crashed by signal: ") {
        return Some(Cause::Crashed(rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default().to_owned()));
    }
    let texts = ["User requested shutdown", "scheduling shutdown", "ready to exit, bye bye"];
    texts.iter().any(|text| run.near_end(text).is_some()).then_some(Cause::AskedToEnd)
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::PortInUse(port) => {
                write!(f, "Another program uses port {port}. End that program, or give this node another port.")
            }
            Cause::BusPortInUse(port) => {
                write!(f, "Another program uses the bus port {port}. End that program, or give this node another port.")
            }
            Cause::PortNotAllowed(port) => {
                write!(
                    f,
                    "The system does not let this user listen on port {port}. Use one above 1024 that it does not keep."
                )
            }
            Cause::PortTooHigh => f.write_str("The port is too high for a cluster: use one up to 55535."),
            Cause::AddressUnavailable(address) => {
                write!(f, "This machine has no address {address}. Correct 'bind' in redis.conf.")
            }
            Cause::BadConfigLine { line: Some(line), text, reason } => {
                write!(f, "Line {line} of redis.conf is not accepted: '{text}' ({reason}). Correct or remove it.")
            }
            Cause::BadConfigLine { line: None, text, reason } => {
                write!(f, "A line of redis.conf is not accepted: '{text}' ({reason}). Correct or remove it.")
            }
            Cause::ConfigUnreadable(what) => write!(f, "A configuration file can't be opened: {what}."),
            Cause::WrongDir(what) => write!(f, "The folder named by 'dir' can't be used: {what}. Correct redis.conf."),
            Cause::LogUnwritable(why) => {
                write!(f, "The log file can't be opened: {why}. Correct 'logfile' in redis.conf.")
            }
            Cause::NodesFileInUse => f.write_str(
                "Another server runs with this node's nodes.conf. End it first: two nodes can't share a folder.",
            ),
            Cause::NodesFileCorrupt => f.write_str(
                "The node's nodes.conf is damaged. Put a copy back; or move it away, and the node joins as a new one.",
            ),
            Cause::AofTruncated(file) => write!(
                f,
                "The append-only file{} ends in the middle of a command. Copy the folder, then set 'aof-load-truncated yes' \
                 (the unfinished command is lost) or run redis-check-aof --fix.",
                spaced(file)
            ),
            Cause::AofCorrupt(file) => write!(
                f,
                "The append-only file{} is damaged. Copy the folder, then run redis-check-aof --fix: it cuts off everything \
                 after the damage. A replica's data may be whole.",
                spaced(file)
            ),
            Cause::AofIncomplete(why) => write!(
                f,
                "The append-only file can't be loaded: {why}. Copy the folder, put the missing part back, or run \
                 redis-check-aof on the copy."
            ),
            Cause::DataTooNew(version) => write!(
                f,
                "The data was written by a newer server (RDB format {version}). Start it with that version or a later one."
            ),
            Cause::RdbCorrupt => f.write_str(
                "The snapshot dump.rdb is damaged. Copy it, look at it with redis-check-rdb, and put a good copy back; \
                 a replica may have one.",
            ),
            Cause::OtherDatabases => f.write_str(
                "The data has keys outside database 0, which a cluster does not have. Move them to database 0 first.",
            ),
            Cause::OutOfMemory => {
                f.write_str("The system had no memory left. End other programs, or set 'maxmemory' lower.")
            }
            Cause::PageFile => f.write_str(
                "Windows had too little memory with its page file. Enlarge the page file, or set 'maxmemory' lower.",
            ),
            Cause::DiskFull => f.write_str("The disk is full. Make room, then start the node again."),
            Cause::PermissionDenied(what) => {
                write!(
                    f,
                    "The user who runs Slotdeck lacks a right: {what}. Correct the owner or the rights of the folder."
                )
            }
            Cause::Module(path) => write!(f, "The module {path} can't be loaded. Correct 'loadmodule' in redis.conf."),
            Cause::Acl(why) => write!(f, "The users (ACL) can't be loaded: {why}."),
            Cause::Tls(why) => write!(f, "TLS can't be set up: {why}."),
            Cause::UnixSocket(why) => {
                write!(f, "The Unix socket can't be made: {why}. Correct 'unixsocket' in redis.conf.")
            }
            Cause::Crashed(signal) => {
                write!(
                    f,
                    "The server crashed (signal {signal}). Its log holds a report; another version may not have the fault."
                )
            }
            Cause::AskedToEnd => f.write_str("Somebody ended it in an orderly way (SHUTDOWN, Ctrl-C or a signal)."),
        }
    }
}

fn spaced(file: &str) -> String {
    if file.is_empty() { String::new() } else { format!(" {file}") }
}

#[cfg(test)]
#[path = "diagnose_tests.rs"]
mod tests;
