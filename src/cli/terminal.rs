//! Standard input and output: what is printed, what is asked.
//!
//! Nothing goes to standard error on success, and nothing but one JSON object to standard output under `--json`.

use std::io::{BufRead, IsTerminal, Read, Write};

use serde::Serialize;
use tokio::sync::oneshot;

use crate::core::secret::Secret;

use super::text::Text;

/// Where the words go.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    /// Whether standard output understands escape sequences: lines can be rewritten.
    live: bool,
    colour: bool,
    json: bool,
    /// Only [`result`](Self::result)s are printed: they are for a program that reads lines.
    bare: bool,
}

impl Terminal {
    /// The process's own streams. Colour is for terminals only, and not where `NO_COLOR` is set or the terminal is dumb.
    #[must_use]
    pub fn new(json: bool) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        // An old Windows console would show the escapes as they are.
        let capable = !cfg!(windows) || ["WT_SESSION", "TERM", "ANSICON", "ConEmuANSI"].into_iter().any(set);
        let live = std::io::stdout().is_terminal() && !dumb && capable && !json;
        Self { live, colour: live && !set("NO_COLOR"), json, bare: false }
    }

    /// The process's own streams, where only [`result`](Self::result)s are wanted.
    #[must_use]
    pub fn bare() -> Self {
        Self { live: false, colour: false, json: false, bare: true }
    }

    /// Whether lines can be rewritten: a person looks on.
    #[must_use]
    pub fn is_live(self) -> bool {
        self.live
    }

    /// Whether the words are for a program.
    #[must_use]
    pub fn is_json(self) -> bool {
        self.json
    }

    /// Empty text in this terminal's colours.
    #[must_use]
    pub fn text(self) -> Text {
        Text::new(self.colour)
    }

    /// Prints text to standard output at once; nothing under `--json` or where only results are wanted.
    pub fn print(self, text: &str) {
        self.offer(text);
    }

    /// The same, and `false` where the reader went away.
    pub fn offer(self, text: &str) -> bool {
        self.json || self.bare || write_out(text)
    }

    /// Prints what was asked for where nothing else is wanted.
    pub fn result(self, text: &str) {
        if self.bare {
            write_out(text);
        }
    }

    /// Prints built-up text; nothing under `--json`.
    pub fn say(self, build: impl FnOnce(&mut Text)) {
        let mut text = self.text();
        build(&mut text);
        self.print(&text.into_string());
    }

    /// Prints the one JSON object; nothing without `--json`.
    pub fn object(self, value: &impl Serialize) {
        if self.json
            && let Ok(text) = serde_json::to_string_pretty(value)
        {
            write_out(&format!("{text}\n"));
        }
    }

    /// Prints one of many JSON objects, on a line of its own; nothing without `--json`. `false` where the reader went
    /// away.
    pub fn json_line(self, value: &impl Serialize) -> bool {
        match serde_json::to_string(value) {
            Ok(text) if self.json => write_out(&format!("{text}\n")),
            _ => true,
        }
    }

    /// Asks for a word, with or without a line break after it; the end of the input is an empty one. Interrupted
    /// questions are [`Interrupt`](super::interrupt::Interrupt)'s.
    pub async fn ask(self, question: &str) -> String {
        self.print(question);
        read_line().await.map(|answer| answer.trim().to_owned()).unwrap_or_default()
    }
}

/// A password typed without echo; the first line of standard input where no person types it.
///
/// # Errors
/// There is no terminal to ask at, or the input has ended.
pub async fn ask_password(prompt: &'static str) -> Result<Secret, String> {
    if !std::io::stdin().is_terminal() {
        return read_line().await.map(Secret::new).ok_or_else(|| "no password came on standard input".to_owned());
    }
    let typed = tokio::task::spawn_blocking(move || rpassword::prompt_password(prompt)).await;
    match typed {
        Ok(Ok(password)) => Ok(Secret::new(password)),
        Ok(Err(error)) => Err(format!("can't ask for the password: {error}")),
        Err(error) => Err(format!("can't ask for the password: {error}")),
    }
}

/// A line to standard error.
pub fn complain(line: &str) {
    // Nobody listens: nothing to be done.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Whether it was taken. A reader that went away (`| head`) is no reason to stop half-way through an operation.
fn write_out(text: &str) -> bool {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_ok()
}

/// All of standard input, for `-x`: one value of a server, which can't be longer than this.
///
/// # Errors
/// It can't be read, is longer, or no valid text.
pub fn all_of_stdin() -> Result<String, String> {
    const LONGEST: u64 = 512 * 1024 * 1024;
    let mut all = String::new();
    std::io::stdin().lock().take(LONGEST + 1).read_to_string(&mut all).map_err(|error| error.to_string())?;
    if all.len() as u64 > LONGEST { Err("it is longer than a server takes (512 MB)".to_owned()) } else { Ok(all) }
}

/// One line of standard input without its end; `None` at the end of the input. Read on a thread of its own, so that
/// Ctrl-C is heard meanwhile.
pub async fn read_line() -> Option<String> {
    let (sender, receiver) = oneshot::channel();
    let reader = std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        let line = read.ok().filter(|bytes| *bytes > 0).map(|_| line.trim_end_matches(['\r', '\n']).to_owned());
        let _ = sender.send(line);
    });
    reader.ok()?;
    receiver.await.ok().flatten()
}
