//! The classic way: open slots on both masters, move their keys, hand them over. A bounded window of slots is open at a
//! time; what is sent for them is pipelined, so that empty slots cost a few round trips for hundreds.

use std::collections::BTreeMap;

use crate::core::slot::{Slot, SlotSet};

use super::chunk::{Chunk, Lanes};
use super::{Context, News, Pair, Why, keys_in};

/// How many slots may be open at once, empty ones and others.
const EMPTY_WINDOW: usize = 256;
const WINDOW: usize = 16;

pub(super) async fn run(pair: &Pair<'_>, context: &Context<'_>) -> Result<(), Why> {
    let lanes = Lanes::open(pair, context).await?;
    for slots in windows(pair).await? {
        if context.stop.is_cancelled() {
            return Ok(());
        }
        let mut chunk = Chunk::new(pair, context, &lanes, slots);
        match chunk.run().await {
            Ok(()) => chunk.tell_moved(&chunk.slots),
            Err(why) => {
                let closed = chunk.settle().await;
                chunk.tell_moved(&closed);
                return Err(why);
            }
        }
    }
    Ok(())
}

/// The slots in windows: those that look empty in wide ones, the others in narrow ones, each in order.
async fn windows(pair: &Pair<'_>) -> Result<Vec<Vec<Slot>>, Why> {
    let all: Vec<Slot> = pair.one.slots.iter().collect();
    let counts: BTreeMap<Slot, u64> = all.iter().copied().zip(keys_in(&pair.from, &all).await?).collect();
    let (empty, full): (Vec<Slot>, Vec<Slot>) = all.into_iter().partition(|slot| counts.get(slot) == Some(&0));
    Ok(empty.chunks(EMPTY_WINDOW).chain(full.chunks(WINDOW)).map(<[Slot]>::to_vec).collect())
}

impl Chunk<'_> {
    pub(super) fn tell_moved(&self, slots: &[Slot]) {
        let slots: SlotSet = slots.iter().copied().collect();
        if !slots.is_empty() {
            let (from, to) = (self.pair.from.addr().clone(), self.pair.to.addr().clone());
            (self.context.report)(News::Moved { from, to, slots });
        }
    }
}
