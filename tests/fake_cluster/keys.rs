//! Keys that are not there: how many each slot has, what they are called, and what they hold.

use std::sync::OnceLock;

use super::world::{SLOTS, mix};

/// How many keys a slot has.
pub fn count(slot: u16, seed: u64) -> u64 {
    let stirred = mix(u64::from(slot) ^ seed << 20);
    // A few slots have far more than the others.
    if stirred.is_multiple_of(97) { 400 + stirred % 900 } else { stirred % 40 }
}

/// The first keys of a slot.
pub fn names(slot: u16, seed: u64, limit: usize) -> Vec<Vec<u8>> {
    let most = usize::try_from(count(slot, seed)).unwrap_or(usize::MAX);
    (0..most.min(limit)).map(|i| format!("{{{}}}:{i}", tags()[usize::from(slot)]).into_bytes()).collect()
}

/// A hash tag for each slot.
fn tags() -> &'static [String] {
    static TAGS: OnceLock<Vec<String>> = OnceLock::new();
    TAGS.get_or_init(|| {
        let mut tags = vec![String::new(); usize::from(SLOTS)];
        let mut left = tags.len();
        for number in 0_u32.. {
            if left == 0 {
                break;
            }
            let tag = format!("u{number:x}");
            let place = &mut tags[usize::from(slot(tag.as_bytes()))];
            if place.is_empty() {
                *place = tag;
                left -= 1;
            }
        }
        tags
    })
}

/// The slot of a key (Redis Cluster specification, "Key distribution model").
pub fn slot(key: &[u8]) -> u16 {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        rest.iter().position(|byte| *byte == b'}').filter(|length| *length > 0).map(|length| &rest[..length])
    });
    let mut crc = 0_u16;
    for byte in tag.unwrap_or(key) {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
        }
    }
    crc % SLOTS
}

/// What a key holds.
pub fn value(key: &[u8]) -> String {
    format!("the value of {}", String::from_utf8_lossy(key))
}
