//! `set-timeout`: cluster-node-timeout on every node, with redis-cli's lines.

use futures_util::future::join_all;
use serde::Serialize;

use crate::core::topology::NodeAddr;
use crate::engine::client::{NodeClient, NodeError};
use crate::workspace::store::Workspace;

use super::call::{everybody, stranger};
use super::cluster::{Access, bare, look, named};
use super::failure::Failure;
use super::node_args::SetTimeoutArgs;
use super::replies::said;
use super::terminal::Terminal;

/// The least that redis-cli takes, in milliseconds.
const LEAST: u32 = 100;

/// A node's outcome as JSON shows it.
#[derive(Debug, Serialize)]
struct NodeTimeoutJson {
    addr: String,
    id: String,
    ok: bool,
    /// Whether the node has the new timeout now.
    set: bool,
    /// Whether its configuration file has it.
    written: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// `set-timeout` as JSON.
#[derive(Debug, Serialize)]
struct SetTimeoutJson {
    ok: bool,
    milliseconds: u32,
    timeouts: Vec<NodeTimeoutJson>,
}

/// How far a node came.
enum Outcome {
    Written,
    /// It has the timeout until it restarts; why it is not written down.
    SetOnly(String),
    /// Why it has not.
    Failed(String),
}

/// `set-timeout HOST:PORT MILLISECONDS`.
///
/// # Errors
/// A number that is none or too small, the seed can't be asked, or a node without the new timeout in memory and file.
pub async fn set_timeout(args: &SetTimeoutArgs, terminal: Terminal, workspace: &Workspace) -> Result<(), Failure> {
    let bad = || Failure::message(&format!("'{}' is not a number of milliseconds", args.milliseconds));
    let milliseconds: u32 = args.milliseconds.trim().parse().map_err(|_| bad())?;
    if milliseconds < LEAST {
        return Err(Failure::message("Setting a node timeout of less than 100 milliseconds is a bad idea."));
    }
    let (seed, access) = named(std::slice::from_ref(&args.node), &args.login, workspace).await?;
    let gathered = look(&seed, &access, terminal).await?;
    terminal.say(|text| text.info(">>> Reconfiguring node timeout in every cluster node..."));
    let nodes = everybody(&gathered.topology, &seed);
    let all = nodes.iter().filter_map(|member| Some((member, member.at.as_ref().or(member.addr.as_ref())?)));
    let outcomes = join_all(all.map(|(member, addr)| {
        let access = &access;
        async move { (member, addr, set(addr, member.at.is_some(), milliseconds, access).await) }
    }))
    .await;
    let mut timeouts = Vec::new();
    for (member, addr, outcome) in outcomes {
        tell(terminal, addr, &outcome);
        let (set, written, error) = match outcome {
            Outcome::Written => (true, true, None),
            Outcome::SetOnly(why) => (true, false, Some(why)),
            Outcome::Failed(why) => (false, false, Some(why)),
        };
        let (addr, id) = (addr.to_string(), member.id.to_string());
        timeouts.push(NodeTimeoutJson { addr, id, ok: written, set, written, error });
    }
    let good = timeouts.iter().filter(|node| node.ok).count();
    let ok = good == timeouts.len();
    terminal.say(|text| {
        text.info(format_args!(">>> New node timeout set. {good} OK, {} ERR.", timeouts.len() - good));
    });
    terminal.object(&SetTimeoutJson { ok, milliseconds, timeouts });
    if ok { Ok(()) } else { Err(Failure::Shown) }
}

async fn set(addr: &NodeAddr, is_member: bool, milliseconds: u32, access: &Access) -> Outcome {
    let words = |error: &NodeError| said(error).map_or_else(|| bare(&error.kind.to_string()).to_owned(), str::to_owned);
    let client = match NodeClient::connect_within(addr, &access.auth, access.connect).await {
        Ok(client) if is_member => client,
        Ok(client) => return Outcome::Failed(words(&stranger(&client))),
        Err(error) => return Outcome::Failed(words(&error)),
    };
    let number = milliseconds.to_string();
    if let Err(error) = client.call(&["CONFIG", "SET", "cluster-node-timeout", &number]).await {
        return Outcome::Failed(words(&error));
    }
    match client.call(&["CONFIG", "REWRITE"]).await {
        Ok(_) => Outcome::Written,
        Err(error) => Outcome::SetOnly(words(&error)),
    }
}

fn tell(terminal: Terminal, addr: &NodeAddr, outcome: &Outcome) {
    terminal.say(|text| match outcome {
        Outcome::Written => text.warn(format_args!("*** New timeout set for {addr}")),
        Outcome::Failed(why) => text.error(format_args!("ERR setting node-timeout for {addr}: {why}")),
        Outcome::SetOnly(why) => {
            text.error(format_args!("ERR setting node-timeout for {addr}: {why}"));
            text.line(format_args!(
                "    {addr} has the new timeout, but forgets it when it restarts: it is not in its file."
            ));
        }
    });
}
