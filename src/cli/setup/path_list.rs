//! The PATH of Windows as a text: folders between semicolons, some in quotes, some with `%VARIABLES%`. Pure; what is
//! not ours comes out exactly as it went in.

/// The list with the folder at its end; `None` when it is there already.
pub(super) fn add(list: &str, folder: &str) -> Option<String> {
    if entries(list).any(|entry| same(entry, folder)) {
        return None;
    }
    let folder = if folder.contains(';') { format!("\"{folder}\"") } else { folder.to_owned() };
    let gap = if list.is_empty() || list.ends_with(';') { "" } else { ";" };
    Some(format!("{list}{gap}{folder}"))
}

/// The list without the folder, however often it is there; `None` when it is not.
pub(super) fn remove(list: &str, folder: &str) -> Option<String> {
    let kept: Vec<&str> = entries(list).filter(|entry| !same(entry, folder)).collect();
    (kept.len() < entries(list).count()).then(|| kept.join(";"))
}

/// The entries as they are written. A semicolon in quotes belongs to its folder.
fn entries(list: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    list.split(move |c| {
        quoted ^= c == '"';
        c == ';' && !quoted
    })
}

/// Whether an entry is this folder: without regard to quotes, case, and a backslash at the end.
fn same(entry: &str, folder: &str) -> bool {
    let plain = |text: &str| text.trim().replace('"', "").replace('/', "\\").trim_end_matches('\\').to_lowercase();
    plain(entry) == plain(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OURS: &str = r"C:\Users\李雷\AppData\Local\Programs\Slotdeck";

    #[test]
    fn a_folder_is_added_at_the_end_and_once_only() {
        let before = r"%USERPROFILE%\bin;C:\a b";
        let after = add(before, OURS).unwrap();
        assert_eq!(after, format!("{before};{OURS}"));
        assert_eq!(add(&after, OURS), None);
        assert_eq!(add(&format!("{};C:\\x", OURS.to_uppercase()), &format!("{OURS}\\")), None);
        assert_eq!(add("", OURS).unwrap(), OURS);
        assert_eq!(add(r"C:\a;", OURS).unwrap(), format!(r"C:\a;{OURS}"));
    }

    #[test]
    fn removing_takes_every_spelling_of_the_folder_and_nothing_else() {
        assert_eq!(remove(&format!("C:\\a;{OURS}\\;;\"{OURS}\";D:\\b;"), OURS).unwrap(), r"C:\a;;D:\b;");
        assert_eq!(remove(r"C:\a;D:\b", OURS), None);
        assert_eq!(remove(OURS, OURS).unwrap(), "");
        assert_eq!(remove(&format!("{OURS}2;C:\\a"), OURS), None);
    }

    #[test]
    fn a_semicolon_in_quotes_is_part_of_a_folder() {
        let list = r#""C:\a;b";C:\c"#;
        assert_eq!(remove(list, r"C:\a;b").unwrap(), r"C:\c");
        assert_eq!(remove(list, r"C:\c").unwrap(), r#""C:\a;b""#);
        assert_eq!(add(r"C:\c", r"C:\a;b").unwrap(), r#"C:\c;"C:\a;b""#);
    }

    #[test]
    fn a_very_long_path_is_not_cut() {
        let before = vec![r"C:\some\folder\of\many"; 2000].join(";");
        let after = add(&before, OURS).unwrap();
        assert_eq!(after.len(), before.len() + 1 + OURS.len());
        assert_eq!(remove(&after, OURS).unwrap(), before);
    }

    proptest! {
        #[test]
        fn what_was_added_and_removed_leaves_the_list_as_it_was(list in "([a-zA-Z:\\\\ %é\"]{0,12};){0,6}[a-zA-Z:\\\\]{1,8}") {
            prop_assume!(list.matches('"').count() % 2 == 0);
            let added = add(&list, OURS).unwrap();
            prop_assert_eq!(remove(&added, OURS).unwrap(), list);
        }
    }
}
