//! How well a text fits what somebody types to find it: all words of the query, each as letters in this order, best at
//! the beginnings of words and side by side.

/// For letters that follow each other.
const NEXT: i32 = 8;
/// For a letter that begins a word.
const WORD: i32 = 6;
/// For the very first letter of the text.
const FIRST: i32 = 4;
/// For each letter that is found at all.
const HIT: i32 = 1;
/// Against gaps: for each letter between two hits, up to this many.
const GAP: i32 = 3;

/// How well the text fits the query; more is better. `None` where a word of the query is not in it. An empty query fits
/// everything equally.
///
/// Letters match whatever their case. The words of the query may come in any order.
#[must_use]
pub fn fit(query: &str, text: &str) -> Option<i32> {
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let mut sum = 0;
    for word in query.split_whitespace() {
        let letters: Vec<char> = word.chars().flat_map(char::to_lowercase).collect();
        sum += best(&letters, &text)?;
    }
    Some(sum)
}

/// The best way to find the letters in this order: for each letter, the best sums that end at each place of the text.
fn best(letters: &[char], text: &[char]) -> Option<i32> {
    let mut sums: Vec<Option<i32>> = Vec::new();
    for (i, letter) in letters.iter().enumerate() {
        let mut now = vec![None; text.len()];
        // The best of the letter before that ends before this place, less what the gap costs so far.
        let mut before: Option<i32> = None;
        for (at, there) in text.iter().enumerate() {
            if let Some(last) = at.checked_sub(2).and_then(|earlier| sums.get(earlier).copied().flatten()) {
                before = Some(before.map_or(last - GAP, |known| known.max(last - GAP)));
            }
            if there != letter {
                continue;
            }
            let own = HIT + if is_word_start(text, at) { WORD } else { 0 } + if at == 0 { FIRST } else { 0 };
            let adjacent = at.checked_sub(1).and_then(|earlier| sums.get(earlier).copied().flatten());
            let from = if i == 0 { Some(0) } else { adjacent.map(|sum| sum + NEXT).max(before) };
            now[at] = from.map(|sum| sum + own);
        }
        sums = now;
    }
    sums.into_iter().flatten().max()
}

fn is_word_start(text: &[char], at: usize) -> bool {
    at == 0 || !text[at - 1].is_alphanumeric() && text[at].is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ranked<'a>(query: &str, texts: &[&'a str]) -> Vec<&'a str> {
        let mut hits: Vec<_> = texts.iter().filter_map(|text| Some((fit(query, text)?, *text))).collect();
        hits.sort_by_key(|(sum, _)| std::cmp::Reverse(*sum));
        hits.into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn the_beginnings_of_words_count_most() {
        assert_eq!(ranked("ms", &["Forms", "Move slots…", "Settings"]), ["Move slots…", "Forms"]);
        assert_eq!(ranked("set", &["Reset the touched nodes…", "Settings"]), ["Settings", "Reset the touched nodes…"]);
    }

    #[test]
    fn letters_side_by_side_beat_letters_apart() {
        assert_eq!(ranked("over", &["Open a server", "Fail over"]), ["Fail over", "Open a server"]);
    }

    #[test]
    fn every_word_of_the_query_must_be_there_in_any_order() {
        assert_eq!(ranked("7003 fail", &["Fail over to 127.0.0.1:7003…", "Fail over"]).len(), 1);
        assert_eq!(fit("stop xyz", "Stop…"), None);
    }

    #[test]
    fn case_does_not_matter_and_other_scripts_are_found() {
        assert!(fit("STOP", "stop").is_some());
        assert!(fit("槽位", "迁移槽位…") > fit("槽位", "槽的位置"));
    }

    #[test]
    fn an_empty_query_fits_everything_equally() {
        assert_eq!((fit("", "a"), fit(" ", "b")), (Some(0), Some(0)));
    }

    proptest! {
        #[test]
        fn letters_that_were_left_out_do_not_matter(text in "[a-z ]{1,20}", keep in proptest::collection::vec(any::<bool>(), 20)) {
            let query: String = text.chars().zip(keep).filter(|(c, keep)| *keep && *c != ' ').map(|(c, _)| c).collect();
            prop_assert!(fit(&query, &text).is_some());
        }
    }
}
