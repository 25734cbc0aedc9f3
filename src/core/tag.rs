//! For each slot a short hash tag that lands in it: what to write in braces so that a key goes there.

use std::sync::OnceLock;

use super::slot::{SLOT_COUNT, Slot, key_slot};

/// The characters of tags, in the order in which they are tried.
const CHARACTERS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// The longest tag that is needed.
const LONGEST: usize = 4;

/// The first of the shortest tags of digits and small letters that are hashed into this slot, at most four characters:
/// `{tag}` in a key puts it there.
#[must_use]
pub fn tag_of(slot: Slot) -> &'static str {
    static TAGS: OnceLock<Vec<String>> = OnceLock::new();
    TAGS.get_or_init(find_all).get(slot.index()).map_or("", String::as_str)
}

/// Tries tags by length until every slot has one.
fn find_all() -> Vec<String> {
    let mut tags = vec![String::new(); usize::from(SLOT_COUNT)];
    let mut missing = tags.len();
    for length in 1..=LONGEST {
        let mut digits = vec![0; length];
        loop {
            let tag: String = digits.iter().map(|digit| char::from(CHARACTERS[*digit])).collect();
            let found = &mut tags[key_slot(tag.as_bytes()).index()];
            if found.is_empty() {
                *found = tag;
                missing -= 1;
            }
            if missing == 0 {
                return tags;
            }
            if !count_up(&mut digits) {
                break;
            }
        }
    }
    tags
}

/// The next number in the base of the characters; `false` after the last.
fn count_up(digits: &mut [usize]) -> bool {
    for digit in digits.iter_mut().rev() {
        *digit += 1;
        if *digit < CHARACTERS.len() {
            return true;
        }
        *digit = 0;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_slot_has_a_short_tag_that_lands_in_it() {
        for slot in Slot::all() {
            let tag = tag_of(slot);
            assert!((1..=LONGEST).contains(&tag.len()), "{slot}: '{tag}'");
            assert_eq!(key_slot(tag.as_bytes()), slot);
        }
        assert!(Slot::all().filter(|slot| tag_of(*slot).len() <= 3).count() > 15_000);
    }

    proptest! {
        #[test]
        fn a_key_with_the_tag_lands_in_the_slot(number in 0..SLOT_COUNT, before in "[a-z:]{0,6}", after in "[a-z:{}]{0,9}") {
            let slot = Slot::new(number).unwrap();
            let key = format!("{before}{{{}}}{after}", tag_of(slot));
            prop_assert_eq!(key_slot(key.as_bytes()), slot);
        }
    }
}
