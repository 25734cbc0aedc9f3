use super::*;

fn zkteco(major: u16, minor: u16, patch: u16) -> Vec<Limit> {
    limits(Build::Zkteco, ServerVersion::redis(major, minor, patch))
}

#[test]
fn a_deaf_cluster_bus_means_no_automatic_failover() {
    for (major, minor, patch) in [(7, 4, 2), (8, 0, 2), (8, 2, 2), (8, 4, 0), (8, 6, 3), (8, 8, 0)] {
        let version = ServerVersion::redis(major, minor, patch);
        assert!(limits(Build::Zkteco, version).contains(&Limit::NoAutomaticFailover), "{version}");
        assert_eq!(can_fail_over(Build::Zkteco, version), Some(false), "{version}");
    }
    for (major, minor, patch) in [(7, 0, 11), (7, 2, 5), (7, 4, 0)] {
        let version = ServerVersion::redis(major, minor, patch);
        assert_ne!(worst(&limits(Build::Zkteco, version)), Some(Weight::Serious), "{version}");
        assert_eq!(can_fail_over(Build::Zkteco, version), Some(true), "{version}");
    }
}

#[test]
fn one_version_never_joins() {
    assert!(zkteco(8, 2, 2).contains(&Limit::NeverJoins));
    assert!(!zkteco(8, 2, 1).contains(&Limit::NeverJoins) && !zkteco(8, 4, 0).contains(&Limit::NeverJoins));
    assert!(zkteco(8, 4, 0).contains(&Limit::FullCopyStalls) && !zkteco(8, 0, 2).contains(&Limit::FullCopyStalls));
}

#[test]
fn nothing_is_claimed_of_what_was_not_tried() {
    assert_eq!(zkteco(8, 10, 0), [Limit::NotTried]);
    assert_eq!(can_fail_over(Build::Zkteco, ServerVersion::redis(8, 10, 0)), None);
    for build in [Build::Unknown, Build::Cygwin, Build::Memurai] {
        assert_eq!(limits(build, ServerVersion::redis(8, 0, 2)), [Limit::NotTried], "{build}");
        assert_eq!(can_fail_over(build, ServerVersion::redis(8, 0, 2)), None, "{build}");
    }
}

#[test]
fn the_makers_own_build_has_no_limits_but_its_age() {
    for version in [ServerVersion::redis(7, 0, 15), ServerVersion::redis(8, 2, 2), ServerVersion::valkey(9, 1, 2)] {
        assert_eq!(limits(Build::Upstream, version), []);
        assert_eq!(can_fail_over(Build::Upstream, version), Some(true));
        assert!(settings(Build::Upstream, version, true).is_empty());
    }
    assert_eq!(limits(Build::MsOpenTech, ServerVersion::redis(2, 8, 24))[0], Limit::NoCluster);
    let old = limits(Build::MsOpenTech, ServerVersion::redis(3, 0, 504));
    assert_eq!(old, [Limit::OneKeyAtATime, Limit::PageFile, Limit::NotTried]);
    assert_eq!(limits(Build::MsOpenTech, ServerVersion::redis(3, 2, 100)), [Limit::PageFile, Limit::NotTried]);
}

#[test]
fn the_worst_comes_first() {
    let weights: Vec<Weight> = zkteco(8, 2, 2).into_iter().map(Limit::weight).collect();
    assert!(weights.is_sorted_by(|a, b| a >= b), "{weights:?}");
    assert_eq!(worst(&[]), None);
}

#[test]
fn ports_to_windows_copy_by_way_of_a_file_where_the_default_is_another() {
    let reason = |build, version, windows| settings(build, version, windows).first().map(|setting| setting.reason);
    assert_eq!(reason(Build::Zkteco, ServerVersion::redis(8, 0, 2), true), Some(Reason::SeenToFail));
    assert_eq!(reason(Build::Zkteco, ServerVersion::redis(7, 2, 5), true), Some(Reason::NotTried));
    assert_eq!(reason(Build::Unknown, ServerVersion::redis(7, 2, 5), true), Some(Reason::NotTried));
    assert_eq!(reason(Build::Unknown, ServerVersion::redis(7, 2, 5), false), None);
    assert_eq!(reason(Build::Tporadowski, ServerVersion::redis(5, 0, 14), true), None);
}

#[test]
fn every_limit_says_what_and_why_in_few_words() {
    for limit in Limit::ALL {
        assert!(limit.to_string().chars().count() <= 40, "{limit}");
        assert!(limit.why().ends_with('.'), "{limit:?}");
    }
}
