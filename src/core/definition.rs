//! A cluster definition: what a cluster is made from, as a `.slotdeck` file that can be kept, sent and opened elsewhere.
//!
//! ```json
//! { "kind": "slotdeck-cluster", "version": 1,
//!   "name": "orders", "masters": 3, "replicas": 1, "ports": { "from": 7000 }, "bind": "127.0.0.1", "config": { … } }
//! ```
//!
//! It holds nothing secret: no password, and no directive that may carry one. It names no program either: a file that
//! came by mail must not choose what is started; `server` only says what it was made with. Everything but `kind`,
//! `version` and `name` may be missing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::conf::directives::canonical;
use super::conf::split_args;
use super::secret::Secret;
use super::spec::{ClusterSpec, NodeConfig, Ports};

/// How the files' names end, without the dot.
pub const EXTENSION: &str = "slotdeck";
/// No definition comes near this size; a file that does is none, bytes.
pub const MAX_BYTES: usize = 1024 * 1024;
/// The version that this program writes.
pub const VERSION: u32 = 1;

/// What tells a definition from other JSON.
const KIND: &str = "slotdeck-cluster";
/// Directives whose arguments are, or may hold, a secret; `rename-command` is one's way to hide a command.
const SECRET: [&str; 7] = [
    "requirepass",
    "masterauth",
    "user",
    "rename-command",
    "tls-key-file-pass",
    "tls-client-key-file-pass",
    "sentinel-pass",
];

/// What a definition says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// The cluster's name.
    pub name: String,
    /// What it was made with, for the reader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// How many masters.
    #[serde(default = "masters")]
    pub masters: u16,
    /// How many replicas each master gets.
    #[serde(default = "replicas")]
    pub replicas: u16,
    /// Client ports.
    #[serde(default = "ports")]
    pub ports: Ports,
    /// The address the servers bind to.
    #[serde(default = "bind")]
    pub bind: String,
    /// The folder; `None` for the one that is proposed for the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<String>,
    /// redis.conf settings.
    #[serde(default)]
    pub config: NodeConfig,
}

fn masters() -> u16 {
    3
}

fn replicas() -> u16 {
    1
}

fn ports() -> Ports {
    Ports::From(7000)
}

fn bind() -> String {
    "127.0.0.1".to_owned()
}

/// Why a file is no definition that can be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DefinitionError {
    /// Too long.
    #[error("it is far too long for a cluster definition (at most {} KB)", MAX_BYTES / 1024)]
    TooLong,
    /// Not JSON of this kind.
    #[error("it is no cluster definition of Slotdeck")]
    OtherKind,
    /// Written by a later Slotdeck.
    #[error("it was written by a newer Slotdeck (format {0}; this one knows up to {VERSION}): update Slotdeck")]
    TooNew(u32),
    /// The right kind, and not readable.
    #[error("it is damaged: {0}")]
    Broken(String),
}

/// The file: the marker, then the definition. Only written so: reading numbers as names of fields does not go together
/// with `flatten`, and what a reader does not know it passes over.
#[derive(Serialize)]
struct File<'a> {
    kind: &'static str,
    version: u32,
    #[serde(flatten)]
    definition: &'a Definition,
}

impl Definition {
    /// The definition of a cluster, and the names of the directives that were left out because they may hold a secret.
    /// A folder that is the one proposed for its name (`clusters_dir`/NAME) is left to be proposed again.
    #[must_use]
    pub fn of(spec: &ClusterSpec, clusters_dir: &Path) -> (Self, Vec<String>) {
        let mut left_out = Vec::new();
        let mut config = spec.config.clone();
        config.password = Secret::default();
        config.extra = without_secrets(&config.extra, &mut left_out);
        config.extra_by_port = config
            .extra_by_port
            .into_iter()
            .map(|(port, text)| (port, without_secrets(&text, &mut left_out)))
            .collect::<BTreeMap<_, _>>();
        left_out.sort();
        left_out.dedup();
        let own_dir = (spec.dir != clusters_dir.join(&spec.name)).then(|| spec.dir.to_string_lossy().into_owned());
        let definition = Self {
            name: spec.name.clone(),
            server: spec.server.as_ref().map(|server| server.version.to_string()),
            masters: spec.masters,
            replicas: spec.replicas,
            ports: spec.ports.clone(),
            bind: spec.bind.clone(),
            dir: own_dir,
            config,
        };
        (definition, left_out)
    }

    /// The spec that it means, still without a server and a password.
    #[must_use]
    pub fn spec(&self, clusters_dir: &Path) -> ClusterSpec {
        let dir = self.dir.as_ref().map_or_else(|| clusters_dir.join(&self.name), PathBuf::from);
        let mut spec = ClusterSpec::new(&self.name, dir);
        spec.masters = self.masters;
        spec.replicas = self.replicas;
        spec.ports = self.ports.clone();
        spec.bind.clone_from(&self.bind);
        spec.config = self.config.clone();
        spec
    }

    /// Whether it brings redis.conf lines of its own.
    #[must_use]
    pub fn brings_lines(&self) -> bool {
        let lines = |text: &String| !text.trim().is_empty();
        lines(&self.config.extra) || self.config.extra_by_port.values().any(lines)
    }

    /// The file's text.
    ///
    /// # Errors
    /// [`DefinitionError::TooLong`].
    pub fn to_text(&self) -> Result<String, DefinitionError> {
        let file = File { kind: KIND, version: VERSION, definition: self };
        let mut text = serde_json::to_string_pretty(&file).map_err(|e| DefinitionError::Broken(e.to_string()))?;
        text.push('\n');
        if text.len() > MAX_BYTES { Err(DefinitionError::TooLong) } else { Ok(text) }
    }

    /// Reads a file's bytes; a byte order mark, which editors on Windows put there, is passed over.
    ///
    /// # Errors
    /// See [`DefinitionError`].
    pub fn read(bytes: &[u8]) -> Result<Self, DefinitionError> {
        #[derive(Deserialize)]
        struct Marker {
            version: u32,
        }
        if bytes.len() > MAX_BYTES {
            return Err(DefinitionError::TooLong);
        }
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let any: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| match bytes.first() {
            Some(b'{') => DefinitionError::Broken(error.to_string()),
            _ => DefinitionError::OtherKind,
        })?;
        if any.get("kind").and_then(serde_json::Value::as_str) != Some(KIND) {
            return Err(DefinitionError::OtherKind);
        }
        let broken = |error: serde_json::Error| DefinitionError::Broken(error.to_string());
        // The version is read before the rest: a later one may look quite different.
        let Marker { version } = Marker::deserialize(&any).map_err(broken)?;
        if version > VERSION {
            return Err(DefinitionError::TooNew(version));
        }
        serde_json::from_slice(bytes).map_err(broken)
    }
}

/// The lines without those that may hold a secret, whose names are noted. A line that was only commented out goes too.
fn without_secrets(text: &str, left_out: &mut Vec<String>) -> String {
    let mut kept = String::new();
    for line in text.split_inclusive('\n') {
        match secret_name(line.trim().trim_start_matches(['#', ' ', '\t'])) {
            Some(name) => left_out.push(name),
            None => kept.push_str(line),
        }
    }
    kept
}

/// The name of the line's directive if that is one of [`SECRET`], as the server reads it: quotes may hide it.
fn secret_name(line: &str) -> Option<String> {
    let name = match split_args(line) {
        Ok(words) => String::from_utf8_lossy(words.first()?).into_owned(),
        Err(_) => line.split_whitespace().next()?.replace(['"', '\''], ""),
    };
    Some(canonical(&name)).filter(|name| SECRET.contains(&name.as_str()))
}

#[cfg(test)]
#[path = "definition_tests.rs"]
mod tests;
