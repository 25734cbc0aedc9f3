//! Numbers, sizes and times as people read them, in the current language.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, FixedOffset, Local, SecondsFormat, Utc};

use crate::engine::slot_figures::Figure;

use super::i18n::tr;

/// What stands where a value is not known.
pub const NONE: &str = "—";

thread_local! {
    /// The frame's time: one for the whole frame, so that two ages in it never disagree.
    static NOW: Cell<Option<SystemTime>> = const { Cell::new(None) };
    /// When the first of the ages that were written in this frame must be written anew.
    static AGE_CHANGES: Cell<Option<Duration>> = const { Cell::new(None) };
    /// Whether times are shown in UTC.
    static UTC: Cell<bool> = const { Cell::new(false) };
}

/// Begins a frame: ages count from `now`.
pub fn begin_frame(now: SystemTime) {
    NOW.set(Some(now));
    AGE_CHANGES.set(None);
}

/// The time of this frame.
#[must_use]
pub fn now() -> SystemTime {
    NOW.get().unwrap_or_else(SystemTime::now)
}

/// How long what was written since [`begin_frame`] stays true: until then nothing needs to be drawn on behalf of ages.
#[must_use]
pub fn next_age_change() -> Option<Duration> {
    AGE_CHANGES.get()
}

/// A whole number with a thin gap between thousands.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size in bytes with a binary unit: `512 B`, `1.5 MiB`.
#[must_use]
pub fn bytes(size: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if size < 1024 {
        return format!("{size} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let mut value = size as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A figure of a slot with its unit: keys, bytes, processor time or bytes a second.
#[must_use]
pub fn figure(figure: Figure, value: u64) -> String {
    match figure {
        Figure::Keys => count(value),
        Figure::Memory => bytes(value),
        Figure::Cpu => format!("{}/s", micros(value)),
        Figure::NetIn | Figure::NetOut => format!("{}/s", bytes(value)),
    }
}

/// The same as short as it can be, for a cell of the map.
#[must_use]
pub fn figure_short(figure: Figure, value: u64) -> String {
    const UNITS: [&str; 5] = ["", "k", "M", "G", "T"];
    if figure == Figure::Cpu {
        return micros(value).replace(' ', "");
    }
    let base = if figure == Figure::Keys { 1000.0 } else { 1024.0 };
    #[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
    let mut short = value as f64;
    let mut unit = 0;
    while short >= base && unit + 1 < UNITS.len() {
        short /= base;
        unit += 1;
    }
    if unit > 0 && short < 9.95 { format!("{short:.1}{}", UNITS[unit]) } else { format!("{short:.0}{}", UNITS[unit]) }
}

/// A sum that counts up, with its unit: processor time, bytes.
#[must_use]
pub fn figure_total(figure: Figure, value: u64) -> String {
    match figure {
        Figure::Keys => count(value),
        Figure::Cpu => micros(value),
        Figure::Memory | Figure::NetIn | Figure::NetOut => bytes(value),
    }
}

/// Microseconds: `740 µs`, `1.2 ms`, `3.4 s`.
fn micros(micros: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let value = micros as f64;
    match micros {
        0..1000 => format!("{micros} µs"),
        1000..1_000_000 => format!("{:.1} ms", value / 1000.0),
        _ => format!("{:.1} s", value / 1_000_000.0),
    }
}

/// Any bytes as text on one line: what can be read as it is, the rest as redis-cli writes it (`\n`, `\x00`).
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\\' | '\n' | '\r' | '\t' => text.extend(letter.escape_default()),
                // Invisible ones and those that turn the direction of writing would hide what a key is.
                c if c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{feff}') => {
                    let mut units = [0; 4];
                    push_numbers(&mut text, c.encode_utf8(&mut units).as_bytes());
                }
                c => text.push(c),
            }
        }
        push_numbers(&mut text, chunk.invalid());
    }
    text
}

fn push_numbers(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        text.extend(['\\', 'x']);
        text.extend([byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('?')));
    }
}

/// How long something took: `340 ms`, `2.4 s`, `3 min 5 s`, `2 h 7 min`.
#[must_use]
pub fn took(time: Duration) -> String {
    let secs = time.as_secs();
    match secs {
        0 => format!("{} ms", time.as_millis()),
        1..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{secs} s"),
        60..3600 => format!("{} min {} s", secs / 60, secs % 60),
        _ => format!("{} h {} min", secs / 3600, secs % 3600 / 60),
    }
}

/// How long ago something was: `now`, `5 s ago`.
#[must_use]
pub fn age(then: SystemTime) -> String {
    age_after(then, 2)
}

/// As [`age`], for what happens every second anyway: `now` as long as it is not longer than usual ago.
#[must_use]
pub fn age_of_poll(then: SystemTime) -> String {
    age_after(then, 10)
}

/// An age that begins to count after so many seconds.
fn age_after(then: SystemTime, young: u64) -> String {
    let age = NOW.get().unwrap_or_else(SystemTime::now).duration_since(then).unwrap_or_default();
    let secs = age.as_secs();
    let (text, next) = match secs {
        _ if secs < young => (tr!("age.now"), young),
        0..60 => (tr!("age.secs", count = secs), secs + 1),
        60..3600 => (tr!("age.mins", count = secs / 60), (secs / 60 + 1) * 60),
        3600..86_400 => (tr!("age.hours", count = secs / 3600), (secs / 3600 + 1) * 3600),
        _ => (tr!("age.days", count = secs / 86_400), (secs / 86_400 + 1) * 86_400),
    };
    let next = Duration::from_secs(next).saturating_sub(age);
    AGE_CHANGES.set(Some(AGE_CHANGES.get().map_or(next, |before| before.min(next))));
    text
}

/// Shows times in UTC in this thread, not in the machine's time zone: for tests and pictures.
pub fn show_utc(yes: bool) {
    UTC.set(yes);
}

/// A time in the machine's zone, with its distance to UTC.
fn local(at: SystemTime) -> DateTime<FixedOffset> {
    let utc = DateTime::<Utc>::from(at);
    if UTC.get() { utc.fixed_offset() } else { utc.with_timezone(&Local).fixed_offset() }
}

/// The time of day where the person is, `14:05:09`.
#[must_use]
pub fn clock(at: SystemTime) -> String {
    local(at).format("%H:%M:%S").to_string()
}

/// Day and time where the person is, `2025-10-09 14:05:09`.
#[must_use]
pub fn date_clock(at: SystemTime) -> String {
    local(at).format("%Y-%m-%d %H:%M:%S").to_string()
}

/// A time for programs, with milliseconds and the distance to UTC: `2025-10-09T14:05:09.250+02:00`.
#[must_use]
pub fn stamp(at: SystemTime) -> String {
    local(at).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A part of a whole in percent: `33.3 %`.
#[must_use]
pub fn share(part: usize, whole: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let percent = part as f64 * 100.0 / whole.max(1) as f64;
    format!("{percent:.1} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(
            [count(0), count(999), count(1000), count(16_384), count(1_234_567)].join(" "),
            "0 999 1,000 16,384 1,234,567"
        );
    }

    #[test]
    fn sizes_have_one_decimal_and_never_1024_of_a_unit() {
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(1024 * 1024 - 1), "1.0 MiB");
        assert_eq!(bytes(u64::MAX), "16384.0 PiB");
    }

    #[test]
    fn figures_have_units_and_short_ones_fit_a_cell() {
        assert_eq!(figure(Figure::Cpu, 740), "740 µs/s");
        assert_eq!(figure(Figure::NetIn, 2048), "2.0 KiB/s");
        assert_eq!(figure_total(Figure::Cpu, 1_250_000), "1.2 s");
        assert_eq!([0, 999, 1200, 12_345].map(|keys| figure_short(Figure::Keys, keys)), ["0", "999", "1.2k", "12k"]);
        assert_eq!(figure_short(Figure::Memory, 3 << 20), "3.0M");
    }

    #[test]
    fn bytes_that_are_no_text_are_written_as_numbers() {
        assert_eq!(printable("größe 大".as_bytes()), "größe 大");
        assert_eq!(printable(b"a\x00\xff\n\\"), "a\\x00\\xff\\n\\\\");
        assert_eq!(printable("\u{202e}x".as_bytes()), "\\xe2\\x80\\xaex");
    }

    #[test]
    fn durations_and_ages_are_short() {
        assert_eq!(took(Duration::from_millis(340)), "340 ms");
        assert_eq!(took(Duration::from_millis(2_400)), "2.4 s");
        assert_eq!(took(Duration::from_secs(185)), "3 min 5 s");
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100_000);
        begin_frame(now);
        assert_eq!(next_age_change(), None);
        assert_eq!(age(now - Duration::from_secs(190)), "3 min ago");
        assert_eq!(next_age_change(), Some(Duration::from_secs(50)));
        assert_eq!(age(now - Duration::from_millis(5_200)), "5 s ago");
        assert_eq!(next_age_change(), Some(Duration::from_millis(800)));
        assert_eq!(age(now + Duration::from_secs(5)), "now");
        assert_eq!(age_of_poll(now - Duration::from_secs(5)), "now");
        assert_eq!(age_of_poll(now - Duration::from_secs(12)), "12 s ago");
    }

    #[test]
    fn times_are_those_of_the_place() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100_000);
        let here = DateTime::<Utc>::from(now).with_timezone(&Local);
        assert_eq!(clock(now), here.format("%H:%M:%S").to_string());
        show_utc(true);
        assert_eq!(clock(now), "03:46:40");
        assert_eq!(date_clock(now), "1970-01-02 03:46:40");
        assert_eq!(stamp(now + Duration::from_millis(5)), "1970-01-02T03:46:40.005Z");
    }
}
