//! Arguments of the commands about clusters of this machine: `up`, `config`, `start`, `stop`, `down`, `servers`, `export`.

use std::path::PathBuf;

use clap::Args;

use crate::core::spec::ProblemKind;

/// `up` and `config`.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// The cluster's name; may be left out with --cluster-file.
    pub name: Option<String>,
    /// Take everything that is not given here from this cluster definition (a .slotdeck file).
    #[arg(long, value_name = "FILE")]
    pub cluster_file: Option<PathBuf>,
    /// How many masters [default: 3].
    #[arg(long, value_name = "N")]
    pub masters: Option<u16>,
    /// How many replicas each master gets [default: 1].
    #[arg(long, value_name = "N", visible_alias = "cluster-replicas")]
    pub replicas: Option<u16>,
    /// The first port; the others follow it.
    #[arg(long, value_name = "P", conflicts_with = "ports", value_parser = port)]
    pub port: Option<u16>,
    /// Exactly these ports, one a node, masters first.
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', value_parser = port)]
    pub ports: Option<Vec<u16>>,
    /// The address that the servers bind to [default: 127.0.0.1].
    #[arg(long, value_name = "ADDRESS")]
    pub bind: Option<String>,
    /// The folder that gets a folder for each node [default: one of the cluster's name among Slotdeck's clusters].
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// The redis-server program [default: the best one found].
    #[arg(long, value_name = "FILE")]
    pub server: Option<PathBuf>,
    /// Read the servers' password from the first line of standard input.
    #[arg(long)]
    pub password_stdin: bool,
    /// cluster-node-timeout in milliseconds [default: 15000].
    #[arg(long, value_name = "MS")]
    pub node_timeout: Option<u32>,
    /// A further redis.conf line for every node, like "maxmemory 256mb". May be repeated.
    #[arg(long, value_name = "DIRECTIVE VALUE")]
    pub set: Vec<String>,
    /// Do not ask.
    #[arg(long, short = 'y', visible_alias = "cluster-yes")]
    pub yes: bool,
}

/// `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The cluster's name.
    pub name: String,
    /// The file [default: NAME.slotdeck in this folder].
    pub file: Option<PathBuf>,
    /// Do not ask before a file is replaced.
    #[arg(long, short = 'y', visible_alias = "cluster-yes")]
    pub yes: bool,
}

/// A command on one cluster.
#[derive(Debug, Args)]
pub struct NameArgs {
    /// The cluster's name.
    pub name: String,
}

/// `start`.
#[derive(Debug, Args)]
pub struct StartArgs {
    /// The cluster's name.
    pub name: String,
    /// Do not ask (servers that are no cluster yet are made one).
    #[arg(long, short = 'y', visible_alias = "cluster-yes")]
    pub yes: bool,
}

/// `down`.
#[derive(Debug, Args)]
pub struct DownArgs {
    /// The cluster's name.
    pub name: String,
    /// Also remove the files that were made for it, data included.
    #[arg(long)]
    pub wipe: bool,
    /// Do not ask.
    #[arg(long, short = 'y', visible_alias = "cluster-yes")]
    pub yes: bool,
}

/// `servers`.
#[derive(Debug, Args)]
pub struct ServersArgs {
    /// Windows: look into the stopped distributions of WSL as well, which starts them.
    #[arg(long)]
    pub wsl: bool,
}

/// A port, or why it is none.
fn port(text: &str) -> Result<u16, String> {
    match text.trim().parse::<u64>() {
        Ok(number) => match u16::try_from(number) {
            Ok(port) if port > 0 => Ok(port),
            _ => Err(ProblemKind::PortOutOfRange(u32::try_from(number).unwrap_or(u32::MAX)).to_string()),
        },
        Err(_) => Err(ProblemKind::NotANumber(text.to_owned()).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_none_is_told_in_plain_words() {
        assert_eq!(port("7000"), Ok(7000));
        assert_eq!(port("99999"), Err("Port 99999 does not exist: ports go from 1 to 65535.".to_owned()));
        assert!(port("0").is_err() && port("x").unwrap_err().contains("'x'"));
    }
}
