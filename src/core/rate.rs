//! How much may be moved in a second.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A limit in keys or in bytes, for the whole of a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rate {
    /// Keys a second.
    Keys(NonZeroU64),
    /// Bytes a second, by what the server says that keys take in its memory.
    Bytes(NonZeroU64),
}

/// A word that is no rate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0} is no rate: write keys a second as 5000, or memory a second as 512KB, 20MB or 1GB")]
pub struct BadRate(String);

const UNITS: [(&str, u64); 3] = [("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30)];

impl FromStr for Rate {
    type Err = BadRate;

    fn from_str(text: &str) -> Result<Self, BadRate> {
        let bad = || BadRate(text.to_owned());
        let word = text.trim().to_ascii_lowercase();
        let number = |digits: &str| digits.trim_end().parse::<u64>().map_err(|_| bad());
        match UNITS.iter().find_map(|(unit, bytes)| Some((word.strip_suffix(unit)?, bytes))) {
            Some((digits, bytes)) => {
                let all = number(digits)?.checked_mul(*bytes).and_then(NonZeroU64::new).ok_or_else(bad)?;
                Ok(Self::Bytes(all))
            }
            None => NonZeroU64::new(number(&word)?).map(Self::Keys).ok_or_else(bad),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys(keys) => write!(f, "{keys}"),
            Self::Bytes(bytes) => {
                let bytes = bytes.get();
                let largest = UNITS.iter().rev().find(|(_, size)| bytes % size == 0);
                let (unit, size) = largest.copied().unwrap_or(("kb", 1 << 10));
                write!(f, "{}{}", bytes / size, unit.to_ascii_uppercase())
            }
        }
    }
}

impl Rate {
    /// Of a portion of so many keys with so many bytes, what this limit counts.
    #[must_use]
    pub fn counts(self, keys: u64, bytes: u64) -> u64 {
        match self {
            Self::Keys(_) => keys,
            Self::Bytes(_) => bytes,
        }
    }

    /// How much of it a second.
    #[must_use]
    pub fn per_second(self) -> NonZeroU64 {
        match self {
            Self::Keys(rate) | Self::Bytes(rate) => rate,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bare_number_is_keys_and_a_unit_makes_it_bytes() {
        let bytes = |count| Ok(Rate::Bytes(NonZeroU64::new(count).unwrap()));
        assert_eq!("5000".parse(), Ok(Rate::Keys(NonZeroU64::new(5000).unwrap())));
        assert_eq!("20MB".parse(), bytes(20 << 20));
        assert_eq!(" 512 kb ".parse(), bytes(512 << 10));
        assert_eq!("1Gb".parse(), bytes(1 << 30));
    }

    #[test]
    fn what_is_no_rate_is_refused_with_the_ways_to_write_one() {
        for word in ["", "0", "0MB", "-1", "1.5MB", "5k", "MB", "fast", "99999999999999999GB"] {
            let why = word.parse::<Rate>().unwrap_err().to_string();
            assert!(why.starts_with(word) && why.contains("20MB"), "{why}");
        }
    }

    proptest! {
        #[test]
        fn a_rate_is_read_back_as_it_was_written(count in 1..1_000_000_u64, unit in prop::sample::select(vec!["", "KB", "MB", "GB"])) {
            let rate: Rate = format!("{count}{unit}").parse().unwrap();
            prop_assert_eq!(rate.to_string().parse::<Rate>().unwrap(), rate);
        }
    }
}
