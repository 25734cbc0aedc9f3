//! A small language for filters: `role:master state:fail keys>1000 -10.0.0.2 text`.
//!
//! Words are separated by blanks, and all of them must hold. `name:value` looks for the value in one field, `name>n`
//! and `name<n` compare numbers (`k`, `m`, `g` behind a number multiply by 1024), a `-` in front turns a word round, and
//! whatever names no field is looked for everywhere. Capitals do not count.

/// What a filter asks a row.
pub trait Fields {
    /// Whether the field of this name holds the text; the text is in small letters.
    fn holds(&self, field: &str, text: &str) -> bool;
    /// The number in the field of this name.
    fn number(&self, field: &str) -> Option<f64>;
    /// Whether any field holds the text.
    fn anywhere(&self, text: &str) -> bool;
}

/// A filter, read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter(Vec<Term>);

#[derive(Debug, Clone, PartialEq)]
struct Term {
    not: bool,
    test: Test,
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Anywhere(String),
    Holds(String, String),
    More(String, f64),
    Less(String, f64),
}

impl Filter {
    /// Reads a filter over fields of these names. Every text is one: what is no test of a field is looked for as it is.
    #[must_use]
    pub fn parse(text: &str, fields: &[&str]) -> Self {
        let text = text.to_lowercase();
        Self(text.split_whitespace().filter_map(|word| term(word, fields)).collect())
    }

    /// Whether it lets everything through.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the row passes.
    #[must_use]
    pub fn passes(&self, row: &impl Fields) -> bool {
        self.0.iter().all(|term| {
            let holds = match &term.test {
                Test::Anywhere(text) => row.anywhere(text),
                Test::Holds(field, text) => row.holds(field, text),
                Test::More(field, least) => row.number(field).is_some_and(|number| number > *least),
                Test::Less(field, most) => row.number(field).is_some_and(|number| number < *most),
            };
            holds != term.not
        })
    }
}

fn term(word: &str, fields: &[&str]) -> Option<Term> {
    let (not, word) = match word.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, word),
    };
    if word.is_empty() {
        return None;
    }
    let split = |sign: char| {
        let (name, value) = word.split_once(sign)?;
        (fields.contains(&name) && !value.is_empty()).then(|| (name.to_owned(), value))
    };
    let number = |(name, value): (String, &str)| Some((name, amount(value)?));
    let test = if let Some((name, value)) = split(':') {
        Test::Holds(name, value.to_owned())
    } else if let Some((name, least)) = split('>').and_then(number) {
        Test::More(name, least)
    } else if let Some((name, most)) = split('<').and_then(number) {
        Test::Less(name, most)
    } else {
        Test::Anywhere(word.to_owned())
    };
    Some(Term { not, test })
}

/// `10`, `1.5k`, `2m`, `1g`.
fn amount(text: &str) -> Option<f64> {
    let text = text.strip_suffix('b').unwrap_or(text);
    let (digits, factor) = match text.char_indices().next_back()? {
        (end, 'k') => (&text[..end], 1024.0),
        (end, 'm') => (&text[..end], 1024.0 * 1024.0),
        (end, 'g') => (&text[..end], 1024.0 * 1024.0 * 1024.0),
        _ => (text, 1.0),
    };
    digits.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Row;

    impl Fields for Row {
        fn holds(&self, field: &str, text: &str) -> bool {
            matches!((field, text), ("role", "master") | ("state", "fail"))
        }
        fn number(&self, field: &str) -> Option<f64> {
            (field == "keys").then_some(2048.0)
        }
        fn anywhere(&self, text: &str) -> bool {
            "127.0.0.1:7000 master fail".contains(text)
        }
    }

    fn passes(text: &str) -> bool {
        Filter::parse(text, &["role", "state", "keys"]).passes(&Row)
    }

    #[test]
    fn all_words_must_hold() {
        assert!(passes("role:master state:fail 7000"));
        assert!(!passes("role:master state:ok"));
        assert!(passes("") && passes("   "));
    }

    #[test]
    fn a_minus_turns_a_word_round() {
        assert!(passes("-role:replica -7001"));
        assert!(!passes("-7000"));
        assert!(passes("-"), "a word that is only begun");
    }

    #[test]
    fn numbers_are_compared_with_units() {
        assert!(passes("keys>1k keys<3k keys>1.5k"));
        assert!(!passes("keys>2k"));
        assert!(!passes("state>1"), "no number is neither more nor less");
    }

    #[test]
    fn what_names_no_field_is_looked_for_as_it_is() {
        assert!(passes("127.0.0.1:7000"));
        assert!(!passes("127.0.0.1:7001"));
        assert!(!passes("keys>many"));
    }

    #[test]
    fn capitals_do_not_count() {
        assert!(passes("ROLE:Master"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_filter_and_its_opposite_is_its_opposite(word in "\\PC{0,20}") {
            let one: String = word.split_whitespace().collect();
            let one = one.trim_start_matches('-');
            if !one.is_empty() {
                prop_assert_ne!(passes(one), passes(&format!("-{one}")));
            }
        }
    }
}
