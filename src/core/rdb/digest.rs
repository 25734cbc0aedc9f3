//! What a value holds, as one number that is the same on every server and in every encoding: the order in which a hash
//! table gives its elements, packed or loose forms, compressed or not, do not matter.

use std::io::Read;

use super::checksum::running;
use super::packed::{intset, listpack, ziplist};
use super::read::Input;
use super::{Flavour, RdbError};

/// The longest element that is looked at.
const LONGEST: u64 = 512 << 20;

/// The digest of a value as [`Entry`](super::Entry) has it, or as DUMP gives it without its last ten bytes. `None` for
/// types whose contents are not known well enough: modules' values, zipmaps.
///
/// # Errors
/// [`RdbError`]: the bytes are not such a value.
pub fn digest(value: &[u8], flavour: Flavour) -> Result<Option<u64>, RdbError> {
    let Some((kind, rest)) = value.split_first() else { return Err(RdbError::Truncated(0)) };
    let mut input = Input::new(rest);
    let Some(mut contents) = contents(&mut input, *kind, flavour)? else { return Ok(None) };
    if !input.is_at_end()? {
        return input.damaged("something after the value");
    }
    if !contents.ordered {
        contents.elements.sort_unstable();
    }
    let mut digest = running();
    digest.update(&[contents.class]);
    for element in contents.elements.iter().flatten() {
        digest.update(&(element.len() as u64).to_le_bytes());
        digest.update(element);
    }
    Ok(Some(digest.finalize()))
}

/// RDB version and checksum at the end of what DUMP gives.
const FOOTER: usize = 10;
/// Valkey's own RDB versions begin here.
const FIRST_OF_VALKEY: u16 = 80;

/// The digest of what DUMP gives. `None` as for [`digest`].
///
/// # Errors
/// [`RdbError`]: the bytes are not from DUMP.
pub fn dump_digest(dump: &[u8]) -> Result<Option<u64>, RdbError> {
    let short = RdbError::Truncated(dump.len() as u64);
    let Some((value, footer)) = dump.len().checked_sub(FOOTER).map(|at| dump.split_at(at)) else { return Err(short) };
    let Some(version) = footer.first_chunk() else { return Err(short) };
    let valkey = u16::from_le_bytes(*version) >= FIRST_OF_VALKEY;
    digest(value, if valkey { Flavour::Valkey } else { Flavour::Redis })
}

/// Whether two things that DUMP gave hold the same value, in whatever form: large sets, hashes and sorted sets come in the
/// order of a table that each process seeds by itself, and versions write differently. Values whose contents can't be
/// compared are the same where their bytes are.
#[must_use]
pub fn same_value(one: &[u8], other: &[u8]) -> bool {
    match (dump_digest(one), dump_digest(other)) {
        (Ok(Some(one)), Ok(Some(other))) => one == other,
        _ => one == other,
    }
}

/// One element: its parts, like a hash's field and value.
type Element = Vec<Vec<u8>>;

struct Contents {
    /// A letter for the type that the commands see.
    class: u8,
    ordered: bool,
    elements: Vec<Element>,
}

fn contents<R: Read>(input: &mut Input<R>, kind: u8, flavour: Flavour) -> Result<Option<Contents>, RdbError> {
    let all = |class, ordered, elements| Ok(Some(Contents { class, ordered, elements }));
    let pairs = |elements: Vec<Vec<u8>>| -> Vec<Element> { elements.chunks(2).map(<[Vec<u8>]>::to_vec).collect() };
    match (kind, flavour) {
        (0, _) => all(b's', true, vec![vec![input.string(LONGEST)?]]),
        (1, _) => all(b'l', true, many(input, |input| Ok(vec![input.string(LONGEST)?]))?),
        (2, _) => all(b'S', false, many(input, |input| Ok(vec![input.string(LONGEST)?]))?),
        (3, _) => all(b'z', false, many(input, |input| Ok(vec![input.string(LONGEST)?, old_score(input)?]))?),
        (5, _) => {
            all(b'z', false, many(input, |input| Ok(vec![input.string(LONGEST)?, input.bytes::<8>()?.to_vec()]))?)
        }
        (4, _) => all(b'h', false, many(input, |input| Ok(vec![input.string(LONGEST)?, input.string(LONGEST)?]))?),
        (10, _) => all(b'l', true, packed(input, ziplist)?.into_iter().map(|one| vec![one]).collect()),
        (11, _) => all(b'S', false, packed(input, intset)?.into_iter().map(|one| vec![one]).collect()),
        (12, _) => all(b'z', false, scored(pairs(packed(input, ziplist)?))),
        (13, _) => all(b'h', false, pairs(packed(input, ziplist)?)),
        (14, _) => all(b'l', true, many_packed(input, |input| packed(input, ziplist))?),
        (16, _) => all(b'h', false, pairs(packed(input, listpack)?)),
        (17, _) => all(b'z', false, scored(pairs(packed(input, listpack)?))),
        (18, _) => all(b'l', true, many_packed(input, quicklist_node)?),
        (20, _) => all(b'S', false, packed(input, listpack)?.into_iter().map(|one| vec![one]).collect()),
        (15 | 19 | 21, _) => all(b't', true, stream(input, kind)?),
        (22, Flavour::Valkey) => all(b'h', false, many(input, valkey_field)?),
        (24, Flavour::Redis) => {
            let first = u64::from_le_bytes(input.bytes()?);
            all(b'h', false, many(input, |input| redis_field(input, first))?)
        }
        (25, Flavour::Redis) => {
            input.skip(8)?;
            let elements = packed(input, listpack)?;
            all(b'h', false, elements.chunks(3).map(timed).collect())
        }
        _ => Ok(None),
    }
}

fn many<R: Read>(
    input: &mut Input<R>,
    mut one: impl FnMut(&mut Input<R>) -> Result<Element, RdbError>,
) -> Result<Vec<Element>, RdbError> {
    let mut elements = Vec::new();
    for _ in 0..input.length()? {
        elements.push(one(input)?);
    }
    Ok(elements)
}

/// Several packed lists that are one list.
fn many_packed<R: Read>(
    input: &mut Input<R>,
    mut one: impl FnMut(&mut Input<R>) -> Result<Vec<Vec<u8>>, RdbError>,
) -> Result<Vec<Element>, RdbError> {
    let mut elements = Vec::new();
    for _ in 0..input.length()? {
        elements.extend(one(input)?.into_iter().map(|one| vec![one]));
    }
    Ok(elements)
}

fn packed<R: Read>(input: &mut Input<R>, unpack: fn(&[u8]) -> Option<Vec<Vec<u8>>>) -> Result<Vec<Vec<u8>>, RdbError> {
    let bytes = input.string(LONGEST)?;
    unpack(&bytes).map_or_else(|| input.damaged("a packed list that can't be unpacked"), Ok)
}

fn quicklist_node<R: Read>(input: &mut Input<R>) -> Result<Vec<Vec<u8>>, RdbError> {
    match input.length()? {
        1 => Ok(vec![input.string(LONGEST)?]),
        _ => packed(input, listpack),
    }
}

/// Members with their scores as numbers, however these were written.
fn scored(pairs: Vec<Element>) -> Vec<Element> {
    let number = |text: &[u8]| std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
    let score = |pair: Element| match <[Vec<u8>; 2]>::try_from(pair) {
        Ok([member, text]) => {
            let bytes = number(&text).map_or(text, |score| score.to_le_bytes().to_vec());
            vec![member, bytes]
        }
        Err(odd) => odd,
    };
    pairs.into_iter().map(score).collect()
}

fn old_score<R: Read>(input: &mut Input<R>) -> Result<Vec<u8>, RdbError> {
    let score = match input.byte()? {
        253 => f64::NAN,
        254 => f64::INFINITY,
        255 => f64::NEG_INFINITY,
        length => {
            let mut text = Vec::new();
            for _ in 0..length {
                text.push(input.byte()?);
            }
            match std::str::from_utf8(&text).ok().and_then(|text| text.trim().parse().ok()) {
                Some(score) => score,
                None => return input.damaged("a score that is no number"),
            }
        }
    };
    Ok(score.to_le_bytes().to_vec())
}

/// Field and value, and when the field expires, if it does.
fn field(name: Vec<u8>, value: Vec<u8>, expires_at: Option<u64>) -> Element {
    let mut element = vec![name, value];
    element.extend(expires_at.map(|at| at.to_string().into_bytes()));
    element
}

fn valkey_field<R: Read>(input: &mut Input<R>) -> Result<Element, RdbError> {
    let (name, value) = (input.string(LONGEST)?, input.string(LONGEST)?);
    let at = i64::from_le_bytes(input.bytes()?);
    Ok(field(name, value, u64::try_from(at).ok()))
}

fn redis_field<R: Read>(input: &mut Input<R>, first: u64) -> Result<Element, RdbError> {
    let after = input.length()?;
    let (name, value) = (input.string(LONGEST)?, input.string(LONGEST)?);
    // 0 stands for never, so what is relative to the first is one more.
    Ok(field(name, value, after.checked_sub(1).map(|after| after.saturating_add(first))))
}

fn timed(element: &[Vec<u8>]) -> Element {
    match element {
        [name, value, at] if at == b"0" => vec![name.clone(), value.clone()],
        other => other.to_vec(),
    }
}

/// The entries of a stream as they are packed, which no server changes, and its groups with what they are waiting for.
fn stream<R: Read>(input: &mut Input<R>, kind: u8) -> Result<Vec<Element>, RdbError> {
    let mut elements = many(input, |input| Ok(vec![input.string(LONGEST)?, input.string(LONGEST)?]))?;
    elements.push(lengths(input, 3)?);
    if kind >= 19 {
        // Older versions have no first and deleted ids; they are counted anew there.
        input.lengths(5)?;
    }
    for _ in 0..input.length()? {
        elements.push(vec![input.string(LONGEST)?]);
        elements.push(lengths(input, 2)?);
        if kind >= 19 {
            input.lengths(1)?;
        }
        elements.extend(many(input, |input| {
            let (id, _delivered) = (input.bytes::<16>()?.to_vec(), input.bytes::<8>()?);
            Ok(vec![id, input.length()?.to_string().into_bytes()])
        })?);
        for _ in 0..input.length()? {
            elements.push(vec![input.string(LONGEST)?]);
            input.skip(if kind >= 21 { 16 } else { 8 })?;
            elements.extend(many(input, |input| Ok(vec![input.bytes::<16>()?.to_vec()]))?);
        }
    }
    Ok(elements)
}

fn lengths<R: Read>(input: &mut Input<R>, count: usize) -> Result<Element, RdbError> {
    (0..count).map(|_| Ok(input.length()?.to_string().into_bytes())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(value: &[u8]) -> u64 {
        digest(value, Flavour::Redis).unwrap().unwrap()
    }

    #[test]
    fn the_form_does_not_matter_the_contents_do() {
        // The string 10, as a number and as text.
        assert_eq!(of(b"\x00\xc0\x0a"), of(b"\x00\x0210"));
        assert_ne!(of(b"\x00\xc0\x0a"), of(b"\x00\x0211"));
        // A set of 1 and 2: loose, in another order, as an intset, as a listpack.
        let forms: [&[u8]; 4] = [
            b"\x02\x02\xc0\x01\xc0\x02",
            b"\x02\x02\x012\x011",
            b"\x0b\x0c\x02\0\0\0\x02\0\0\0\x01\0\x02\0",
            b"\x14\x0b\x0b\0\0\0\x02\0\x01\x01\x02\x01\xff",
        ];
        for form in forms {
            assert_eq!(of(form), of(forms[0]), "{}", form.escape_ascii());
        }
        // In a list the order counts, and a list is no set.
        assert_ne!(of(b"\x01\x02\x011\x012"), of(b"\x01\x02\x012\x011"));
        assert_ne!(of(b"\x01\x02\x011\x012"), of(b"\x02\x02\x011\x012"));
        // Parts do not run into each other.
        assert_ne!(of(b"\x04\x01\x01a\x02bc"), of(b"\x04\x01\x02ab\x01c"));
    }

    #[test]
    fn scores_are_compared_as_numbers() {
        let text = b"\x03\x01\x01m\x031.5";
        let binary = [b"\x05\x01\x01m".as_slice(), &1.5_f64.to_le_bytes()].concat();
        assert_eq!(of(text), of(&binary));
    }

    #[test]
    fn fields_that_expire_are_told_from_those_that_do_not() {
        let never = b"\x18\0\0\0\0\0\0\0\0\x01\x00\x01f\x01v";
        let once = b"\x18\x10\0\0\0\0\0\0\0\x01\x01\x01f\x01v";
        assert_eq!(of(never), of(b"\x04\x01\x01f\x01v"));
        assert_ne!(of(once), of(never));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(value: Vec<u8>, kind in 0_u8..30, valkey: bool) {
            let flavour = if valkey { Flavour::Valkey } else { Flavour::Redis };
            let _ = digest(&value, flavour);
            let _ = digest(&[&[kind], &value[..]].concat(), flavour);
        }
    }
}
