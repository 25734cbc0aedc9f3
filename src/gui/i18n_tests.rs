use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::*;

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
}

/// Every `tr!("key"` in the sources, with the file that uses it.
fn used_keys() -> BTreeMap<String, PathBuf> {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gui"), &mut files);
    let mut keys = BTreeMap::new();
    for file in files.into_iter().filter(|f| !f.ends_with("i18n.rs") && !f.ends_with("i18n_tests.rs")) {
        let text = std::fs::read_to_string(&file).unwrap();
        let text: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        for part in text.split("tr!(").skip(1) {
            let rest = part.trim_start();
            let key = rest.strip_prefix('"').and_then(|r| r.split('"').next());
            let key = key.unwrap_or_else(|| panic!("{}: tr! without a literal key", file.display()));
            keys.insert(key.to_owned(), file.clone());
        }
    }
    keys
}

/// Key and text of every translation of a language.
fn messages(language: Language) -> BTreeMap<String, String> {
    let found = crate::_rust_i18n_backend().messages_for_locale(language.code()).unwrap_or_default();
    found.into_iter().map(|(key, text)| (key.into_owned(), text.into_owned())).collect()
}

/// The names in `%{…}`.
fn holes(text: &str) -> BTreeSet<&str> {
    text.split("%{").skip(1).filter_map(|part| part.split('}').next()).collect()
}

#[test]
fn every_key_in_the_code_has_a_text_in_every_language() {
    for language in Language::ALL {
        let known = messages(language);
        let missing: Vec<_> = used_keys().into_iter().filter(|(key, _)| !known.contains_key(key)).collect();
        assert!(missing.is_empty(), "{} lacks {missing:#?}", language.code());
    }
}

#[test]
fn no_language_has_a_text_that_nobody_uses() {
    let used = used_keys();
    for language in Language::ALL {
        let unused: Vec<_> = messages(language).into_keys().filter(|key| !used.contains_key(key)).collect();
        assert!(unused.is_empty(), "{} has unused {unused:#?}", language.code());
    }
}

#[test]
fn translations_leave_the_same_holes_for_values() {
    let chinese = messages(Language::Chinese);
    for (key, english) in messages(Language::English) {
        let other = chinese.get(&key).map(String::as_str).unwrap_or_default();
        assert_eq!(holes(&english), holes(other), "{key}");
    }
}

#[test]
fn codes_of_systems_are_recognised() {
    assert_eq!(Language::from_code("zh-Hans-CN"), Some(Language::Chinese));
    assert_eq!(Language::from_code("zh_CN.UTF-8"), Some(Language::Chinese));
    assert_eq!(Language::from_code("en-GB"), Some(Language::English));
    assert_eq!(Language::from_code("C"), None);
}

#[test]
fn cargo_is_told_of_every_file_of_words() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let told = std::fs::read_to_string(root.join("src/gui/i18n.rs")).unwrap();
    for file in std::fs::read_dir(root.join("assets/i18n")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(told.contains(&format!("assets/i18n/{name}\"")), "{name} is not in the list of i18n.rs");
    }
}
