use proptest::prelude::*;

use super::*;

fn split(line: &str) -> Vec<String> {
    split_args(line).unwrap().into_iter().map(|arg| String::from_utf8(arg).unwrap()).collect()
}

#[test]
fn plain_words_stay_plain() {
    for word in ["yes", "127.0.0.1", "appendonly.7000.aof", "256mb", "./", "a+b@c:d,e=f%"] {
        assert_eq!(quote(word).unwrap(), word);
    }
}

#[test]
fn everything_else_is_double_quoted_with_escapes() {
    let cases = [
        ("", "\"\""),
        ("two words", "\"two words\""),
        (" blanks ", "\" blanks \""),
        ("#hash", "\"#hash\""),
        ("a\"b", "\"a\\\"b\""),
        ("a'b", "\"a'b\""),
        ("C:\\temp\\new", "\"C:\\\\temp\\\\new\""),
        ("one\ntwo", "\"one\\ntwo\""),
        ("a\r\tb", "\"a\\r\\tb\""),
        ("\u{1b}\u{7f}\u{b}", "\"\\x1b\\x7f\\x0b\""),
        ("中文密码", "\"中文密码\""),
    ];
    for (value, written) in cases {
        assert_eq!(quote(value).unwrap(), written);
        assert_eq!(split(written), [value]);
    }
}

#[test]
fn a_nul_is_refused_because_the_server_would_cut_the_value_there() {
    assert_eq!(quote("a\0b"), Err(QuoteError::Nul));
}

#[test]
fn lines_are_split_as_the_server_splits_them() {
    assert_eq!(split("save 900 1"), ["save", "900", "1"]);
    assert_eq!(split("  dir\t./  \r"), ["dir", "./"]);
    assert_eq!(split("requirepass a#b"), ["requirepass", "a#b"]);
    assert_eq!(split("requirepass abc # note"), ["requirepass", "abc", "#", "note"]);
    assert_eq!(split(r#"x "\x41\x4g\q\b""#), ["x", "Ax4gq\u{8}"]);
    assert_eq!(split(r"x 'it\'s \n'"), ["x", "it's \\n"]);
    assert_eq!(split("x ''"), ["x", ""]);
    assert_eq!(split("x a\"b c\" d"), ["x", "ab c", "d"]);
    assert_eq!(split("name\u{b}value\u{c}"), ["name", "value"]);
    assert_eq!(split(r"dir C:\a\b"), ["dir", r"C:\a\b"]);
    assert_eq!(split_args(r#"x "\xca\xfd""#).unwrap()[1], [0xca, 0xfd]);
    assert!(split("").is_empty());
}

#[test]
fn unbalanced_quotes_are_named() {
    for line in ["x \"abc", "x 'abc", "x a\"b", "x \"a\\", "x \"a\\\"", "x 'a\\'"] {
        assert_eq!(split_args(line), Err(SplitError::Unclosed), "{line}");
    }
    assert_eq!(split_args("x \"a\"b"), Err(SplitError::TextAfterQuote));
    assert_eq!(split_args("x 'a'\"b\""), Err(SplitError::TextAfterQuote));
}

#[test]
fn old_servers_keep_shorter_values() {
    let check = |directive, value: &str, version| check_length(directive, value, version);
    let long = "a".repeat(513);
    assert_eq!(
        check("requirepass", &long, ServerVersion::redis(6, 0, 20)),
        Err(QuoteError::TooLong { bytes: 513, limit: 512 })
    );
    assert_eq!(check("requirepass", &long, ServerVersion::redis(6, 2, 5)), Ok(()));
    assert_eq!(check("masteruser", &long, ServerVersion::redis(6, 0, 20)), Ok(()));
    // A rewrite before 7.0 spells each byte of Chinese text with four characters.
    let chinese = "密".repeat(100);
    assert!(check("requirepass", &chinese, ServerVersion::redis(6, 2, 5)).is_err());
    assert_eq!(check("requirepass", &chinese, ServerVersion::redis(7, 0, 15)), Ok(()));
    assert!(check("requirepass", &"a".repeat(16_385), ServerVersion::valkey(9, 1, 2)).is_err());
}

#[test]
fn a_server_that_spoils_quotes_when_it_rewrites_its_file_is_known() {
    for value in ["a\"b", "a\\b"] {
        assert_eq!(check_rewrite(value, ServerVersion::valkey(8, 1, 1)), Err(QuoteError::SpoiledByRewrite));
        assert_eq!(check_rewrite(value, ServerVersion::valkey(8, 1, 2)), Ok(()));
        assert_eq!(check_rewrite(value, ServerVersion::redis(8, 0, 6)), Ok(()));
    }
    assert_eq!(check_rewrite("two words 密", ServerVersion::valkey(8, 1, 1)), Ok(()));
}

/// Text that is rich in what has a meaning to the server.
fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => prop::sample::select(vec![
            " ", "\"", "'", "\\", "\n", "\r", "\t", "#", "\\x41", "\\n", "port 1", "\n\nport 1\n", "\u{7}", "\u{b}",
            "\u{7f}", "密", "🔑", "\u{85}", "\u{a0}", "\u{feff}",
        ])
        .prop_map(str::to_owned),
        1 => "\\PC*",
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat().replace('\0', ""))
}

proptest! {
    #[test]
    fn what_is_quoted_reads_back_as_it_was(value in nasty()) {
        let line = format!("requirepass {}", quote(&value).unwrap());
        prop_assert_eq!(split(&line), ["requirepass", value.as_str()]);
    }

    #[test]
    fn nothing_quoted_breaks_its_line(value in nasty()) {
        let quoted = quote(&value).unwrap();
        prop_assert!(!quoted.chars().any(|c| c.is_ascii_control()), "{}", quoted);
        prop_assert!(!quoted.starts_with('#'));
    }

    #[test]
    fn splitting_never_fails_but_for_quotes(line in nasty()) {
        if !line.contains(['"', '\'']) {
            prop_assert!(split_args(&line).is_ok());
        }
    }
}
