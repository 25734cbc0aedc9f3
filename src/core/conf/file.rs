//! Writing a node's redis.conf: an order and comments that teach its reader what each line is for.

use std::fmt::Write as _;

use super::ConfError;
use super::directives::{Row, canonical, find};
use super::quote::quote;
use super::read::{Line, lines};
use crate::core::capability::Capabilities;
use crate::core::limits::settings;
use crate::core::spec::ClusterSpec;
use crate::core::topology::BUS_PORT_OFFSET;

/// The server's log, in the node's folder.
pub const LOG_FILE: &str = "server.log";
/// Where the server writes its process id, in the node's folder.
pub const PID_FILE: &str = "server.pid";

/// The redis.conf of the node on this port, ready to be written: it holds the password, so show it only through
/// [`mask_password`](super::mask_password).
///
/// Whatever is typed into a field stays one value of one directive. Of the further directives, those for the node win
/// over those for all nodes, and both win over the lines that are written here for the same setting.
///
/// # Errors
/// [`ConfError::Value`] where a value can't be written, [`ConfError::Line`] where a further directive can't be read.
pub fn node_file(spec: &ClusterSpec, port: u16) -> Result<String, ConfError> {
    write_file(spec, port, cfg!(windows))
}

fn write_file(spec: &ClusterSpec, port: u16, windows: bool) -> Result<String, ConfError> {
    let own = Extra::read(spec.config.extra_by_port.get(&port).map_or("", String::as_str))?;
    let common = Extra::read(&spec.config.extra)?;
    let mut file = File { text: header(spec, port), taken: own.settings.iter().chain(&common.settings).collect() };
    network(&mut file, spec, port)?;
    process(&mut file, windows)?;
    cluster(&mut file, spec, port)?;
    password(&mut file, spec)?;
    persistence(&mut file, spec, port, windows)?;
    memory(&mut file, spec)?;
    let common: Vec<&str> = common
        .lines
        .iter()
        .filter(|(line, _)| repeats(line) || !own.settings.contains(&canonical(&line.name)))
        .map(|(_, raw)| raw.as_str())
        .collect();
    further(&mut file, "Further directives, the same for every node.", &common);
    let own: Vec<&str> = own.lines.iter().map(|(_, raw)| raw.as_str()).collect();
    further(&mut file, "Further directives of this node alone.", &own);
    Ok(file.text)
}

fn repeats(line: &Line) -> bool {
    find(&line.name).is_some_and(Row::repeats)
}

/// Further directives as typed, and which settings they are about.
struct Extra {
    lines: Vec<(Line, String)>,
    settings: Vec<String>,
}

impl Extra {
    fn read(text: &str) -> Result<Self, ConfError> {
        let mut extra = Self { lines: Vec::new(), settings: Vec::new() };
        let raw: Vec<&str> = text.split('\n').collect();
        for (number, line) in lines(text) {
            let refuse = |reason: String| ConfError::Line { line: number, reason };
            let line = line.map_err(|error| refuse(error.to_string()))?;
            let raw = raw.get(number - 1).map_or("", |raw| raw.trim_matches([' ', '\t', '\r']));
            if raw.contains('\0') {
                return Err(refuse(super::QuoteError::Nul.to_string()));
            }
            extra.settings.push(canonical(&line.name));
            extra.lines.push((line, raw.to_owned()));
        }
        Ok(extra)
    }
}

/// A file in the making.
struct File<'a> {
    text: String,
    /// The settings that the further directives decide.
    taken: Vec<&'a String>,
}

impl File<'_> {
    fn section(&mut self, title: &str) {
        let _ = write!(self.text, "\n# ---- {title} ----\n");
    }

    fn comment(&mut self, text: &str) {
        for line in text.lines() {
            let _ = writeln!(self.text, "# {line}");
        }
    }

    /// A directive under its comment; left out where a further directive decides the setting.
    fn set(&mut self, comment: &str, name: &str, args: &[&str]) -> Result<(), ConfError> {
        if self.taken.iter().any(|taken| taken.as_str() == canonical(name)) {
            return Ok(());
        }
        self.comment(comment);
        self.text.push_str(name);
        for arg in args {
            let quoted = quote(arg).map_err(|source| ConfError::Value { directive: name.to_owned(), source })?;
            self.text.push(' ');
            self.text.push_str(&quoted);
        }
        self.text.push('\n');
        Ok(())
    }
}

fn header(spec: &ClusterSpec, port: u16) -> String {
    // Short and of one line whatever the name is: a comment can't turn into a directive.
    let name: String = spec.name.chars().filter(|c| !c.is_control()).take(64).collect();
    format!(
        "# redis.conf of the node on port {port} of the cluster '{name}', written by Slotdeck.\n\
         # The server is started in this file's folder; relative paths begin there. There are no comments at the end\n\
         # of a line: a '#' counts as one only where a line begins with it.\n"
    )
}

fn network(file: &mut File<'_>, spec: &ClusterSpec, port: u16) -> Result<(), ConfError> {
    file.section("Network");
    let bus = u32::from(port) + u32::from(BUS_PORT_OFFSET);
    file.set(
        &format!(
            "Clients connect here. The nodes talk to each other on the bus port, {BUS_PORT_OFFSET} higher: {bus}."
        ),
        "port",
        &[&port.to_string()],
    )?;
    let addresses: Vec<&str> = spec.bind.split_whitespace().map(every_address).collect();
    file.set(
        "The addresses of this machine that the server listens on; the other nodes use the first.",
        "bind",
        &addresses,
    )?;
    if spec.server.as_ref().is_some_and(|server| Capabilities::of(server.version).protected_mode) {
        file.set(
            "While no password is set, answer nobody but this machine's own clients.",
            "protected-mode",
            &["yes"],
        )?;
    }
    Ok(())
}

/// Every IPv4 address as each version understands it: the `*` is new in Redis 6.2.
fn every_address(address: &str) -> &str {
    if address == "*" { "0.0.0.0" } else { address }
}

fn process(file: &mut File<'_>, windows: bool) -> Result<(), ConfError> {
    file.section("Process and files");
    file.set("Everything the server writes lies in the folder it was started in: this one.", "dir", &["./"])?;
    // Servers on Windows stay there anyway, and some complain of the directive.
    if !windows {
        file.set("Stay in the foreground: Slotdeck watches the process.", "daemonize", &["no"])?;
    }
    file.set("What the server has to say.", "logfile", &[LOG_FILE])?;
    file.set("Its process id, while it runs.", "pidfile", &[PID_FILE])
}

fn cluster(file: &mut File<'_>, spec: &ClusterSpec, port: u16) -> Result<(), ConfError> {
    file.section("Cluster");
    file.set("Be a node of a cluster, not a server of its own.", "cluster-enabled", &["yes"])?;
    file.set(
        "What the node knows of the cluster. The server writes this file itself: never edit it, and never\n\
         let two nodes share one.",
        "cluster-config-file",
        &[&format!("nodes-{port}.conf")],
    )?;
    file.set(
        "Milliseconds without an answer after which a node counts as failed; a replica takes over soon after.",
        "cluster-node-timeout",
        &[&spec.config.node_timeout_ms.to_string()],
    )
}

fn password(file: &mut File<'_>, spec: &ClusterSpec) -> Result<(), ConfError> {
    let password = &spec.config.password;
    if password.is_empty() {
        return Ok(());
    }
    file.section("Password");
    file.set("Clients must send this password.", "requirepass", &[password.expose()])?;
    file.set(
        "A replica sends this one to its master. Any node can be either, so it is the same on all.",
        "masterauth",
        &[password.expose()],
    )
}

fn persistence(file: &mut File<'_>, spec: &ClusterSpec, port: u16, windows: bool) -> Result<(), ConfError> {
    let config = &spec.config;
    file.section("Persistence");
    let (comment, value) = if config.append_only {
        ("Log every write, so that a restarted node has its data again.", "yes")
    } else {
        ("Do not log writes.", "no")
    };
    file.set(comment, "appendonly", &[value])?;
    file.set(
        "The log's name (servers from 7.0 on keep several files of this name in a folder of their own).",
        "appendfilename",
        &[&format!("appendonly.{port}.aof")],
    )?;
    match config.save.as_deref() {
        None => {}
        Some([]) => file.set("No snapshots to disk.", "save", &[""])?,
        Some(points) => {
            let mut comment = "A snapshot to disk after so many seconds, if there were so many changes.";
            for (seconds, changes) in points {
                file.set(comment, "save", &[&seconds.to_string(), &changes.to_string()])?;
                comment = "";
            }
        }
    }
    let needed = spec.server.as_ref().map(|server| settings(server.build, server.version, windows));
    for setting in needed.unwrap_or_default() {
        file.set(setting.comment(), setting.directive, &[setting.value])?;
    }
    Ok(())
}

fn memory(file: &mut File<'_>, spec: &ClusterSpec) -> Result<(), ConfError> {
    let config = &spec.config;
    let (limit, policy) = (config.maxmemory.trim(), config.maxmemory_policy.trim());
    if limit.is_empty() && policy.is_empty() {
        return Ok(());
    }
    file.section("Memory");
    if !limit.is_empty() {
        file.set("The most memory that this node's data may take.", "maxmemory", &[limit])?;
    }
    if !policy.is_empty() {
        file.set("Which keys go when it is full.", "maxmemory-policy", &[policy])?;
    }
    Ok(())
}

fn further(file: &mut File<'_>, title: &str, lines: &[&str]) {
    if lines.is_empty() {
        return;
    }
    file.section(title.trim_end_matches('.'));
    for line in lines {
        file.text.push_str(line);
        file.text.push('\n');
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
