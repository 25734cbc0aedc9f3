//! Files made by hand, byte by byte, and files of noise. Those of real servers are in `tests/rdb_of_real_servers.rs`.

use std::io::Read;

use proptest::prelude::*;

use super::*;

/// A file of these bytes between a header and a right end.
fn file(magic: &[u8], body: &[u8]) -> Vec<u8> {
    let mut bytes = [magic, body, &[255]].concat();
    let mut digest = checksum::running();
    digest.update(&bytes);
    bytes.extend_from_slice(&digest.finalize().to_le_bytes());
    bytes
}

fn walk(bytes: &[u8], keep: Keep) -> Result<Vec<Item>, RdbError> {
    // One byte at a time: no boundary of the buffer is special.
    struct Slow<'a>(&'a [u8]);
    impl Read for Slow<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            let few = out.len().min(3);
            self.0.read(&mut out[..few])
        }
    }
    let mut walker = Walker::new(Slow(bytes), keep)?;
    let mut items = Vec::new();
    while let Some(item) = walker.next_item()? {
        items.push(item);
    }
    assert_eq!(walker.bytes(), bytes.len() as u64);
    Ok(items)
}

fn entries(bytes: &[u8]) -> Vec<Entry> {
    let of = |item| match item {
        Item::Entry(entry) => Some(entry),
        _ => None,
    };
    walk(bytes, Keep::Values(1 << 20)).unwrap().into_iter().filter_map(of).collect()
}

#[test]
fn a_key_comes_with_its_database_its_expiry_and_its_value_as_dump_gives_it() {
    let body =
        b"\xfe\x03\xfb\x02\x01\xfc\x01\x00\x00\x00\x00\x00\x00\x00\xf8\x05\x00\x01k\xc0\x0a\x01\x04list\x02\x01a\x01b";
    let found = entries(&file(b"REDIS0009", body));
    let first = Entry {
        db: 3,
        key: b"k".to_vec(),
        expires_at: Some(1),
        idle: Some(5),
        freq: None,
        kind: 0,
        module: None,
        size: 2,
        value: b"\x00\xc0\x0a".to_vec(),
    };
    assert_eq!(found[0], first);
    assert_eq!((found[1].expires_at, found[1].idle), (None, None), "what stood before one key is not the next one's");
    assert_eq!(found[1].value, b"\x01\x02\x01a\x01b");
}

#[test]
fn keys_may_be_numbers_or_compressed() {
    let body = b"\x00\xc1\x39\x30\x00\x00\xc3\x05\x0a\x00a\xe0\x00\x00\x00";
    let keys: Vec<Vec<u8>> = entries(&file(b"REDIS0009", body)).into_iter().map(|entry| entry.key).collect();
    assert_eq!(keys, [&b"12345"[..], b"aaaaaaaaaa"]);
}

#[test]
fn the_same_type_byte_is_another_type_in_valkey() {
    let hash = b"\x16\x01h\x01\x01f\x01v\xff\xff\xff\xff\xff\xff\xff\xff";
    assert_eq!(entries(&file(b"VALKEY080", hash))[0].value.len(), hash.len() - 2);
    let redis = b"\x16\x01h\x01\x05\x01f\x01v";
    assert_eq!(entries(&file(b"REDIS0012", redis))[0].value.len(), redis.len() - 2);
}

#[test]
fn functions_and_fields_of_the_server_are_told() {
    let body = b"\xfa\x09redis-ver\x057.0.0\xf5\x04#!lu\xf4\x01\x02\x03";
    let items = walk(&file(b"REDIS0011", body), Keep::Nothing).unwrap();
    let aux = Item::Aux(b"redis-ver".to_vec(), b"7.0.0".to_vec());
    assert_eq!(items, [aux, Item::Function(b"#!lu".to_vec())]);
}

#[test]
fn a_modules_value_is_walked_and_named() {
    let id: u64 = b"ReJSON-RL".iter().fold(0, |id, letter| {
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        id << 6 | letters.iter().position(|known| known == letter).unwrap() as u64
    }) << 10
        | 3;
    let body = [b"\x07\x01m\x81".as_slice(), &id.to_be_bytes(), b"\x05\x02{}\x02\x07\x04\0\0\0\0\0\0\0\0\x00"].concat();
    let found = &entries(&file(b"REDIS0010", &body))[0];
    assert_eq!(found.module.as_deref(), Some("ReJSON-RL"));
    assert_eq!(found.value[1..], body[3..]);
}

#[test]
fn damage_is_found_wherever_it_is() {
    let whole = file(b"REDIS0010", b"\x00\x01k\x05value\x02\x01s\x02\x01a\x01b");
    for at in 9..whole.len() {
        let mut bad = whole.clone();
        bad[at] ^= 0x10;
        assert!(walk(&bad, Keep::Nothing).is_err(), "byte {at}");
        assert!(walk(&whole[..at], Keep::Nothing).is_err(), "cut at {at}");
    }
    let longer = [&whole[..], b"x"].concat();
    assert!(matches!(walk(&longer, Keep::Nothing), Err(RdbError::Damaged { .. })));
    assert_eq!(walk(b"HELLO WORLD", Keep::Nothing), Err(RdbError::NotRdb));
    assert_eq!(walk(b"", Keep::Nothing), Err(RdbError::NotRdb));
}

#[test]
fn a_file_without_checksum_is_one_whose_end_is_zero() {
    let mut bytes = file(b"REDIS0010", b"\x00\x01k\x01v");
    let end = bytes.len() - 8;
    bytes[end..].fill(0);
    let mut walker = Walker::new(&bytes[..], Keep::Nothing).unwrap();
    while walker.next_item().unwrap().is_some() {}
    assert_eq!(walker.checksum(), Some(Checksum::Absent));
}

#[test]
fn a_length_that_lies_takes_no_memory() {
    let body = b"\x00\x01k\x81\xff\xff\xff\xff\xff\xff\xff\xffshort";
    assert!(matches!(walk(&file(b"REDIS0010", body), Keep::Values(1 << 20)), Err(RdbError::Truncated(_))));
    let name = b"\x00\x81\x00\x00\x00\xff\xff\xff\xff\xffshort";
    assert!(walk(&file(b"REDIS0010", name), Keep::Nothing).is_err());
    let packed = b"\x00\xc3\x01\x81\x00\x00\x00\x00\x1f\xff\xff\xff\x00";
    assert!(walk(&file(b"REDIS0010", packed), Keep::Nothing).is_err());
}

#[test]
fn a_value_over_the_limit_is_refused() {
    let body = [b"\x00\x01k\x40\x64".as_slice(), &[7; 100]].concat();
    assert!(walk(&file(b"REDIS0010", &body), Keep::Values(103)).is_ok());
    let refused = walk(&file(b"REDIS0010", &body), Keep::Values(102));
    assert!(matches!(refused, Err(RdbError::TooLarge { limit: 102, .. })), "{refused:?}");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(noise: Vec<u8>, valkey: bool) {
        let magic: &[u8] = if valkey { b"VALKEY080" } else { b"REDIS0012" };
        let _ = walk(&file(magic, &noise), Keep::Values(1 << 16));
        let _ = walk(&noise, Keep::Nothing);
    }

    #[test]
    fn every_type_survives_noise(kind in 0_u8..40, noise in prop::collection::vec(any::<u8>(), 0..200), valkey: bool) {
        let magic: &[u8] = if valkey { b"VALKEY080" } else { b"REDIS0012" };
        let _ = walk(&file(magic, &[&[kind, 1, b'k'], &noise[..]].concat()), Keep::Values(1 << 16));
    }

    #[test]
    fn a_string_comes_back_byte_for_byte(key in prop::collection::vec(any::<u8>(), 0..60), value in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut body = vec![0, u8::try_from(key.len()).unwrap()];
        body.extend_from_slice(&key);
        let at = body.len();
        body.push(0x40 | u8::try_from(value.len() >> 8).unwrap());
        body.push(u8::try_from(value.len() & 0xff).unwrap());
        body.extend_from_slice(&value);
        let found = entries(&file(b"REDIS0011", &body));
        prop_assert_eq!(&found[0].key, &key);
        prop_assert_eq!(&found[0].value[1..], &body[at..]);
    }
}
