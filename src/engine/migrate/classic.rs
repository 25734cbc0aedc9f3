//! The classic way: open slots on both masters, move their keys, hand them over. A bounded window of slots is open at a
//! time; what is sent for them is pipelined, so that empty slots cost a few round trips for hundreds.

use crate::core::slot::{Slot, SlotSet};

use super::chunk::{Chunk, Lanes};
use super::{Context, News, Pair, Why, keys_in};

/// How many slots may be open at once, empty ones and others; of the others, so few as hold about so many keys, which is
/// what a person who stops the move waits for.
const EMPTY_WINDOW: usize = 256;
const WINDOW: usize = 64;
const WINDOW_KEYS: u64 = 4096;

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
    let counts = keys_in(&pair.from, &all).await?;
    Ok(in_windows(all.into_iter().zip(counts)))
}

fn in_windows(slots: impl Iterator<Item = (Slot, u64)>) -> Vec<Vec<Slot>> {
    let (empty, full): (Vec<_>, Vec<_>) = slots.partition(|(_, keys)| *keys == 0);
    let empty: Vec<Slot> = empty.into_iter().map(|(slot, _)| slot).collect();
    let mut windows: Vec<Vec<Slot>> = empty.chunks(EMPTY_WINDOW).map(<[Slot]>::to_vec).collect();
    let (mut open, mut held) = (Vec::new(), 0);
    for (slot, keys) in full {
        if open.len() == WINDOW || (!open.is_empty() && held + keys > WINDOW_KEYS) {
            windows.push(std::mem::take(&mut open));
            held = 0;
        }
        open.push(slot);
        held += keys;
    }
    windows.push(open);
    windows.retain(|window| !window.is_empty());
    windows
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_slot_is_in_one_window_and_no_window_is_large(keys in prop::collection::vec(0..3000_u64, 0..600)) {
            let slots: Vec<(Slot, u64)> = Slot::all().zip(keys).collect();
            let windows = in_windows(slots.iter().copied());
            let mut seen: Vec<Slot> = windows.iter().flatten().copied().collect();
            seen.sort();
            prop_assert_eq!(seen, slots.iter().map(|(slot, _)| *slot).collect::<Vec<_>>());
            for window in windows {
                let held: u64 = window.iter().map(|slot| slots[slot.index()].1).sum();
                let most = if held == 0 { EMPTY_WINDOW } else { WINDOW };
                prop_assert!(held <= WINDOW_KEYS && window.len() <= most);
            }
        }
    }
}
