use proptest::prelude::*;

use super::*;

fn node(port: u16) -> NodeAddr {
    NodeAddr::new("127.0.0.1", port)
}

fn seen(at_ms: u64, port: u16, change: Change) -> Happening {
    Happening { at_ms, node: Some(node(port)), change }
}

fn standing(at_ms: u64, port: u16, after: Standing) -> Happening {
    seen(at_ms, port, Change::Standing { before: Standing::Fine, after })
}

fn health(at_ms: u64, before: Health, after: Health) -> Happening {
    Happening { at_ms, node: None, change: Change::Health { before, after } }
}

fn promotion(at_ms: u64, port: u16, of: u16) -> Happening {
    let change = Change::Role { before: Role::Replica, after: Role::Master, master: Some(node(of)) };
    seen(at_ms, port, change)
}

fn demotion(at_ms: u64, port: u16, to: u16) -> Happening {
    let change = Change::Role { before: Role::Master, after: Role::Replica, master: Some(node(to)) };
    seen(at_ms, port, change)
}

fn killed_master() -> Vec<Happening> {
    vec![
        seen(1000, 7000, Change::Died),
        seen(1100, 7000, Change::Answers(false)),
        health(1100, Health::Ok, Health::Down),
        standing(3000, 7000, Standing::Suspected),
        standing(4000, 7000, Standing::Failed),
        seen(5000, 7003, Change::Epoch { before: 1, after: 7 }),
        promotion(5000, 7003, 7000),
        health(5900, Health::Down, Health::Degraded),
        seen(60_000, 7000, Change::Answers(true)),
        demotion(61_000, 7000, 7003),
        health(62_000, Health::Degraded, Health::Ok),
    ]
}

#[test]
fn a_killed_master_is_one_story_from_its_end_to_its_return() {
    let told = stories(&killed_master());
    assert_eq!(told.len(), 1, "{told:#?}");
    let story = &told[0];
    assert_eq!((story.plot, &story.node, &story.heir), (Plot::Failover, &node(7000), &Some(node(7003))));
    let expected = [
        (Stage::Lost, 1000),
        (Stage::Suspected, 3000),
        (Stage::Failed, 4000),
        (Stage::Elected, 5000),
        (Stage::Promoted, 5000),
        (Stage::Served, 5900),
        (Stage::Returned, 60_000),
        (Stage::Follows, 61_000),
        (Stage::Healed, 62_000),
    ];
    assert_eq!(story.stages, expected);
    assert_eq!((story.unserved(), story.took(), story.is_over()), (Some(4900), 61_000, true));
}

#[test]
fn until_the_cluster_is_healthy_the_story_goes_on() {
    let told = stories(&killed_master()[..8]);
    assert!(!told[0].is_over());
    assert_eq!(told[0].unserved(), Some(4900));
}

#[test]
fn a_node_that_came_back_in_time_is_an_outage() {
    let told = stories(&[seen(0, 7001, Change::Answers(false)), seen(900, 7001, Change::Answers(true))]);
    assert_eq!((told[0].plot, told[0].took(), told[0].unserved()), (Plot::Outage, 900, None));
    assert!(told[0].is_over());
}

#[test]
fn a_planned_failover_has_no_loss_in_it() {
    let told = stories(&[
        seen(900, 7003, Change::Epoch { before: 1, after: 8 }),
        promotion(1000, 7003, 7000),
        demotion(1900, 7000, 7003),
    ]);
    assert_eq!((told.len(), told[0].plot, told[0].unserved()), (1, Plot::Planned, None));
    assert_eq!(told[0].stages, [(Stage::Elected, 900), (Stage::Promoted, 1000), (Stage::Follows, 1900)]);
    assert!(told[0].is_over());
}

#[test]
fn failing_over_and_back_again_is_two_stories() {
    let mut all = killed_master();
    all.push(seen(100_000, 7003, Change::Died));
    all.push(promotion(104_000, 7000, 7003));
    let told = stories(&all);
    let names: Vec<_> = told.iter().map(|s| (s.node.port, s.heir.as_ref().map(|h| h.port))).collect();
    assert_eq!(names, [(7000, Some(7003)), (7003, Some(7000))]);
}

#[test]
fn two_masters_lost_at_once_are_two_stories() {
    let told = stories(&[
        seen(0, 7000, Change::Died),
        seen(1, 7001, Change::Died),
        promotion(10, 7004, 7001),
        promotion(11, 7003, 7000),
        health(20, Health::Down, Health::Degraded),
    ]);
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|story| story.plot == Plot::Failover && story.at(Stage::Served) == Some(20)));
}

#[test]
fn slots_that_go_on_moving_between_two_are_one_change() {
    let slots = |text: &str| Change::Slots {
        slots: [text.parse::<crate::core::slot::SlotRange>().unwrap()].into_iter().collect(),
        before: Some(node(7000)),
        after: Some(node(7001)),
    };
    let mut first = slots("0-9");
    assert!(first.absorb(&slots("10-19")));
    assert_eq!(first, slots("0-19"));
    assert!(!first.absorb(&Change::Joined));
}

fn any_change() -> impl Strategy<Value = Change> {
    let standing = prop_oneof![Just(Standing::Fine), Just(Standing::Suspected), Just(Standing::Failed)];
    prop_oneof![
        any::<bool>().prop_map(Change::Answers),
        Just(Change::Died),
        standing.prop_map(|after| Change::Standing { before: Standing::Fine, after }),
        (1_u64..9).prop_map(|after| Change::Epoch { before: 0, after }),
        (7000_u16..7006).prop_map(|of| Change::Role {
            before: Role::Replica,
            after: Role::Master,
            master: Some(node(of)),
        }),
        (7000_u16..7006).prop_map(|to| Change::Role {
            before: Role::Master,
            after: Role::Replica,
            master: Some(node(to)),
        }),
        prop_oneof![Just(Health::Ok), Just(Health::Degraded), Just(Health::Down)]
            .prop_map(|after| Change::Health { before: Health::Ok, after }),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_stages_stand_in_time_order_and_each_once(
        changes in prop::collection::vec((any_change(), 7000_u16..7006, 0_u64..20_000), 0..60),
    ) {
        let mut at = 0;
        let happenings: Vec<Happening> = changes
            .into_iter()
            .map(|(change, port, pause)| {
                at += pause;
                let node = (!matches!(change, Change::Health { .. })).then(|| node(port));
                Happening { at_ms: at, node, change }
            })
            .collect();
        let told = stories(&happenings);
        prop_assert!(told.windows(2).all(|pair| pair[0].began() <= pair[1].began()));
        for story in told {
            prop_assert!(!story.stages.is_empty());
            prop_assert!(story.stages.windows(2).all(|pair| (pair[0].1, pair[0].0) < (pair[1].1, pair[1].0)));
            let mut names: Vec<_> = story.stages.iter().map(|(stage, _)| *stage).collect();
            names.sort_unstable();
            names.dedup();
            prop_assert_eq!(names.len(), story.stages.len());
            prop_assert_eq!(story.heir.is_some(), story.plot != Plot::Outage);
        }
    }
}
