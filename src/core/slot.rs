//! Hash slots: numbers, ranges, sets, and the function that sends a key to its slot.

use std::fmt;
use std::str::FromStr;

use crc::{CRC_16_XMODEM, Crc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// How many hash slots a cluster has (Redis Cluster specification, "Key distribution model").
pub const SLOT_COUNT: u16 = 16384;

/// Words of 64 bits that hold one bit a slot.
const WORDS: usize = SLOT_COUNT as usize / 64;

/// CRC16/XMODEM: the polynomial 0x1021 that the Redis Cluster specification names in its appendix A.
const CRC16: Crc<u16> = Crc::<u16>::new(&CRC_16_XMODEM);

/// Why a text or number is no slot or no list of slots.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SlotError {
    /// The number is above 16383.
    #[error("slot {0} does not exist: slots go from 0 to 16383")]
    OutOfRange(u64),
    /// The text is no number.
    #[error("'{0}' is not a slot number")]
    NotANumber(String),
    /// A range's end lies before its start.
    #[error("the range {0}-{1} ends before it starts")]
    Reversed(u16, u16),
}

/// One hash slot, always below [`SLOT_COUNT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Slot(u16);

impl Slot {
    /// The first slot.
    pub const FIRST: Slot = Slot(0);
    /// The last slot, 16383.
    pub const LAST: Slot = Slot(SLOT_COUNT - 1);

    /// The slot of this number.
    ///
    /// # Errors
    /// [`SlotError::OutOfRange`] above 16383.
    pub fn new(number: u16) -> Result<Self, SlotError> {
        if number < SLOT_COUNT { Ok(Self(number)) } else { Err(SlotError::OutOfRange(u64::from(number))) }
    }

    /// The slot's number, 0 to 16383.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// The slot's number as an index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Every slot, in order.
    pub fn all() -> impl DoubleEndedIterator<Item = Slot> + ExactSizeIterator {
        (0..SLOT_COUNT).map(Slot)
    }
}

impl TryFrom<u16> for Slot {
    type Error = SlotError;
    fn try_from(number: u16) -> Result<Self, SlotError> {
        Self::new(number)
    }
}

impl From<Slot> for u16 {
    fn from(slot: Slot) -> u16 {
        slot.0
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Slot {
    type Err = SlotError;
    fn from_str(text: &str) -> Result<Self, SlotError> {
        let number: u64 = text.trim().parse().map_err(|_| SlotError::NotANumber(text.trim().to_owned()))?;
        u16::try_from(number).ok().and_then(|n| Slot::new(n).ok()).ok_or(SlotError::OutOfRange(number))
    }
}

/// Slots from `first` to `last`, both included; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "(Slot, Slot)", into = "(Slot, Slot)")]
pub struct SlotRange {
    /// The lowest slot.
    pub first: Slot,
    /// The highest slot.
    pub last: Slot,
}

impl SlotRange {
    /// The range from `first` to `last`.
    ///
    /// # Errors
    /// [`SlotError::Reversed`] where `last` lies before `first`.
    pub fn new(first: Slot, last: Slot) -> Result<Self, SlotError> {
        if first <= last { Ok(Self { first, last }) } else { Err(SlotError::Reversed(first.0, last.0)) }
    }

    /// How many slots the range holds, 1 to 16384.
    #[must_use]
    pub const fn count(self) -> u16 {
        self.last.0 - self.first.0 + 1
    }

    /// Whether the slot lies in the range.
    #[must_use]
    pub fn contains(self, slot: Slot) -> bool {
        self.first <= slot && slot <= self.last
    }

    /// The range's slots, in order.
    pub fn slots(self) -> impl Iterator<Item = Slot> {
        (self.first.0..=self.last.0).map(Slot)
    }
}

impl TryFrom<(Slot, Slot)> for SlotRange {
    type Error = SlotError;
    fn try_from((first, last): (Slot, Slot)) -> Result<Self, SlotError> {
        Self::new(first, last)
    }
}

impl From<SlotRange> for (Slot, Slot) {
    fn from(range: SlotRange) -> Self {
        (range.first, range.last)
    }
}

impl fmt::Display for SlotRange {
    /// `7` for one slot, `0-5460` for several, as CLUSTER NODES writes them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last { write!(f, "{}", self.first) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

impl FromStr for SlotRange {
    type Err = SlotError;
    fn from_str(text: &str) -> Result<Self, SlotError> {
        match text.split_once('-') {
            Some((first, last)) => SlotRange::new(first.parse()?, last.parse()?),
            None => text.parse().map(|slot| SlotRange { first: slot, last: slot }),
        }
    }
}

/// A set of slots: one bit each, in words of 64, without the empty words before the first slot and after the last.
///
/// A set of all slots takes 2 KiB; the few slots that one of a thousand nodes owns take a word or two, and so a
/// thousand views of a thousand nodes fit into memory.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct SlotSet {
    /// Which of the 256 words of all slots the first of `words` is; 0 for the empty set.
    start: u16,
    /// Neither the first nor the last is 0, so that equal sets are equal words.
    words: Vec<u64>,
}

impl SlotSet {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All 16384 slots.
    #[must_use]
    pub fn full() -> Self {
        Self { start: 0, words: vec![u64::MAX; WORDS] }
    }

    /// Adds a slot; says whether it was new.
    pub fn insert(&mut self, slot: Slot) -> bool {
        let (word, bit) = (self.word_mut(slot.0 / 64), 1 << (slot.0 % 64));
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Takes a slot out; says whether it was there.
    pub fn remove(&mut self, slot: Slot) -> bool {
        let was = self.contains(slot);
        if was {
            *self.word_mut(slot.0 / 64) &= !(1 << (slot.0 % 64));
            self.trim();
        }
        was
    }

    /// The word of this number, made where the set does not reach it. The caller puts a slot into it.
    fn word_mut(&mut self, number: u16) -> &mut u64 {
        if self.words.is_empty() {
            self.start = number;
        }
        if let Some(before @ 1..) = self.start.checked_sub(number) {
            self.words.splice(..0, std::iter::repeat_n(0, before.into()));
            self.start = number;
        }
        let at = usize::from(number - self.start);
        if at >= self.words.len() {
            self.words.resize(at + 1, 0);
        }
        &mut self.words[at]
    }

    /// Drops the empty words at both ends.
    fn trim(&mut self) {
        let end = self.words.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1);
        self.words.truncate(end);
        while self.words.first() == Some(&0) {
            self.words.remove(0);
            self.start += 1;
        }
        if self.words.is_empty() {
            self.start = 0;
        }
    }

    /// Adds every slot of the range.
    pub fn insert_range(&mut self, range: SlotRange) {
        for slot in range.slots() {
            self.insert(slot);
        }
    }

    /// Whether the slot is in the set.
    #[must_use]
    pub fn contains(&self, slot: Slot) -> bool {
        let word = (slot.0 / 64).checked_sub(self.start).and_then(|at| self.words.get(usize::from(at)));
        word.is_some_and(|word| word >> (slot.0 % 64) & 1 == 1)
    }

    /// How many slots the set holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether the set holds no slot.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Adds every slot of the other set.
    pub fn union_with(&mut self, other: &SlotSet) {
        for (number, more) in (other.start..).zip(&other.words).filter(|(_, more)| **more != 0) {
            *self.word_mut(number) |= more;
        }
    }

    /// The slots that this set lacks.
    #[must_use]
    pub fn complement(&self) -> SlotSet {
        let mut rest = SlotSet::full();
        for (word, taken) in rest.words[usize::from(self.start)..].iter_mut().zip(&self.words) {
            *word &= !taken;
        }
        rest.trim();
        rest
    }

    /// The slots of this set that the other lacks.
    #[must_use]
    pub fn difference(&self, other: &SlotSet) -> SlotSet {
        self.iter().filter(|slot| !other.contains(*slot)).collect()
    }

    /// The slots in order.
    pub fn iter(&self) -> impl Iterator<Item = Slot> + '_ {
        (self.start..).zip(&self.words).flat_map(|(number, word)| {
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| Slot(number * 64 + bit))
        })
    }

    /// The slots as the fewest ranges, in order.
    #[must_use]
    pub fn ranges(&self) -> Vec<SlotRange> {
        let mut ranges: Vec<SlotRange> = Vec::new();
        for slot in self.iter() {
            match ranges.last_mut() {
                Some(range) if range.last.0 + 1 == slot.0 => range.last = slot,
                _ => ranges.push(SlotRange { first: slot, last: slot }),
            }
        }
        ranges
    }
}

impl FromIterator<Slot> for SlotSet {
    fn from_iter<I: IntoIterator<Item = Slot>>(slots: I) -> Self {
        let mut set = SlotSet::new();
        for slot in slots {
            set.insert(slot);
        }
        set
    }
}

impl Extend<Slot> for SlotSet {
    fn extend<I: IntoIterator<Item = Slot>>(&mut self, slots: I) {
        for slot in slots {
            self.insert(slot);
        }
    }
}

impl FromIterator<SlotRange> for SlotSet {
    fn from_iter<I: IntoIterator<Item = SlotRange>>(ranges: I) -> Self {
        let mut set = SlotSet::new();
        for range in ranges {
            set.insert_range(range);
        }
        set
    }
}

impl fmt::Display for SlotSet {
    /// Ranges with commas between: `0-99,512`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, range) in self.ranges().into_iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            range.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for SlotSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SlotSet({self})")
    }
}

impl FromStr for SlotSet {
    type Err = SlotError;
    /// Reads what [`fmt::Display`] writes; blanks around the commas are allowed, and the empty text is the empty set.
    fn from_str(text: &str) -> Result<Self, SlotError> {
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(SlotRange::from_str).collect()
    }
}

impl Serialize for SlotSet {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SlotSet {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The part of a key that is hashed: what stands between the first `{` and the next `}` if that is not empty,
/// else the whole key (Redis Cluster specification, "Hash tags").
#[must_use]
pub fn hash_tag(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|byte| *byte == b'{') else { return key };
    let rest = &key[open + 1..];
    match rest.iter().position(|byte| *byte == b'}') {
        Some(0) | None => key,
        Some(close) => &rest[..close],
    }
}

/// The slot of a key: CRC16 of its [`hash_tag`], modulo 16384.
#[must_use]
pub fn key_slot(key: &[u8]) -> Slot {
    Slot(CRC16.checksum(hash_tag(key)) % SLOT_COUNT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_specifications_check_value_holds() {
        // Appendix A of the cluster specification: CRC16 of "123456789" is 0x31C3.
        assert_eq!(key_slot(b"123456789").get(), 0x31C3);
        assert_eq!(key_slot(b"foo").get(), 12182);
        assert_eq!(key_slot(b"").get(), 0);
    }

    #[test]
    fn only_a_first_non_empty_tag_is_hashed() {
        assert_eq!(hash_tag(b"{user1000}.following"), b"user1000");
        assert_eq!(hash_tag(b"foo{}{bar}"), b"foo{}{bar}");
        assert_eq!(hash_tag(b"foo{{bar}}zap"), b"{bar");
        assert_eq!(hash_tag(b"foo{bar}{zap}"), b"bar");
        assert_eq!(hash_tag(b"foo{bar"), b"foo{bar");
    }

    #[test]
    fn a_slot_above_16383_is_refused_with_its_number() {
        assert_eq!("16384".parse::<Slot>(), Err(SlotError::OutOfRange(16384)));
        assert_eq!("99999999".parse::<Slot>(), Err(SlotError::OutOfRange(99_999_999)));
        assert_eq!("x".parse::<Slot>(), Err(SlotError::NotANumber("x".into())));
        assert_eq!("9-3".parse::<SlotRange>(), Err(SlotError::Reversed(9, 3)));
    }

    #[test]
    fn a_range_that_ends_before_it_starts_is_no_range_in_a_document_either() {
        assert_eq!(serde_json::from_str::<SlotRange>("[3,9]").unwrap().count(), 7);
        assert!(serde_json::from_str::<SlotRange>("[9,3]").is_err());
    }

    #[test]
    fn an_empty_set_and_a_full_set_print_as_expected() {
        assert_eq!(SlotSet::new().to_string(), "");
        assert_eq!(SlotSet::full().to_string(), "0-16383");
        assert_eq!(SlotSet::full().len(), 16384);
        assert!(SlotSet::full().complement().is_empty());
    }

    fn any_set() -> impl Strategy<Value = SlotSet> {
        prop::collection::vec((0..SLOT_COUNT, 1u16..400), 0..20).prop_map(|pairs| {
            pairs
                .into_iter()
                .map(|(first, len)| SlotRange { first: Slot(first), last: Slot((first + len).min(SLOT_COUNT - 1)) })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn a_set_survives_text_and_back(set in any_set()) {
            prop_assert_eq!(set.to_string().parse::<SlotSet>().unwrap(), set);
        }

        #[test]
        fn ranges_are_disjoint_ordered_and_never_touch(set in any_set()) {
            let ranges = set.ranges();
            for pair in ranges.windows(2) {
                prop_assert!(pair[0].last.get() + 1 < pair[1].first.get());
            }
            prop_assert_eq!(ranges.iter().map(|r| r.count() as usize).sum::<usize>(), set.len());
        }

        #[test]
        fn a_set_and_its_complement_part_all_slots(set in any_set()) {
            let rest = set.complement();
            for slot in Slot::all() {
                prop_assert!(set.contains(slot) != rest.contains(slot));
            }
            let mut all = set.clone();
            all.union_with(&rest);
            prop_assert_eq!(all, SlotSet::full());
        }

        #[test]
        fn a_difference_is_what_only_the_first_has(set in any_set(), other in any_set()) {
            let only = set.difference(&other);
            for slot in Slot::all() {
                prop_assert_eq!(only.contains(slot), set.contains(slot) && !other.contains(slot));
            }
        }

        #[test]
        fn the_order_of_coming_and_going_leaves_no_trace(set in any_set(), other in any_set()) {
            let mut back = SlotSet::new();
            for slot in Slot::all().rev().filter(|slot| set.contains(*slot) || other.contains(*slot)) {
                back.insert(slot);
            }
            for slot in other.iter().filter(|slot| !set.contains(*slot)) {
                prop_assert!(back.remove(slot));
            }
            prop_assert_eq!(back, set);
        }

        #[test]
        fn insert_and_remove_undo_each_other(set in any_set(), number in 0..SLOT_COUNT) {
            let slot = Slot(number);
            let mut changed = set.clone();
            if changed.insert(slot) {
                prop_assert!(!set.contains(slot));
                prop_assert!(changed.remove(slot));
            }
            prop_assert_eq!(changed, set);
        }

        #[test]
        fn keys_with_one_tag_share_a_slot(tag in "[a-z0-9]{1,12}", before in "[a-z]{0,5}", after in "[a-z{}]{0,9}") {
            let key = format!("{before}{{{tag}}}{after}");
            prop_assert_eq!(key_slot(key.as_bytes()), key_slot(tag.as_bytes()));
        }

        #[test]
        fn any_bytes_have_a_slot(key in prop::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(key_slot(&key).get() < SLOT_COUNT);
        }
    }
}
