use proptest::prelude::*;

use super::*;
use crate::core::build::Build;
use crate::core::secret::Secret;
use crate::core::spec::ServerExe;
use crate::core::version::ServerVersion;

fn spec() -> ClusterSpec {
    let mut spec = ClusterSpec::new("orders", "/data/orders");
    spec.server = Some(ServerExe {
        path: "/opt/redis-server".into(),
        version: ServerVersion::redis(7, 2, 5),
        build: Build::Upstream,
    });
    spec.config.password = Secret::new("hunter2");
    spec
}

fn clusters_dir() -> &'static Path {
    Path::new("/data")
}

#[test]
fn the_file_names_no_password_no_program_and_no_folder_that_is_proposed_anyway() {
    let (definition, left_out) = Definition::of(&spec(), clusters_dir());
    let text = definition.to_text().unwrap();
    assert!(left_out.is_empty());
    for word in ["hunter2", "/opt", "/data"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
    assert!(text.contains("7.2.5"), "{text}");
    assert_eq!(definition.spec(Path::new("/elsewhere")).dir, Path::new("/elsewhere/orders"));
}

#[test]
fn directives_that_may_hold_a_secret_are_left_out_and_named() {
    let mut spec = spec();
    spec.config.extra = "maxclients 100\n REQUIREPASS s3cret\n\"requirep\\x61ss\" s3cret\n# masterauth s3cret\nuser bob on >s3cret ~*\nrequirepass \"s3cret\nhz 20".to_owned();
    spec.config.extra_by_port.insert(7001, "tls-key-file-pass s3cret\nhz 30\n".to_owned());
    let (definition, left_out) = Definition::of(&spec, clusters_dir());
    assert_eq!(left_out, ["masterauth", "requirepass", "tls-key-file-pass", "user"]);
    assert_eq!(definition.config.extra, "maxclients 100\nhz 20");
    assert_eq!(definition.config.extra_by_port[&7001], "hz 30\n");
    assert!(!definition.to_text().unwrap().contains("s3cret"));
}

#[test]
fn a_file_written_by_hand_needs_a_name_alone() {
    let read =
        Definition::read(b"\xef\xbb\xbf{\"kind\":\"slotdeck-cluster\",\"version\":1,\"name\":\"shop\"}").unwrap();
    assert_eq!(read.spec(clusters_dir()), ClusterSpec::new("shop", "/data/shop"));
}

#[test]
fn what_is_no_definition_is_refused_in_words() {
    let why = |text: &str| Definition::read(text.as_bytes()).unwrap_err();
    assert_eq!(why("hello"), DefinitionError::OtherKind);
    assert_eq!(why(""), DefinitionError::OtherKind);
    assert_eq!(why("{\"version\":1}"), DefinitionError::OtherKind);
    assert_eq!(why("{\"kind\":\"slotdeck-cluster\",\"version\":9,\"name\":{\"new\":1}}"), DefinitionError::TooNew(9));
    assert!(why("{\"kind\":\"slotdeck-cluster\",\"version\":9}").to_string().contains("newer Slotdeck"));
    for broken in ["{", "{\"kind\":\"slotdeck-cluster\"}", "{\"kind\":\"slotdeck-cluster\",\"version\":1}"] {
        assert!(matches!(why(broken), DefinitionError::Broken(_) | DefinitionError::OtherKind), "{broken}");
    }
    let wrong = "{\"kind\":\"slotdeck-cluster\",\"version\":1,\"name\":\"a\",\"masters\":-1}";
    assert!(matches!(why(wrong), DefinitionError::Broken(_)));
    assert_eq!(why(&" ".repeat(MAX_BYTES + 1)), DefinitionError::TooLong);
    let (mut huge, _) = Definition::of(&spec(), clusters_dir());
    huge.config.extra = "x".repeat(MAX_BYTES);
    assert_eq!(huge.to_text(), Err(DefinitionError::TooLong));
}

prop_compose! {
    fn any_spec()(
        name in "[^/\\x00]{1,12}", (masters, replicas) in (1..20_u16, 0..4_u16), list in any::<Option<Vec<u16>>>(),
        bind in ".{0,20}", dir in "/[^\\x00]{1,20}", append_only in any::<bool>(), node_timeout_ms in any::<u32>(),
        maxmemory in "[0-9]{0,5}(mb)?", save in any::<Option<Vec<(u32, u32)>>>(),
        extra in "([a-z]{1,3} [0-9]{1,4}\n){0,3}", by_port in any::<Option<u16>>(),
    ) -> ClusterSpec {
        let mut spec = ClusterSpec::new(name, dir);
        (spec.masters, spec.replicas, spec.bind) = (masters, replicas, bind);
        spec.ports = list.map_or(Ports::From(7000), Ports::List);
        spec.config.append_only = append_only;
        spec.config.node_timeout_ms = node_timeout_ms;
        spec.config.maxmemory = maxmemory;
        spec.config.save = save;
        spec.config.extra.clone_from(&extra);
        spec.config.extra_by_port.extend(by_port.map(|port| (port, extra)));
        spec
    }
}

proptest! {
    #[test]
    fn what_was_written_is_read(spec in any_spec()) {
        let (definition, left_out) = Definition::of(&spec, clusters_dir());
        prop_assert!(left_out.is_empty());
        let read = Definition::read(definition.to_text().unwrap().as_bytes()).unwrap();
        prop_assert_eq!(&read, &definition);
        prop_assert_eq!(read.spec(clusters_dir()), spec);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>(), text in ".{0,200}") {
        let _ = Definition::read(&bytes);
        let _ = Definition::read(format!("{{\"kind\":\"slotdeck-cluster\",\"version\":1,{text}").as_bytes());
    }
}
