//! Plans: what would be done, as data. A plan is shown, confirmed and only then executed; it can be printed as commands.

pub mod add;
pub mod create;
pub mod drain;
pub mod epochs;
pub mod failover;
pub mod fix;
mod fix_commands;
mod fix_facts;
pub mod members;
pub mod moves;
pub mod rebalance;
pub mod rebalance_load;
pub mod remove;
pub mod reshard;
pub mod standing;

use serde::{Deserialize, Serialize};

use super::tls::TlsOptions;
use super::topology::NodeAddr;

/// One command for one node, as it would be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeCommand {
    /// The node that gets it.
    pub node: NodeAddr,
    /// The command's words. No secret is ever among them.
    pub words: Vec<String>,
}

impl NodeCommand {
    /// A command from its words.
    pub fn new<W: Into<String>>(node: &NodeAddr, words: impl IntoIterator<Item = W>) -> Self {
        Self { node: node.clone(), words: words.into_iter().map(Into::into).collect() }
    }

    /// The command as one would type it into a shell, for a connection that is secured so.
    #[must_use]
    pub fn redis_cli_line_in(&self, tls: Option<&TlsOptions>) -> String {
        let options = tls.map(|tls| format!("{} ", shell_words(&tls.words()))).unwrap_or_default();
        format!("redis-cli -h {} -p {} {options}{}", self.node.host, self.node.port, shell_words(&self.words))
    }
}

/// A command as a plan shows it before anything is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShownCommand {
    /// The command.
    #[serde(flatten)]
    pub command: NodeCommand,
    /// What is not to be taken word by word: what stands for something that is only known when it is sent, how often
    /// it is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl ShownCommand {
    /// The line of a shell script, for connections that are secured so: a command with a note is a comment.
    #[must_use]
    pub fn line_in(&self, tls: Option<&TlsOptions>) -> String {
        let line = self.command.redis_cli_line_in(tls);
        self.note.as_ref().map_or(line.clone(), |note| format!("# {line}  ({note})"))
    }
}

impl From<NodeCommand> for ShownCommand {
    fn from(command: NodeCommand) -> Self {
        Self { command, note: None }
    }
}

/// Words as a shell takes them.
#[must_use]
pub fn shell_words(words: &[String]) -> String {
    words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
}

/// One word of a command line for a POSIX shell, or for Windows' own; bare where it needs no quotes.
#[must_use]
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:@%+=,".contains(c) || (cfg!(windows) && c == '\\');
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else if cfg!(windows) {
        format!("\"{}\"", word.replace('"', "\\\""))
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_copied_as_a_shell_takes_them() {
        let node = NodeAddr::new("127.0.0.1", 7000);
        let command = NodeCommand::new(&node, ["CONFIG", "SET", "save", "900 1"]);
        assert_eq!(command.redis_cli_line_in(None), "redis-cli -h 127.0.0.1 -p 7000 CONFIG SET save '900 1'");
        assert_eq!(shell_word(""), "''");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        let tls = TlsOptions { ca_file: Some("my ca.crt".into()), ..TlsOptions::default() };
        let line = NodeCommand::new(&node, ["PING"]).redis_cli_line_in(Some(&tls));
        assert_eq!(line, "redis-cli -h 127.0.0.1 -p 7000 --tls --cacert 'my ca.crt' PING");
        let shown = ShownCommand { command, note: Some("twice".into()) };
        assert_eq!(shown.line_in(None), "# redis-cli -h 127.0.0.1 -p 7000 CONFIG SET save '900 1'  (twice)");
    }
}
