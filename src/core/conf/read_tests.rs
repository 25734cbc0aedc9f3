use proptest::prelude::*;

use super::*;

#[test]
fn directives_come_with_their_line_numbers() {
    let text = "# a comment\n\nPort 7000\r\n  save 900 1\n\tsave \"\"\n";
    let read: Vec<_> = lines(text).map(|(_, line)| line.unwrap()).collect();
    let told: Vec<_> = read.iter().map(|line| (line.number, line.name.as_str(), line.text_args().join("|"))).collect();
    assert_eq!(told, [(3, "port", "7000".into()), (4, "save", "900|1".into()), (5, "save", String::new())]);
    assert_eq!(read[2].args, [b""], "an empty argument is one");
}

#[test]
fn an_unreadable_line_is_named() {
    let broken = lines("port 7000\nrequirepass \"abc\n").find_map(|(number, line)| Some((number, line.err()?)));
    let (number, why) = broken.unwrap();
    assert_eq!((number, why.to_string()), (2, "a quote is not closed".to_owned()));
}

#[test]
fn the_last_password_counts() {
    let password = |text| password_of(text).map(|secret| secret.expose().to_owned());
    assert_eq!(password("requirepass one\nREQUIREPASS \"two words\"\n"), Some("two words".to_owned()));
    assert_eq!(password("# requirepass one\n"), None);
    assert_eq!(password("requirepass one\nrequirepass \"\"\n"), None);
    assert_eq!(password("requirepass \"\\xe5\\xaf\\x86\""), Some("密".to_owned()));
}

#[test]
fn passwords_are_masked_and_everything_else_stays() {
    let text = "port 7000\r\n  RequirePass \"se cret\"\r\nmasterauth 'x'\n# requirepass said\nprimaryauth y";
    assert_eq!(
        mask_password(text),
        "port 7000\r\n  RequirePass ********\r\nmasterauth ********\n# requirepass said\nprimaryauth ********"
    );
    assert_eq!(mask_password("requirepass \"\"\n"), "requirepass \"\"\n");
}

#[test]
fn a_password_on_a_broken_line_is_masked_too() {
    for line in ["requirepass \"se cret", "requirepass se\"cret", "\"requirepass\"x secret", "  'requirepass secret"] {
        let masked = mask_password(line);
        assert!(!masked.contains("cret"), "{line} became {masked}");
    }
}

#[test]
fn an_edited_preview_gets_its_password_back() {
    let secret = Secret::new("a \"b\"\n");
    let shown = "port 7000\nrequirepass ********\nmasterauth ********\nmaxmemory 1gb\n";
    let written = unmask_password(shown, &secret).unwrap();
    assert_eq!(written, "port 7000\nrequirepass \"a \\\"b\\\"\\n\"\nmasterauth \"a \\\"b\\\"\\n\"\nmaxmemory 1gb\n");
    assert_eq!(mask_password(&written), shown);
}

#[test]
fn a_password_typed_over_the_mask_stays() {
    assert_eq!(unmask_password("requirepass other\n", &Secret::new("x")).unwrap(), "requirepass other\n");
}

#[test]
fn a_mask_without_a_password_is_no_password() {
    assert!(matches!(unmask_password("requirepass ********", &Secret::default()), Err(ConfError::MaskWithoutPassword)));
    assert_eq!(unmask_password("port 1", &Secret::default()).unwrap(), "port 1");
}

proptest! {
    #[test]
    fn a_masked_text_never_shows_the_password_and_can_be_restored(
        password in "[a-zA-Z密 \"'\\\\#\n]{1,12}",
        before in "(maxmemory 1gb\r?\n|# note\n|\n){0,3}",
    ) {
        let text = format!("{before}requirepass {}\nport 1\n", quote(&password).unwrap());
        let masked = mask_password(&text);
        prop_assert!(masked.ends_with("requirepass ********\nport 1\n"), "{}", masked);
        prop_assert_eq!(unmask_password(&masked, &Secret::new(password)).unwrap(), text);
    }

    #[test]
    fn masking_any_text_is_harmless(text in "[a-z#\"'\\\\ \r\n\t密]{0,60}") {
        prop_assert_eq!(mask_password(&text), text);
    }
}
