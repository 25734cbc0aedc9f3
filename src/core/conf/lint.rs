//! What a server, or Slotdeck, would stumble over in redis.conf text, line by line.
//!
//! There are two kinds of text. *Further directives* are added to a file that Slotdeck writes: what it sets itself
//! ([`RESERVED`]) is refused there. An *edited file* is a whole file that was changed by hand: it may say anything that
//! leaves it the same node, in reach, with the cluster's password.
//!
//! Refused in both, or warned of, because Slotdeck could no longer run the node: TLS ports (it speaks plain TCP with
//! its own nodes), other addresses announced than listened on, renamed commands that it sends, `include` (it can't see
//! what that sets), `replicaof` (the server refuses it in a cluster), `user default` (it overrules `requirepass`).

use std::collections::BTreeSet;

use super::directives::{Known, Row, Shape, canonical, find, known, maxmemory_policies, memory_size};
use super::file::{LOG_FILE, PID_FILE};
use super::quote::{MAX_OLD_LINE, QuoteError};
use super::read::{Line, MASK, lines};
use crate::core::secret::Secret;
use crate::core::spec::{ProblemKind, Severity};
use crate::core::topology::BUS_PORT_OFFSET;
use crate::core::version::{Family, ServerVersion};

/// Settings that Slotdeck decides itself, by the names that newer Redis servers list. The fields of a spec, or the way
/// Slotdeck starts and reaches its nodes, depend on each.
pub const RESERVED: [&str; 16] = [
    "bind",
    "cluster-announce-bus-port",
    "cluster-announce-ip",
    "cluster-announce-port",
    "cluster-announce-tls-port",
    "cluster-config-file",
    "cluster-enabled",
    "cluster-port",
    "daemonize",
    "dir",
    "logfile",
    "masterauth",
    "pidfile",
    "port",
    "requirepass",
    "supervised",
];

/// Commands that Slotdeck and the nodes themselves send: a node that calls them otherwise can't be run.
const NEEDED_COMMANDS: [&str; 16] = [
    "asking",
    "auth",
    "client",
    "cluster",
    "config",
    "dbsize",
    "info",
    "migrate",
    "ping",
    "psync",
    "readonly",
    "replconf",
    "restore",
    "restore-asking",
    "shutdown",
    "sync",
];

/// A remark about a line of redis.conf text; the kind holds the line's number ([`line_of`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Whether the server would not start, or Slotdeck could not run the node.
    pub severity: Severity,
    /// What it is, and in which line.
    pub kind: ProblemKind,
}

/// What a node's file has to keep to.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    /// The client port.
    pub port: u16,
    /// The address that the node is reached at.
    pub host: &'a str,
    /// The password of the cluster.
    pub password: &'a Secret,
}

/// The line, from 1, that a problem is about, if it is about one.
#[must_use]
pub fn line_of(kind: &ProblemKind) -> Option<usize> {
    match kind {
        ProblemKind::BadDirective { line, .. }
        | ProblemKind::UnknownDirective { line, .. }
        | ProblemKind::DuplicateDirective { line, .. }
        | ProblemKind::ReservedDirective { line, .. } => Some(*line),
        _ => None,
    }
}

/// What is wrong with further directives, in the order of their lines. Without a version, what any server knows is let
/// through.
#[must_use]
pub fn lint(text: &str, version: Option<ServerVersion>) -> Vec<Remark> {
    let mut remarks = Vec::new();
    for line in common(text, version, &mut remarks) {
        let name = canonical(&line.name);
        if RESERVED.contains(&name.as_str()) {
            let kind = ProblemKind::ReservedDirective { line: line.number, name: line.name.clone() };
            remarks.push(Remark { severity: Severity::Error, kind });
        } else if name == "include" {
            let reason = "Slotdeck can't see what 'include' sets; write the directives themselves here";
            remarks.push(bad(Severity::Error, line.number, reason));
        }
    }
    in_order(remarks)
}

/// What is wrong with the whole file of a node that was edited by hand, in the order of its lines. What is missing is
/// said at line 1. The password may stand there masked.
#[must_use]
pub fn lint_file(text: &str, version: Option<ServerVersion>, node: &Node<'_>) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let read = common(text, version, &mut remarks);
    for line in &read {
        if line.name == "include" {
            let reason = "Slotdeck can't see what 'include' sets: it may break what this file says";
            remarks.push(bad(Severity::Warning, line.number, reason));
        }
    }
    let mut must = |name: &str, default: &str, fits: &dyn Fn(&[String]) -> bool, severity, reason: &str| {
        let last = read.iter().rev().find(|line| line.sets(name));
        let (number, args) = last.map_or_else(|| (1, vec![default.to_owned()]), |line| (line.number, line.text_args()));
        if !fits(&args) {
            remarks.push(bad(severity, number, reason));
        }
    };
    let is = |expected: &str| {
        let expected = expected.to_owned();
        move |args: &[String]| args.len() == 1 && args[0].eq_ignore_ascii_case(&expected)
    };
    let port = node.port.to_string();
    must("port", "6379", &is(&port), Severity::Error, &format!("the file must say 'port {port}': this is that node"));
    must("cluster-enabled", "no", &is("yes"), Severity::Error, "the file must say 'cluster-enabled yes'");
    must("daemonize", "no", &is("no"), Severity::Error, "Slotdeck watches the process: it must say 'daemonize no'");
    must(
        "supervised",
        "no",
        &is("no"),
        Severity::Error,
        "Slotdeck supervises the process: it must say 'supervised no'",
    );
    let here = |args: &[String]| matches!(args, [dir] if matches!(dir.as_str(), "" | "." | "./" | ".\\"));
    must("dir", "./", &here, Severity::Error, "the node's files must stay in its own folder: it must say 'dir ./'");
    let plain_name = |args: &[String]| matches!(args, [name] if !name.contains(['/', '\\', ':']));
    let reason = "the file that the cluster is remembered in must lie in the node's own folder";
    must("cluster-config-file", "nodes.conf", &plain_name, Severity::Error, reason);
    let reason = format!("Slotdeck shows the log in '{LOG_FILE}' only");
    must("logfile", "", &is(LOG_FILE), Severity::Warning, &reason);
    let reason = format!("Slotdeck looks for the process id in '{PID_FILE}'");
    must("pidfile", "", &is(PID_FILE), Severity::Warning, &reason);
    let reached = |args: &[String]| args.iter().any(|bound| covers(bound, node.host));
    let reason = format!("the node is reached at {}, so it must listen there", node.host);
    must("bind", "*", &reached, Severity::Error, &reason);
    let password = |args: &[String]| matches!(args, [arg] if same_password(arg, node.password));
    for name in ["requirepass", "masterauth"] {
        let reason = format!("'{name}' must be the password of the cluster, the same on every node");
        must(name, "", &password, Severity::Error, &reason);
    }
    let bus = (u32::from(node.port) + u32::from(BUS_PORT_OFFSET)).to_string();
    let usual_bus = |args: &[String]| matches!(args, [port] if *port == "0" || *port == bus);
    must("cluster-port", "0", &usual_bus, Severity::Error, "Slotdeck expects the bus port 10000 above the client port");
    for name in RESERVED.into_iter().filter(|name| name.starts_with("cluster-announce-")) {
        let reason = format!("with '{name}' the other nodes would name an address that Slotdeck does not use");
        must(name, "0", &|args| matches!(args, [arg] if matches!(arg.as_str(), "" | "0")), Severity::Error, &reason);
    }
    in_order(remarks)
}

fn same_password(written: &str, password: &Secret) -> bool {
    written == password.expose() || (written == MASK && !password.is_empty())
}

/// Whether a server that listens on `bound` answers at `host`.
fn covers(bound: &str, host: &str) -> bool {
    let bound = bound.strip_prefix('-').unwrap_or(bound);
    let every = if host.contains(':') { ["::", "::*"] } else { ["0.0.0.0", "*"] };
    bound.is_empty() || bound.eq_ignore_ascii_case(host) || every.contains(&bound)
}

fn bad(severity: Severity, line: usize, reason: impl Into<String>) -> Remark {
    Remark { severity, kind: ProblemKind::BadDirective { line, reason: reason.into() } }
}

fn in_order(mut remarks: Vec<Remark>) -> Vec<Remark> {
    remarks.sort_by_key(|remark| line_of(&remark.kind));
    remarks
}

/// The checks that are the same for every text; returns the lines that can be read.
fn common(text: &str, version: Option<ServerVersion>, remarks: &mut Vec<Remark>) -> Vec<Line> {
    whole_lines(text, version, remarks);
    let mut seen = BTreeSet::new();
    let mut read = Vec::new();
    for (number, line) in lines(text) {
        let line = match line {
            Ok(line) => line,
            Err(error) => {
                remarks.push(bad(Severity::Error, number, error.to_string()));
                continue;
            }
        };
        // Said once, by `whole_lines`.
        if line.name.starts_with(BYTE_ORDER_MARK) {
            continue;
        }
        if let Some(severity) = unknown(&line, version) {
            remarks.push(Remark {
                severity,
                kind: ProblemKind::UnknownDirective { line: number, name: line.name.clone() },
            });
        } else {
            let args = line.text_args();
            let reasons = [wrong_arguments(&line, &args, version), unsuited(&line, &args)];
            remarks.extend(reasons.into_iter().flatten().map(|(severity, reason)| bad(severity, number, reason)));
        }
        if !find(&line.name).is_some_and(Row::repeats) && !seen.insert(canonical(&line.name)) {
            let kind = ProblemKind::DuplicateDirective { line: number, name: line.name.clone() };
            remarks.push(Remark { severity: Severity::Warning, kind });
        }
        read.push(line);
    }
    read
}

const BYTE_ORDER_MARK: char = '\u{feff}';

/// What is wrong with lines as such, comments included.
fn whole_lines(text: &str, version: Option<ServerVersion>, remarks: &mut Vec<Remark>) {
    let cuts = version.is_some_and(|v| v.family == Family::Redis && v.numbers() < (7, 0, 0));
    if text.starts_with(BYTE_ORDER_MARK) {
        remarks.push(bad(Severity::Error, 1, "the text begins with a byte order mark, which the server can't read"));
    }
    for (number, line) in (1..).zip(text.split('\n')) {
        if line.contains('\0') {
            remarks.push(bad(Severity::Error, number, QuoteError::Nul.to_string()));
        }
        if cuts && line.len() > MAX_OLD_LINE {
            let reason = format!("the line is longer than {MAX_OLD_LINE} bytes, where servers before 7.0 cut it");
            remarks.push(bad(Severity::Error, number, reason));
        }
    }
}

fn unknown(line: &Line, version: Option<ServerVersion>) -> Option<Severity> {
    match known(&line.name, version) {
        Known::Yes => None,
        Known::No => Some(Severity::Error),
        Known::Perhaps => Some(Severity::Warning),
    }
}

type Reason = Option<(Severity, String)>;

fn error(reason: impl Into<String>) -> (Severity, String) {
    (Severity::Error, reason.into())
}

/// What the server would say to the arguments.
fn wrong_arguments(line: &Line, args: &[String], version: Option<ServerVersion>) -> Reason {
    let (row, name) = (find(&line.name)?, &line.name);
    let fits = match (row.name, row.shape) {
        ("rename-command", _) => args.len() == 2,
        ("save", _) => return wrong_save(args, version),
        (_, Shape::Words) => !args.is_empty(),
        _ => args.len() == 1,
    };
    if !fits {
        return match args.iter().find(|arg| arg.starts_with('#')) {
            Some(_) => {
                Some(error(format!("there are no comments at the end of a line: '#' belongs to the value of '{name}'")))
            }
            None if args.is_empty() => Some(error(format!("'{name}' needs a value"))),
            None => Some(error(format!("'{name}' has too many values, or one that should be in double quotes"))),
        };
    }
    let value = args.first()?;
    match row.shape {
        Shape::Flag if !["yes", "no"].iter().any(|word| value.eq_ignore_ascii_case(word)) => {
            Some(error(format!("'{name}' takes yes or no")))
        }
        Shape::Integer if value.parse::<i64>().is_err() => Some(error(format!("'{name}' takes a whole number"))),
        Shape::Memory if memory_size(value).is_none() && value.parse::<i64>().is_err() => {
            Some(error(format!("'{name}' takes an amount of memory, like 64mb")))
        }
        _ if row.name == "maxmemory-policy"
            && !maxmemory_policies(version).iter().any(|policy| value.eq_ignore_ascii_case(policy)) =>
        {
            Some(error(ProblemKind::BadPolicy(value.clone()).to_string().trim_end_matches('.')))
        }
        _ => None,
    }
}

fn wrong_save(args: &[String], version: Option<ServerVersion>) -> Reason {
    let one_pair_only = version.is_some_and(|v| v.family == Family::Redis && v.major < 7);
    // A single argument in quotes, "900 1", is split by servers from 7.0 on.
    let words: Vec<&str> = match args {
        [one] if one.is_empty() => return None,
        [one] if !one_pair_only => one.split_whitespace().collect(),
        _ => args.iter().map(String::as_str).collect(),
    };
    let pairs = words.chunks(2).all(|pair| match pair {
        [seconds, changes] => seconds.parse::<u32>().is_ok_and(|s| s > 0) && changes.parse::<u32>().is_ok(),
        _ => false,
    });
    if words.is_empty() || !pairs || (one_pair_only && words.len() > 2) {
        return Some(error("'save' takes seconds and changes, like 3600 1, or \"\" for none"));
    }
    None
}

/// What the server would take, but Slotdeck or the cluster could not live with.
fn unsuited(line: &Line, args: &[String]) -> Reason {
    let name = canonical(&line.name);
    let value = args.first().map(String::as_str).unwrap_or_default();
    match name.as_str() {
        "replicaof" => {
            Some(error("a cluster's nodes are told their masters by the cluster: the server refuses this line"))
        }
        "tls-port" if value != "0" => Some(error("Slotdeck speaks plain TCP with nodes that it starts")),
        "tls-cluster" | "tls-replication" if !value.eq_ignore_ascii_case("no") => {
            Some(error("Slotdeck speaks plain TCP with nodes that it starts"))
        }
        "rename-command" if NEEDED_COMMANDS.iter().any(|needed| value.eq_ignore_ascii_case(needed)) => {
            Some(error(format!("Slotdeck needs the command '{value}' by its own name")))
        }
        "user" if value == "default" => Some(error("'user default' overrules the password: set it in its own field")),
        "unixsocket" if cfg!(windows) => Some(error("servers on Windows hang with a Unix socket")),
        "unixsocket" if value.starts_with('/') => {
            Some((Severity::Warning, "nodes with the same socket path take it from each other".to_owned()))
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "lint_tests.rs"]
mod tests;
