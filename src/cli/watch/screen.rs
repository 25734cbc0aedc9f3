//! The terminal's second screen: drawn on while somebody looks, given back whatever happens.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Read, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;

use crate::os::keys::KeyByKey;

/// To the second screen, without the cursor; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
const TOP: &str = "\x1b[H";
const CLEAR_LINE_END: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";

/// Whether the second screen is up: a panic's words must not be written onto it.
static UP: AtomicBool = AtomicBool::new(false);

/// The second screen, until it is dropped.
pub(super) struct Screen(KeyByKey);

impl Screen {
    /// Goes to the second screen and takes keys one by one; `None` where nobody sits at a terminal that could show it.
    pub(super) fn enter() -> Option<Self> {
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        if dumb || !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            return None;
        }
        let screen = Self(KeyByKey::enter().ok()?);
        UP.store(true, Ordering::SeqCst);
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            leave();
            before(panic);
        }));
        let mut out = io::stdout().lock();
        // Where it can't be written, nothing of the rest can.
        let _ = out.write_all(ENTER.as_bytes()).and_then(|()| out.flush());
        Some(screen)
    }
}

/// Draws these lines on the second screen, as many and as much of each as there is room for; a last line stays at the bottom.
pub(super) fn draw(lines: &[String], last: &str) {
    let size = terminal_size::terminal_size();
    let (width, height) = size.map_or((80, 24), |(width, height)| (usize::from(width.0), usize::from(height.0)));
    let mut text = TOP.to_owned();
    for line in fitted(lines, last, width, height) {
        // Writing to a String can't fail.
        let _ = write!(text, "{line}{CLEAR_LINE_END}\r\n");
    }
    text.push_str(CLEAR_BELOW);
    let mut out = io::stdout().lock();
    // The next look draws again.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
        self.0.restore();
    }
}

fn leave() {
    if UP.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        // Nobody is left to be told of a failure.
        let _ = out.write_all(LEAVE.as_bytes()).and_then(|()| out.flush());
    }
}

/// What fits, the last line under it. The last row stays free: writing its end would move everything up.
fn fitted(lines: &[String], last: &str, width: usize, height: usize) -> Vec<String> {
    let rows = height.saturating_sub(1).max(1);
    let room = rows.saturating_sub(1);
    let mut shown: Vec<String> = lines.to_vec();
    if shown.len() > room {
        shown.truncate(room.saturating_sub(1));
        shown.push(format!("… {} more lines", lines.len() - shown.len()));
    }
    shown.push(last.to_owned());
    shown.iter().map(|line| cut(line, width)).collect()
}

/// So many characters of a line; the sequences that colour it take no room, and none is cut in two.
fn cut(line: &str, width: usize) -> String {
    let (mut out, mut room, mut in_sequence) = (String::new(), width, false);
    for c in line.chars() {
        in_sequence |= c == '\u{1b}';
        if in_sequence {
            out.push(c);
            in_sequence = c != 'm';
        } else if room > 0 {
            out.push(c);
            room -= 1;
        }
    }
    out
}

/// Listens to the keys on a thread of its own; tells once that one of those came that end it.
pub(super) fn ending_key() -> io::Result<mpsc::Receiver<()>> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::Builder::new().name("keys".to_owned()).spawn(move || {
        let mut key = [0];
        while std::io::stdin().lock().read_exact(&mut key).is_ok() {
            if ends_it(key[0]) {
                let _ = sender.blocking_send(());
                return;
            }
        }
    })?;
    Ok(receiver)
}

/// `q`, Esc, and Ctrl-C where the terminal hands it on.
fn ends_it(key: u8) -> bool {
    matches!(key, b'q' | b'Q' | 27 | 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted_and_the_last_line_stays() {
        let lines: Vec<String> = (0..50).map(|n| format!("line {n}")).collect();
        let shown = fitted(&lines, "q ends", 6, 12);
        assert_eq!(shown.len(), 11);
        assert_eq!((shown[0].as_str(), shown[8].as_str()), ("line 0", "line 8"));
        assert_eq!((shown[9].as_str(), shown[10].as_str()), ("… 41 m", "q ends"));
        assert_eq!(fitted(&lines[..2], "q ends", 80, 24), ["line 0", "line 1", "q ends"]);
        assert_eq!(fitted(&lines, "q ends", 80, 0).len(), 2);
    }

    #[test]
    fn a_coloured_line_is_cut_by_what_is_seen_and_its_colour_ends() {
        assert_eq!(cut("\u{1b}[31;1mdown and out\u{1b}[0m", 4), "\u{1b}[31;1mdown\u{1b}[0m");
    }

    #[test]
    fn q_and_escape_end_it() {
        assert!(ends_it(b'q') && ends_it(b'Q') && ends_it(27) && ends_it(3));
        assert!(!ends_it(b'x') && !ends_it(b'\n'));
    }
}
