//! Waiting until all nodes see all others in the roles that these have.
//!
//! A node tells its role with every ping, but the next one to a given node may be half a node timeout away. MEET carries
//! the role too and is sent at once: who is not seen rightly meets those who are behind. Each meeting leaves an entry in
//! handshake behind for a moment, which is waited for as well.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::core::plan::NodeCommand;
use crate::core::plan::members::{Host, hosts, members};
use crate::core::topology::{NodeAddr, NodeId, Role, View};

use super::client::NodeClient;
use super::command::Auth;
use super::detail::Detail;
use super::gather::gather;

/// How long the news may take: more than half of a common node timeout.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long to leave it to one meeting.
const MEET_AGAIN: Duration = Duration::from_secs(5);
/// How often to look.
const PAUSE: Duration = Duration::from_millis(50);

/// Waits until these nodes agree about each other's roles, have links to each other, and no handshake is under way.
///
/// # Errors
/// Who does not agree about whom, in words; also when asked to stop.
pub(super) async fn await_agreement(
    nodes: &[Host],
    clients: &BTreeMap<NodeAddr, NodeClient>,
    waiting: &(dyn Fn(Detail) + Sync),
    cancel: &CancellationToken,
) -> Result<(), String> {
    let deadline = Instant::now() + DEADLINE;
    let mut meet = Instant::now();
    loop {
        let asked = nodes.iter().filter_map(|host| Some((host, clients.get(&host.at)?)));
        let views = asked.map(|(host, client)| async move { Some((host, client.view().await.ok()?)) });
        let views: Vec<(&Host, View)> = join_all(views).await.into_iter().flatten().collect();
        let behind = behind(&views);
        let unseen = |(viewer, of): &(&Host, &Host)| Detail::RoleUnseen { node: viewer.at.clone(), of: of.at.clone() };
        let Some(what) = behind.first().map(unseen) else {
            let Some(what) = unlinked(&views) else { return Ok(()) };
            rest(what, deadline, waiting, cancel).await?;
            continue;
        };
        if Instant::now() >= meet {
            meet = Instant::now() + MEET_AGAIN;
            let meetings = behind.iter().filter_map(|(viewer, of)| Some((clients.get(&of.at)?, meeting(of, viewer))));
            // Where one fails, the pings tell it.
            join_all(meetings.map(|(client, command)| async move { client.run(&command).await.ok() })).await;
        }
        rest(what, deadline, waiting, cancel).await?;
    }
}

/// The same for all members of a cluster that answer; what is not agreed about in time is left to the servers.
pub async fn settle(seed: &NodeAddr, auth: &Auth, connect: Duration, cancel: &CancellationToken) {
    let gathered = gather(std::slice::from_ref(seed), auth, connect).await;
    let nodes = hosts(&members(&gathered.topology, seed));
    let clients = join_all(nodes.iter().map(|host| NodeClient::connect_within(&host.at, auth, connect))).await;
    let clients = clients.into_iter().flatten().map(|client| (client.addr().clone(), client)).collect();
    await_agreement(&nodes, &clients, &|_| (), cancel).await.ok();
}

async fn rest(
    what: Detail,
    deadline: Instant,
    waiting: &(dyn Fn(Detail) + Sync),
    cancel: &CancellationToken,
) -> Result<(), String> {
    if Instant::now() > deadline || cancel.is_cancelled() {
        return Err(what.to_string());
    }
    waiting(what);
    sleep(PAUSE).await;
    Ok(())
}

/// Who sees whom in another role, or as another master's replica, than that node itself.
fn behind<'a>(views: &[(&'a Host, View)]) -> Vec<(&'a Host, &'a Host)> {
    let own: Vec<(&Host, (Role, Option<&NodeId>))> =
        views.iter().filter_map(|(host, view)| view.me().map(|me| (*host, (me.role, me.master.as_ref())))).collect();
    let mut list = Vec::new();
    for (viewer, view) in views {
        for (of, role) in &own {
            let seen = view.nodes.get(&of.id).map(|node| (node.role, node.master.as_ref()));
            // Whom it does not know at all it is not made to know here.
            if seen.as_ref().is_some_and(|seen| seen != role) {
                list.push((*viewer, *of));
            }
        }
    }
    list
}

/// A handshake that is under way, or a link that is not there yet.
fn unlinked(views: &[(&Host, View)]) -> Option<Detail> {
    views.iter().find_map(|(host, view)| {
        let pending = view.nodes.values().find(|node| {
            node.flags.handshake
                || !(node.id == view.myself || node.linked) && views.iter().any(|(other, _)| other.id == node.id)
        })?;
        let other = pending.addr.as_ref().map_or_else(|| pending.id.to_string(), ToString::to_string);
        Some(Detail::NoSteadyLink { node: host.at.clone(), to: other })
    })
}

/// CLUSTER MEET of `viewer` for `of`.
fn meeting(of: &Host, viewer: &Host) -> NodeCommand {
    let port = viewer.addr.port.to_string();
    let bus = viewer.addr.bus_port.map(|port| port.to_string());
    NodeCommand::new(&of.at, ["CLUSTER", "MEET", &viewer.addr.host, &port].into_iter().chain(bus.as_deref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(n: u16) -> Host {
        let at = NodeAddr::new("127.0.0.1", 7000 + n);
        Host { id: format!("{n:040x}").parse().unwrap(), addr: at.clone(), at }
    }

    /// Node 1 as a master and node 2, as `myself` sees them.
    fn view(myself: u16, second: &str, link: &str) -> View {
        let me = |n| if n == myself { "myself," } else { "" };
        let text = format!(
            "{:040x} 127.0.0.1:7001@17001 {}master - 0 0 1 connected 0-16383\n{:040x} 127.0.0.1:7002@17002 {}{second} 0 0 1 {link}\n",
            1,
            me(1),
            2,
            me(2)
        );
        View::parse(&text).unwrap()
    }

    #[test]
    fn who_is_behind_about_whom_is_told() {
        let (one, two) = (host(1), host(2));
        let replica = format!("slave {:040x}", 1);
        let late = [(&one, view(1, "master -", "connected")), (&two, view(2, &replica, "connected"))];
        assert_eq!(behind(&late), [(&one, &two)]);
        assert_eq!(meeting(&two, &one).words, ["CLUSTER", "MEET", "127.0.0.1", "7001"]);
        let agreed = [(&one, view(1, &replica, "disconnected")), (&two, view(2, &replica, "connected"))];
        assert_eq!(behind(&agreed), []);
        assert!(unlinked(&agreed).unwrap().to_string().contains("127.0.0.1:7001 has no steady link to 127.0.0.1:7002"));
    }
}
