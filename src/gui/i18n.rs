//! The languages. `tr!` looks a short dotted key up in `assets/i18n/*.LANGUAGE.toml`; a test
//! fails for a key that a language lacks and for one that nobody uses. What the engine says by variant is put into
//! words in [`super::words`].
//!
//! The language belongs to the thread, not to the process: the window has one thread, and tests that run beside each
//! other may each have their own.

use std::cell::Cell;

/// The macro that reads the translation files does not tell cargo so; these lines make it build again when one changes.
const _: [&str; 34] = [
    include_str!("../../assets/i18n/app.en.toml"),
    include_str!("../../assets/i18n/app.zh-CN.toml"),
    include_str!("../../assets/i18n/create.en.toml"),
    include_str!("../../assets/i18n/create.zh-CN.toml"),
    include_str!("../../assets/i18n/failover.en.toml"),
    include_str!("../../assets/i18n/failover.zh-CN.toml"),
    include_str!("../../assets/i18n/fix.en.toml"),
    include_str!("../../assets/i18n/fix.zh-CN.toml"),
    include_str!("../../assets/i18n/map.en.toml"),
    include_str!("../../assets/i18n/map.zh-CN.toml"),
    include_str!("../../assets/i18n/members.en.toml"),
    include_str!("../../assets/i18n/members.zh-CN.toml"),
    include_str!("../../assets/i18n/info.en.toml"),
    include_str!("../../assets/i18n/info.zh-CN.toml"),
    include_str!("../../assets/i18n/inspect.en.toml"),
    include_str!("../../assets/i18n/inspect.zh-CN.toml"),
    include_str!("../../assets/i18n/topology.en.toml"),
    include_str!("../../assets/i18n/topology.zh-CN.toml"),
    include_str!("../../assets/i18n/metrics.en.toml"),
    include_str!("../../assets/i18n/metrics.zh-CN.toml"),
    include_str!("../../assets/i18n/moves.en.toml"),
    include_str!("../../assets/i18n/moves.zh-CN.toml"),
    include_str!("../../assets/i18n/palette.en.toml"),
    include_str!("../../assets/i18n/palette.zh-CN.toml"),
    include_str!("../../assets/i18n/past.en.toml"),
    include_str!("../../assets/i18n/past.zh-CN.toml"),
    include_str!("../../assets/i18n/run.en.toml"),
    include_str!("../../assets/i18n/run.zh-CN.toml"),
    include_str!("../../assets/i18n/safe.en.toml"),
    include_str!("../../assets/i18n/safe.zh-CN.toml"),
    include_str!("../../assets/i18n/servers.en.toml"),
    include_str!("../../assets/i18n/servers.zh-CN.toml"),
    include_str!("../../assets/i18n/timeline.en.toml"),
    include_str!("../../assets/i18n/timeline.zh-CN.toml"),
];

/// A language that the window speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Simplified Chinese.
    Chinese,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 2] = [Language::English, Language::Chinese];

    /// The code that the translation files carry in their names.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Chinese => "zh-CN",
        }
    }

    /// The language's name in itself.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Language::English => "English",
            Language::Chinese => "简体中文",
        }
    }

    /// The language of this code or a dialect of it (`zh-Hans-CN`, `zh_CN.UTF-8`); `None` for others.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        let main = code.split(['-', '_', '.']).next()?.to_ascii_lowercase();
        match main.as_str() {
            "en" => Some(Language::English),
            "zh" => Some(Language::Chinese),
            _ => None,
        }
    }

    /// The system's language where we speak it, else English.
    #[must_use]
    pub fn of_system() -> Self {
        sys_locale::get_locale().and_then(|code| Self::from_code(&code)).unwrap_or_default()
    }
}

thread_local! {
    static LANGUAGE: Cell<Language> = const { Cell::new(Language::English) };
}

/// The language of this thread.
#[must_use]
pub fn language() -> Language {
    LANGUAGE.get()
}

/// Changes the language of this thread.
pub fn set_language(language: Language) {
    LANGUAGE.set(language);
}

/// The text of a key in the current language: `tr!("nav.create")`, `tr!("slots.count", count = 5)`.
macro_rules! tr {
    ($key:literal) => {
        ::rust_i18n::t!($key, locale = $crate::gui::i18n::language().code()).into_owned()
    };
    ($key:literal, $($name:ident = $value:expr),+ $(,)?) => {
        ::rust_i18n::t!($key, locale = $crate::gui::i18n::language().code(), $($name = $value),+).into_owned()
    };
}
pub(crate) use tr;

#[cfg(test)]
#[path = "i18n_tests.rs"]
mod tests;
