//! Where a value of each type ends (`rdbLoadObject` in rdb.c).

use std::io::Read;

use super::read::Input;
use super::{Flavour, RdbError};

/// The type of module values.
pub(super) const MODULE: u8 = 7;

/// An id of a stream's entry, as pending lists hold it.
const RAW_ID: u64 = 16;
const MILLISECONDS: u64 = 8;

/// Passes over a value whose type byte has just been read.
pub(super) fn skip<R: Read>(input: &mut Input<R>, kind: u8, flavour: Flavour) -> Result<(), RdbError> {
    match (kind, flavour) {
        (0 | 9..=13 | 16 | 17 | 20 | 23, _) => input.skip_string(),
        (1 | 2 | 14, _) => many(input, Input::skip_string),
        (3, _) => many(input, |input| {
            input.skip_string()?;
            skip_old_double(input)
        }),
        (4, _) => many(input, strings::<R, 2>),
        (5, _) => many(input, |input| {
            input.skip_string()?;
            input.skip(8)
        }),
        (MODULE, _) => {
            input.length()?;
            skip_module_value(input)
        }
        (15 | 19 | 21 | 26 | 27, _) => skip_stream(input, kind),
        (18, _) => many(input, |input| {
            input.length()?;
            input.skip_string()
        }),
        // Valkey 9: hash with times of expiry, absolute, after each value.
        (22, Flavour::Valkey) => many(input, |input| {
            strings::<R, 2>(input)?;
            input.skip(MILLISECONDS)
        }),
        // Redis 7.4: the time before each field; from 24 on relative to one at the beginning.
        (22, Flavour::Redis) => many(input, timed_field),
        (24, Flavour::Redis) => {
            input.skip(MILLISECONDS)?;
            many(input, timed_field)
        }
        (25, Flavour::Redis) => {
            input.skip(MILLISECONDS)?;
            input.skip_string()
        }
        _ => Err(RdbError::UnknownType { kind, at: input.at() }),
    }
}

/// A count, then so many of something. Each takes at least one byte, so a count that lies ends with the file.
fn many<R: Read>(
    input: &mut Input<R>,
    mut one: impl FnMut(&mut Input<R>) -> Result<(), RdbError>,
) -> Result<(), RdbError> {
    for _ in 0..input.length()? {
        one(input)?;
    }
    Ok(())
}

fn strings<R: Read, const N: usize>(input: &mut Input<R>) -> Result<(), RdbError> {
    for _ in 0..N {
        input.skip_string()?;
    }
    Ok(())
}

fn timed_field<R: Read>(input: &mut Input<R>) -> Result<(), RdbError> {
    input.length()?;
    strings::<R, 2>(input)
}

/// A number as text, with its length before it; three lengths stand for NaN and the infinities.
fn skip_old_double<R: Read>(input: &mut Input<R>) -> Result<(), RdbError> {
    match input.byte()? {
        253..=255 => Ok(()),
        length => input.skip(u64::from(length)),
    }
}

/// What a module wrote, each part behind its kind, up to an end mark.
pub(super) fn skip_module_value<R: Read>(input: &mut Input<R>) -> Result<(), RdbError> {
    loop {
        match input.length()? {
            0 => return Ok(()),
            1 | 2 => drop(input.length()?),
            3 => input.skip(4)?,
            4 => input.skip(8)?,
            5 => input.skip_string()?,
            _ => return input.damaged("a part of a module's value of no known kind"),
        }
    }
}

/// Streams of all five versions: 15, 19 (Redis 7.0), 21 (7.2), 26 (8.6) and 27.
fn skip_stream<R: Read>(input: &mut Input<R>, kind: u8) -> Result<(), RdbError> {
    many(input, strings::<R, 2>)?;
    // Length and last id; then first id, greatest deleted id and how many were ever added.
    input.lengths(if kind >= 19 { 8 } else { 3 })?;
    many(input, |input| skip_group(input, kind))?;
    if kind >= 26 {
        // How long and how many ids of messages are remembered against sending twice, by producer.
        input.lengths(2)?;
        many(input, |input| {
            input.skip_string()?;
            many(input, |input| {
                input.skip_string()?;
                input.skip(RAW_ID)
            })
        })?;
        input.lengths(2)?;
    }
    Ok(())
}

fn skip_group<R: Read>(input: &mut Input<R>, kind: u8) -> Result<(), RdbError> {
    input.skip_string()?;
    input.lengths(if kind >= 19 { 3 } else { 2 })?;
    many(input, |input| {
        input.skip(RAW_ID + MILLISECONDS)?;
        input.length().map(drop)
    })?;
    many(input, |input| {
        input.skip_string()?;
        input.skip(if kind >= 21 { 2 * MILLISECONDS } else { MILLISECONDS })?;
        many(input, |input| input.skip(RAW_ID))
    })?;
    if kind >= 27 {
        many(input, |input| input.skip(RAW_ID))?;
    }
    Ok(())
}

/// The name in the id of a module's type: nine characters of six bits, then ten bits of version
/// (`moduleTypeNameByID`).
pub(super) fn module_name(id: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits = |i: u32| usize::try_from(id >> (10 + 6 * i) & 63).unwrap_or_default();
    (0..9).rev().map(|i| char::from(LETTERS[bits(i)])).collect()
}
