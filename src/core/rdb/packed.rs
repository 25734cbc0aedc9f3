//! Small collections packed into one string: listpacks (`listpack.c`), ziplists (`ziplist.c`) and intsets (`intset.c`).
//! Numbers come out as text, as the commands give them.

/// Bytes read from the front; every step fails where there are not enough.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn text(&mut self, length: usize) -> Option<Vec<u8>> {
        self.take(length).map(<[u8]>::to_vec)
    }

    /// A signed number of two to eight bytes, the lowest first.
    fn number<const N: usize>(&mut self) -> Option<Vec<u8>> {
        let bytes: [u8; N] = self.array()?;
        let mut wide = [if bytes[N - 1] & 0x80 == 0 { 0 } else { 0xff }; 8];
        wide[..N].copy_from_slice(&bytes);
        Some(decimal(i64::from_le_bytes(wide)))
    }
}

fn decimal(number: i64) -> Vec<u8> {
    number.to_string().into_bytes()
}

/// The elements of a listpack; `None` where the bytes are none.
#[must_use]
pub(super) fn listpack(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut bytes = Bytes(bytes);
    // Its length in bytes and in elements: the end mark is what counts.
    bytes.take(6)?;
    let mut elements = Vec::new();
    loop {
        let before = bytes.0.len();
        let first = bytes.byte()?;
        let element = match first {
            0xff => return bytes.0.is_empty().then_some(elements),
            0..=0x7f => decimal(i64::from(first)),
            0x80..=0xbf => bytes.text(usize::from(first & 0x3f))?,
            0xc0..=0xdf => {
                let raw = i64::from(first & 0x1f) << 8 | i64::from(bytes.byte()?);
                decimal(if raw >= 1 << 12 { raw - (1 << 13) } else { raw })
            }
            0xe0..=0xef => {
                let length = usize::from(first & 0x0f) << 8 | usize::from(bytes.byte()?);
                bytes.text(length)?
            }
            0xf0 => {
                let length = usize::try_from(u32::from_le_bytes(bytes.array()?)).ok()?;
                bytes.text(length)?
            }
            0xf1 => bytes.number::<2>()?,
            0xf2 => bytes.number::<3>()?,
            0xf3 => bytes.number::<4>()?,
            0xf4 => bytes.number::<8>()?,
            0xf5..=0xfe => return None,
        };
        elements.push(element);
        let length = before - bytes.0.len();
        // The entry's own length, from the back, seven bits a byte.
        bytes.take(match length {
            0..=127 => 1,
            128..=16_383 => 2,
            16_384..=2_097_151 => 3,
            2_097_152..=268_435_455 => 4,
            _ => 5,
        })?;
    }
}

/// The elements of a ziplist; `None` where the bytes are none.
#[must_use]
pub(super) fn ziplist(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut bytes = Bytes(bytes);
    bytes.take(10)?;
    let mut elements = Vec::new();
    loop {
        // The length of the one before.
        match bytes.byte()? {
            0xff => return bytes.0.is_empty().then_some(elements),
            0xfe => drop(bytes.take(4)?),
            _ => {}
        }
        let first = bytes.byte()?;
        elements.push(match first {
            0..=0x3f => bytes.text(usize::from(first))?,
            0x40..=0x7f => {
                let length = usize::from(first & 0x3f) << 8 | usize::from(bytes.byte()?);
                bytes.text(length)?
            }
            0x80..=0xbf => {
                let length = usize::try_from(u32::from_be_bytes(bytes.array()?)).ok()?;
                bytes.text(length)?
            }
            0xc0 => bytes.number::<2>()?,
            0xd0 => bytes.number::<4>()?,
            0xe0 => bytes.number::<8>()?,
            0xf0 => bytes.number::<3>()?,
            0xfe => bytes.number::<1>()?,
            0xf1..=0xfd => decimal(i64::from(first & 0x0f) - 1),
            _ => return None,
        });
    }
}

/// The members of an intset; `None` where the bytes are none.
#[must_use]
pub(super) fn intset(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut bytes = Bytes(bytes);
    let (width, count) = (u32::from_le_bytes(bytes.array()?), u32::from_le_bytes(bytes.array()?));
    let mut members = Vec::new();
    for _ in 0..count {
        members.push(match width {
            2 => bytes.number::<2>()?,
            4 => bytes.number::<4>()?,
            8 => bytes.number::<8>()?,
            _ => return None,
        });
    }
    bytes.0.is_empty().then_some(members)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn listpacks_hold_text_and_numbers() {
        // 1, -1, "ab", 300, as Redis packs them.
        let pack = b"\x17\0\0\0\x04\0\x01\x01\xdf\xff\x02\x82ab\x03\xc1\x2c\x02\xff";
        assert_eq!(listpack(pack).unwrap(), [&b"1"[..], b"-1", b"ab", b"300"]);
        assert_eq!(listpack(&pack[..pack.len() - 1]), None);
        assert_eq!(listpack(b"\x07\0\0\0\0\0\xff").unwrap(), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn ziplists_hold_text_and_numbers() {
        let list = b"\x13\0\0\0\x0a\0\0\0\x03\0\x00\x02ab\x04\xf3\x02\xfe\x80\xff";
        assert_eq!(ziplist(list).unwrap(), [&b"ab"[..], b"2", b"-128"]);
    }

    #[test]
    fn intsets_have_one_width() {
        assert_eq!(intset(b"\x02\0\0\0\x02\0\0\0\xff\xff\x01\0").unwrap(), [&b"-1"[..], b"1"]);
        assert_eq!(intset(b"\x03\0\0\0\x01\0\0\0\xff\xff\x01"), None);
        assert_eq!(intset(b"\x02\0\0\0\xff\xff\xff\xff\x01\0"), None, "a count that lies");
    }

    proptest! {
        #[test]
        fn no_bytes_make_them_panic(bytes: Vec<u8>) {
            let _ = (listpack(&bytes), ziplist(&bytes), intset(&bytes));
        }
    }
}
