//! A server's reply as plain data, whichever protocol it came by.

use std::borrow::Cow;

/// A reply. Maps are lists of names and values in turn, as older protocols send them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Nothing.
    Nil,
    /// A number.
    Int(i64),
    /// Any bytes.
    Text(Vec<u8>),
    /// Several.
    List(Vec<Reply>),
}

impl Reply {
    /// The reply as text: of a number its digits; bytes that are no UTF-8 are replaced. `None` for lists and nothing.
    #[must_use]
    pub fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Reply::Text(bytes) => Some(String::from_utf8_lossy(bytes)),
            Reply::Int(number) => Some(number.to_string().into()),
            Reply::Nil | Reply::List(_) => None,
        }
    }

    /// The number that it is, or that its text is.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        match self {
            Reply::Int(number) => Some(*number),
            _ => self.text()?.trim().parse().ok(),
        }
    }

    /// A number that is not negative.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        u64::try_from(self.number()?).ok()
    }

    /// Its parts; none where it is no list.
    #[must_use]
    pub fn list(&self) -> &[Reply] {
        match self {
            Reply::List(list) => list,
            _ => &[],
        }
    }

    /// Its parts as names and values.
    pub fn pairs(&self) -> impl Iterator<Item = (Cow<'_, str>, &Reply)> {
        self.list().chunks_exact(2).filter_map(|pair| Some((pair[0].text()?, &pair[1])))
    }

    /// The value of this name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&Reply> {
        self.pairs().find(|(of, _)| of == name).map(|(_, value)| value)
    }
}
