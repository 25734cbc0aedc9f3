//! Masters that give their last slot away.
//!
//! Such a master becomes a replica of the one that took it (`clusterUpdateSlotsConfigWith` and `CLUSTER SETSLOT … NODE`
//! in cluster.c; `cluster-allow-replica-migration no` does not prevent it where the target had no other slots), and
//! copies the other's keys over its own: keys of slots that it does not own would be gone.

use std::collections::BTreeMap;

use crate::core::count::counted;
use crate::core::slot::{Slot, SlotSet};
use crate::core::topology::NodeAddr;
use crate::engine::client::NodeClient;

use super::{Pair, Why, keys_in};

/// How often keys are counted where clients write meanwhile.
const TRIES: usize = 3;

/// Makes sure that no source of these pairs loses keys with its last slot.
pub(super) async fn guard(pairs: &[Pair<'_>]) -> Result<(), Why> {
    let mut leaving: BTreeMap<&NodeAddr, (&NodeClient, SlotSet)> = BTreeMap::new();
    for pair in pairs {
        let (_, slots) = leaving.entry(pair.from.addr()).or_insert_with(|| (pair.from.one(), SlotSet::new()));
        slots.union_with(&pair.one.slots);
    }
    for (client, slots) in leaving.into_values() {
        loses_nothing(client, &slots).await?;
    }
    Ok(())
}

/// Makes sure that a master without these slots keeps another one, or holds keys of these alone.
///
/// # Errors
/// How many keys it would lose, and what to do; or it does not answer.
pub(in crate::engine) async fn loses_nothing(client: &NodeClient, leaving: &SlotSet) -> Result<(), Why> {
    let view = client.view().await.map_err(|error| error.to_string())?;
    let own = view.me().map(|me| me.slots.clone()).unwrap_or_default();
    if own.iter().any(|slot| !leaving.contains(slot)) {
        return Ok(());
    }
    let size = async || client.number(&["DBSIZE"]).await.map_err(|error| error.to_string());
    let all: Vec<Slot> = Slot::all().collect();
    let mut lost = 0;
    for _ in 0..TRIES {
        // Before and after: a key that comes or goes while others are counted is none too many.
        let before = size().await?;
        let counts = keys_in(client, &all).await?;
        let after = size().await?;
        let counted = |leaves: bool| -> u64 {
            all.iter().zip(&counts).filter(|(slot, _)| leaving.contains(**slot) == leaves).map(|(_, count)| count).sum()
        };
        // Some servers (Redis 8.4) show keys of slots of others in DBSIZE alone.
        lost = counted(false).max(before.min(after).saturating_sub(counted(true)));
        if lost == 0 {
            return Ok(());
        }
    }
    let addr = client.addr();
    Err(format!(
        "without these slots {addr} would become a replica and lose {} of slots that it does not own: \
         'slotctl fix {addr} --cluster-search-multiple-owners' brings them to their owners first",
        counted(lost, "key")
    ))
}
