//! LZF, with which servers compress strings (`lzf_d.c`).

/// Unpacks to exactly `length` bytes; `None` where the bytes give anything else. Memory grows with what is really
/// produced.
#[must_use]
pub fn unpack(packed: &[u8], length: u64) -> Option<Vec<u8>> {
    let length = usize::try_from(length).ok()?;
    let mut out: Vec<u8> = Vec::with_capacity(length.min(packed.len().saturating_mul(4)));
    let mut rest = packed.iter().copied();
    while let Some(control) = rest.next() {
        if control < 32 {
            for _ in 0..=control {
                out.push(rest.next()?);
            }
        } else {
            let mut count = usize::from(control >> 5);
            if count == 7 {
                count += usize::from(rest.next()?);
            }
            let back = (usize::from(control & 0x1f) << 8) + usize::from(rest.next()?) + 1;
            let from = out.len().checked_sub(back)?;
            // The copy may overlap what it writes: that is how runs are packed.
            for i in from..from + count + 2 {
                out.push(out[i]);
            }
        }
        if out.len() > length {
            return None;
        }
    }
    (out.len() == length).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn literals_and_runs_are_unpacked() {
        assert_eq!(unpack(b"\x02abc", 3).as_deref(), Some(&b"abc"[..]));
        // One byte, then nine more from one back.
        assert_eq!(unpack(b"\x00a\xe0\x00\x00", 10).as_deref(), Some(&b"aaaaaaaaaa"[..]));
        assert_eq!(unpack(b"\x02abc", 4), None);
        assert_eq!(unpack(b"\x20\x00", 3), None, "nothing to copy from");
        assert_eq!(unpack(b"\x02a", 3), None);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(packed: Vec<u8>, length: u64) {
            let _ = unpack(&packed, length);
        }
    }
}
