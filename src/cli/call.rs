//! `call`: one command to every node, all at once, with redis-cli's lines.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use redis::Value;
use serde::Serialize;

use crate::core::plan::members::{Member, members};
use crate::core::topology::{NodeAddr, Role, Topology};
use crate::engine::client::{NodeClient, NodeError};
use crate::workspace::store::Workspace;

use super::cluster::{bare, could_not_connect, look, named};
use super::failure::Failure;
use super::node_args::CallArgs;
use super::replies::{json, raw, said};
use super::terminal::{Terminal, complain};

/// How long a node may take to answer: FLUSHALL and SAVE of large data sets take their time.
const PATIENCE: Duration = Duration::from_hours(1);

/// A node's reply as JSON shows it.
#[derive(Debug, Serialize)]
struct ReplyJson {
    addr: String,
    id: String,
    role: Role,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// `call` as JSON.
#[derive(Debug, Serialize)]
struct CallJson {
    ok: bool,
    replies: Vec<ReplyJson>,
}

/// `call HOST:PORT COMMAND ARG…`.
///
/// # Errors
/// The seed can't be asked, or a node did not answer or answered with an error.
pub async fn call(args: &CallArgs, terminal: Terminal, workspace: &Workspace) -> Result<(), Failure> {
    let (seed, access) = named(std::slice::from_ref(&args.node), &args.login, workspace).await?;
    let gathered = look(&seed, &access, terminal).await?;
    terminal.say(|text| text.info(format_args!(">>> Calling {}", args.command.join(" "))));
    let wanted = |role: Role| match role {
        Role::Master => !args.cluster_only_replicas,
        Role::Replica => !args.cluster_only_masters,
    };
    let nodes: Vec<Member> =
        everybody(&gathered.topology, &seed).into_iter().filter(|member| wanted(member.role)).collect();
    let mut answers: FuturesOrdered<_> = nodes
        .iter()
        .filter_map(|member| Some((member, member.at.as_ref().or(member.addr.as_ref())?)))
        .map(|(member, addr)| {
            let access = &access;
            async move {
                let client = NodeClient::connect_with(addr, &access.auth, access.connect, PATIENCE).await;
                let answer = match client {
                    // At an address of a node that does not answer there may be another one by now.
                    Ok(client) if member.at.is_some() => client.call(&args.command).await,
                    Ok(client) => Err(stranger(&client)),
                    Err(error) => Err(error),
                };
                (member, addr, answer)
            }
        })
        .collect();
    let mut replies = Vec::new();
    while let Some((member, addr, answer)) = answers.next().await {
        tell(terminal, addr, &answer);
        replies.push(reply(member, addr, answer));
    }
    let failed: Vec<&str> = replies.iter().filter(|reply| !reply.ok).map(|reply| reply.addr.as_str()).collect();
    let ok = failed.is_empty();
    if !ok {
        complain(&format!(
            "[ERR] The call failed on {} of {} nodes: {}.",
            failed.len(),
            replies.len(),
            failed.join(", ")
        ));
    }
    terminal.object(&CallJson { ok, replies });
    if ok { Ok(()) } else { Err(Failure::Shown) }
}

/// The members of the asked node's cluster that have an address: the asked one first, the others by address.
pub(super) fn everybody(topology: &Topology, seed: &NodeAddr) -> Vec<Member> {
    let mut all = members(topology, seed);
    all.retain(|member| member.at.is_some() || member.addr.is_some());
    all.sort_by_key(|member| (member.at.as_ref() != Some(seed), member.at.clone().or_else(|| member.addr.clone())));
    all
}

/// The error for a server that is no member of the cluster.
pub(super) fn stranger(client: &NodeClient) -> NodeError {
    let kind = crate::engine::client::NodeErrorKind::Unexpected("another node answers at this address".to_owned());
    NodeError { addr: client.addr().clone(), kind }
}

/// redis-cli's line; what it leaves out of a node that does not answer goes to standard error.
fn tell(terminal: Terminal, addr: &NodeAddr, answer: &Result<Value, NodeError>) {
    match answer {
        Ok(value) => terminal.print(&format!("{addr}: {}\n", raw(value))),
        Err(error) => {
            if let Some(reply) = said(error) {
                terminal.print(&format!("{addr}: {reply}\n\n"));
            } else {
                terminal.print(&format!("{addr}: Failed!\n"));
                complain(&could_not_connect(addr, bare(&error.kind.to_string())));
            }
        }
    }
}

fn reply(member: &Member, addr: &NodeAddr, answer: Result<Value, NodeError>) -> ReplyJson {
    let (reply, error) = match answer {
        Ok(value) => (Some(json(&value)), None),
        Err(error) => (None, Some(said(&error).map_or_else(|| error.kind.to_string(), str::to_owned))),
    };
    ReplyJson {
        addr: addr.to_string(),
        id: member.id.to_string(),
        role: member.role,
        ok: error.is_none(),
        reply,
        error,
    }
}
