//! Numbers with their nouns, as people write them: `1 slot`, `2 slots`.

use std::fmt::Display;

/// The number and its noun: `counted(1, "key")` is `1 key`, `counted(0, "key")` is `0 keys`. Not for redis-cli's own
/// lines, which scripts search for: those always have the plural.
#[must_use]
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    let end = if count == N::from(1) { "" } else { "s" };
    format!("{count} {noun}{end}")
}

/// The same with its verb: `counted_are(1, "key", ["is", "are"])` is `1 key is`.
#[must_use]
pub fn counted_are<N: Copy + Display + PartialEq + From<u8>>(count: N, noun: &str, [one, many]: [&str; 2]) -> String {
    let verb = if count == N::from(1) { one } else { many };
    format!("{} {verb}", counted(count, noun))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_none_is_plural() {
        assert_eq!([counted(0_u64, "key"), counted(1_u64, "key")], ["0 keys", "1 key"]);
        assert_eq!(counted(2_usize, "database"), "2 databases");
        assert_eq!(counted_are(1_u16, "slot", ["was", "were"]), "1 slot was");
        assert_eq!(counted_are(7_u16, "slot", ["was", "were"]), "7 slots were");
    }
}
