//! Waits until the targets of a plan have heard of their sources' [epochs](crate::core::plan::epochs). Servers from 7.0 on
//! tell a raised one at once; before, it goes with the next ping, which may take half a `cluster-node-timeout`, unless
//! they are made to talk: a MEET of a known node is answered by that very node.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use crate::core::plan::epochs::{Unheard, unheard};
use crate::core::plan::moves::MovePlan;
use crate::core::topology::{NodeAddr, NodeId};
use crate::engine::client::NodeClient;
use crate::engine::gather::{Gathered, gather};

use super::{Context, Why};

/// How long they may take.
const DEADLINE: Duration = Duration::from_secs(15);
/// How often they are made to talk.
const TALK_EVERY: Duration = Duration::from_millis(200);
/// How often to look.
const PAUSE: Duration = Duration::from_millis(20);

/// Every node's answer when all has been heard.
pub(super) async fn settled(
    plan: &MovePlan,
    mut gathered: Gathered,
    seeds: &[NodeAddr],
    context: &Context<'_>,
) -> Result<Gathered, Why> {
    let deadline = Instant::now() + DEADLINE;
    let mut talk = Instant::now();
    loop {
        let waits = unheard(plan, &gathered.topology);
        // Nothing is known of an end that missed its turn to answer: that is no yes.
        let silent = silent_end(plan, &gathered);
        let first = match (waits.first(), silent) {
            (None, None) => return Ok(gathered),
            (_, Some(id)) => format!("{} does not answer", id.short()),
            (Some(first), None) => format!("{first}: their buses do not reach each other"),
        };
        if context.stop.is_cancelled() {
            return Err("cancelled".to_owned());
        }
        if Instant::now() > deadline {
            return Err(first);
        }
        if Instant::now() >= talk {
            talk = Instant::now() + TALK_EVERY;
            join_all(waits.iter().map(|one| make_talk(one, context))).await;
        }
        sleep(PAUSE).await;
        gathered = gather(seeds, context.auth, context.connect()).await;
    }
}

/// A source or target of the plan that has not answered.
fn silent_end<'a>(plan: &'a MovePlan, gathered: &Gathered) -> Option<&'a NodeId> {
    let answers = |id: &NodeId| gathered.topology.views.values().any(|view| view.myself == *id);
    plan.moves().iter().flat_map(|one| [&one.from, &one.to]).find(|id| !answers(id))
}

/// Where it fails, the next ping tells it all the same.
async fn make_talk(Unheard { by, whom }: &Unheard, context: &Context<'_>) {
    let Ok(client) = NodeClient::connect_within(by, context.auth, context.connect()).await else { return };
    let port = whom.port.to_string();
    let bus = whom.bus_port.map(|port| port.to_string());
    let meet: Vec<&str> = ["CLUSTER", "MEET", &whom.host, &port].into_iter().chain(bus.as_deref()).collect();
    let _ = client.call(&meet).await;
}
