//! `reshard`: so many slots from these masters to that one, with redis-cli's arithmetic
//! (`clusterManagerComputeReshardTable` in redis-cli.c, the same from Redis 5.0 to 8.x and in Valkey).

use std::cmp::Reverse;

use super::moves::{Master, MovePlan, MoveRefusal, master_named};
use crate::core::slot::{SLOT_COUNT, Slot};
use crate::core::topology::NodeId;

/// The masters that give: those named in the list, parted by commas, or `all` but the target.
///
/// # Errors
/// Whatever name can't stand there, in redis-cli's words.
pub fn sources<'a>(masters: &'a [Master], list: &str, target: &Master) -> Result<Vec<&'a Master>, MoveRefusal> {
    let mut sources: Vec<&Master> = Vec::new();
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        if name == "all" {
            sources = masters.iter().filter(|master| master.id != target.id).collect();
            break;
        }
        let source = master_named(masters, name)?;
        if source.id == target.id {
            return Err(MoveRefusal::TargetIsSource);
        }
        if !sources.iter().any(|known| known.id == source.id) {
            sources.push(source);
        }
    }
    if sources.is_empty() { Err(MoveRefusal::NoSource) } else { Ok(sources) }
}

/// Which slots each source gives, in the order of the moves: the one with the most slots first, of each the
/// lowest-numbered ones, in proportion to what it owns. The first source's share is rounded up, the others' down, so
/// that a few less than asked for may move, as in redis-cli.
#[must_use]
pub fn table(sources: &[&Master], count: u16) -> Vec<(NodeId, Slot)> {
    let mut sorted: Vec<&Master> = sources.to_vec();
    sorted.sort_by_key(|master| Reverse(master.slots.len()));
    let total: usize = sorted.iter().map(|master| master.slots.len()).sum();
    let mut table = Vec::new();
    for (i, source) in sorted.into_iter().enumerate() {
        let share = share(count, total, source.slots.len(), i == 0);
        let left = usize::from(count) - table.len();
        table.extend(source.slots.iter().take(share.min(left)).map(|slot| (source.id.clone(), slot)));
    }
    table
}

/// `numslots / total * owned` in C float, rounded.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 16384, as in redis-cli")]
fn share(count: u16, total: usize, owned: usize, up: bool) -> usize {
    if total == 0 {
        return 0;
    }
    let share = f32::from(count) / total as f32 * owned as f32;
    (if up { share.ceil() } else { share.floor() }) as usize
}

/// The plan: `count` slots (at most all) from the sources to the target.
#[must_use]
pub fn reshard(sources: &[&Master], target: &Master, count: u16) -> MovePlan {
    let table = table(sources, count.min(SLOT_COUNT));
    MovePlan::of(table.into_iter().map(|(from, slot)| (from, target.id.clone(), slot)))
}

#[cfg(test)]
#[path = "reshard_tests.rs"]
mod tests;
