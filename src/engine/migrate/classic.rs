//! The classic way: open slots on both masters, move their keys, hand them over. A bounded number of slots is open at a
//! time, in windows; what is sent for a window is pipelined, so that empty slots cost a few round trips for hundreds.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use futures_util::future::join_all;

use crate::core::slot::Slot;
use crate::engine::client::NodeClient;

use super::chunk::{Chunk, tell_others};
use super::pool::Pool;
use super::{Context, Pair, Why, keys_in};

/// How many windows are under way at one source: while one waits for the target's or its own SETSLOTs, the other moves
/// keys.
const LANES: usize = 2;
/// How many slots a window holds, empty ones and others; of the others, so few as hold about so many keys, which is
/// what a person who stops the move waits for.
const EMPTY_WINDOW: usize = 256;
const WINDOW: usize = 32;
const WINDOW_KEYS: u64 = 2048;

/// The windows that are still to be done.
type Queue = Mutex<VecDeque<Vec<Slot>>>;

pub(super) async fn run(pair: &Pair<'_>, context: &Context<'_>) -> Result<(), Why> {
    let all: Vec<Slot> = pair.one.slots.iter().collect();
    let (lanes, counts) = tokio::join!(Pool::of(pair.from.addr(), LANES, context), keys_in(pair.from.one(), &all));
    let (lanes, counts) = (lanes?, counts?);
    let queue = Mutex::new(in_windows(all.into_iter().zip(counts), context.pace.window(WINDOW_KEYS)).into());
    let results = join_all(lanes.all().iter().map(|lane| work(pair, context, lane, &queue))).await;
    results.into_iter().collect()
}

/// One window after the other, until none is left or somebody asks to stop.
async fn work(pair: &Pair<'_>, context: &Context<'_>, lane: &NodeClient, queue: &Queue) -> Result<(), Why> {
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    // What the other masters have not been told yet: they are while the next window's keys move.
    let mut untold = Vec::new();
    while !context.stop.is_cancelled() {
        context.pass(0, 0).await;
        let Some(slots) = next().filter(|_| !context.stop.is_cancelled()) else { break };
        let mut chunk = Chunk::new(pair, context, lane, slots);
        let (result, ()) = tokio::join!(chunk.run(), tell_others(pair, &untold));
        if let Err(why) = result {
            context.stop.cancel();
            let closed = chunk.settle().await;
            chunk.tell_moved(&closed);
            return Err(why);
        }
        chunk.tell_moved(&chunk.slots);
        untold = chunk.slots;
    }
    tell_others(pair, &untold).await;
    Ok(())
}

/// The pair's slots in windows.
pub(super) async fn windows(pair: &Pair<'_>, context: &Context<'_>) -> Result<Vec<Vec<Slot>>, Why> {
    let all: Vec<Slot> = pair.one.slots.iter().collect();
    let counts = keys_in(pair.from.one(), &all).await?;
    Ok(in_windows(all.into_iter().zip(counts), context.pace.window(WINDOW_KEYS)))
}

/// The slots in windows: those that look empty in wide ones, the others in narrow ones, each in order.
fn in_windows(slots: impl Iterator<Item = (Slot, u64)>, most_keys: u64) -> Vec<Vec<Slot>> {
    let (empty, full): (Vec<_>, Vec<_>) = slots.partition(|(_, keys)| *keys == 0);
    let empty: Vec<Slot> = empty.into_iter().map(|(slot, _)| slot).collect();
    let mut windows: Vec<Vec<Slot>> = empty.chunks(EMPTY_WINDOW).map(<[Slot]>::to_vec).collect();
    let (mut open, mut held) = (Vec::new(), 0);
    for (slot, keys) in full {
        if open.len() == WINDOW || (!open.is_empty() && held + keys > most_keys) {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_slot_is_in_one_window_and_no_window_is_large(
            keys in prop::collection::vec(0..3000_u64, 0..600),
            most_keys in 1..5000_u64,
        ) {
            let slots: Vec<(Slot, u64)> = Slot::all().zip(keys).collect();
            let windows = in_windows(slots.iter().copied(), most_keys);
            let mut seen: Vec<Slot> = windows.iter().flatten().copied().collect();
            seen.sort();
            prop_assert_eq!(seen, slots.iter().map(|(slot, _)| *slot).collect::<Vec<_>>());
            for window in windows {
                let held: u64 = window.iter().map(|slot| slots[slot.index()].1).sum();
                let most = if held == 0 { EMPTY_WINDOW } else { WINDOW };
                prop_assert!((held <= most_keys || window.len() == 1) && window.len() <= most);
            }
        }
    }
}
