//! Reads the reply of CLUSTER SLOT-STATS.

use redis::Value;

use crate::core::slot::Slot;
use crate::engine::slot_figures::Figure;

/// What a server says of one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SlotStat {
    pub slot: Slot,
    /// In the order of [`Figure::ALL`]; `None` for what is not told.
    pub values: [Option<u64>; 5],
}

impl SlotStat {
    /// Only the keys are known.
    pub fn of_keys(slot: Slot, keys: u64) -> Self {
        Self { slot, values: [Some(keys), None, None, None, None] }
    }
}

/// The slots of a reply, in order: for each `[slot, [name, value, …]]`. Which names there are depends on the server's
/// version and its `cluster-slot-stats-enabled`; names that a later version adds are passed over. `None` for a reply of
/// another shape.
pub(super) fn read_slot_stats(reply: &Value) -> Option<Vec<SlotStat>> {
    let Value::Array(slots) = reply else { return None };
    let mut stats: Vec<SlotStat> = slots.iter().map(read_slot).collect::<Option<_>>()?;
    stats.sort_by_key(|stat| stat.slot);
    Some(stats)
}

fn read_slot(entry: &Value) -> Option<SlotStat> {
    let Value::Array(pair) = entry else { return None };
    let [Value::Int(slot), fields] = pair.as_slice() else { return None };
    let slot = u16::try_from(*slot).ok().and_then(|slot| Slot::new(slot).ok())?;
    let mut values = [None; 5];
    let mut note = |name: &Value, value: &Value| {
        let name = super::super::client::as_text(name);
        let place = Figure::ALL.iter().position(|figure| name.as_deref() == Some(figure.field()));
        if let (Some(place), Value::Int(value)) = (place, value) {
            values[place] = u64::try_from(*value).ok();
        }
    };
    match fields {
        Value::Array(list) => list.chunks_exact(2).for_each(|pair| note(&pair[0], &pair[1])),
        Value::Map(pairs) => pairs.iter().for_each(|(name, value)| note(name, value)),
        _ => return None,
    }
    Some(SlotStat { slot, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn entry(slot: i64, fields: &[(&str, i64)]) -> Value {
        let list = fields.iter().flat_map(|(name, value)| [bulk(name), Value::Int(*value)]).collect();
        Value::Array(vec![Value::Int(slot), Value::Array(list)])
    }

    #[test]
    fn what_is_told_is_read_and_what_is_new_is_passed_over() {
        let reply = Value::Array(vec![
            entry(9, &[("key-count", 3), ("later", 1), ("cpu-usec", 50), ("network-bytes-in", 7)]),
            entry(2, &[("key-count", 0)]),
        ]);
        let stats = read_slot_stats(&reply).unwrap();
        assert_eq!(stats[0], SlotStat::of_keys(Slot::new(2).unwrap(), 0));
        assert_eq!(stats[1].values, [Some(3), None, Some(50), Some(7), None]);
    }

    #[test]
    fn another_shape_is_refused() {
        assert_eq!(read_slot_stats(&bulk("OK")), None);
        assert_eq!(read_slot_stats(&Value::Array(vec![entry(16384, &[])])), None);
        assert_eq!(read_slot_stats(&Value::Array(vec![])), Some(vec![]));
    }
}
