use proptest::prelude::*;

use super::*;

fn nodes(count: usize) -> Arc<[NodeAddr]> {
    (0..count).map(|i| NodeAddr::new("10.0.0.1", 7000 + u16::try_from(i).unwrap())).collect()
}

fn row(at_ms: u64, nodes: &Arc<[NodeAddr]>, ops: f32) -> Row {
    let sample = Sample::default().with(Metric::Ops, Some(ops));
    Row::new(at_ms, sample, nodes.clone(), vec![sample; nodes.len()])
}

fn ops(row: &Row) -> f32 {
    row.total.get(Metric::Ops).unwrap()
}

#[test]
fn half_an_hour_of_six_nodes_is_kept_second_by_second() {
    let (mut history, six) = (History::default(), nodes(6));
    for second in 0..4000 {
        history.record(row(second * 1000, &six, 1.0));
    }
    assert_eq!(history.rows().len(), 1801);
    assert!(history.sample_bytes() < 460_000, "{}", history.sample_bytes());
}

#[test]
fn a_thousand_nodes_take_no_more_than_the_budget_and_still_reach_back_half_an_hour() {
    let (mut history, many) = (History::default(), nodes(1000));
    for second in 0..2000 {
        history.record(row(second * 1000, &many, 1.0));
    }
    assert!(history.sample_bytes() <= SAMPLE_BUDGET);
    let reach = history.last().unwrap().at_ms - history.rows().next().unwrap().at_ms;
    assert!(reach + history.step_ms() >= SPAN_MS, "{reach}");
}

#[test]
fn moments_within_one_step_become_their_mean() {
    let (mut history, one) = (History::default(), nodes(1));
    for (at, value) in [(1000, 10.0), (1250, 20.0), (1999, 60.0), (2000, 5.0)] {
        history.record(row(at, &one, value));
    }
    assert_eq!(history.rows().map(ops).collect::<Vec<_>>(), [30.0, 5.0]);
}

#[test]
fn what_is_not_known_does_not_count_in_the_mean() {
    let (mut history, one) = (History::default(), nodes(1));
    history.record(Row::new(0, Sample::default(), one.clone(), vec![Sample::default()]));
    history.record(row(1, &one, 8.0));
    history.record(Row::new(2, Sample::default(), one.clone(), Vec::new()));
    assert_eq!(history.last().unwrap().total.get(Metric::Ops), Some(8.0));
    assert_eq!(history.last().unwrap().of(&one[0]).unwrap().get(Metric::Keys), None);
}

#[test]
fn rows_with_the_same_nodes_share_their_list() {
    let mut history = History::default();
    history.record(row(0, &nodes(6), 1.0));
    history.record(row(5000, &nodes(6), 1.0));
    let rows: Vec<_> = history.rows().collect();
    assert!(Arc::ptr_eq(&rows[0].nodes, &rows[1].nodes));
}

#[test]
fn every_metric_has_a_place_of_its_own() {
    for (i, metric) in Metric::ALL.into_iter().enumerate() {
        let sample = Sample::default().with(metric, Some(i as f32));
        let known: Vec<_> = Metric::ALL.into_iter().filter_map(|m| sample.get(m)).collect();
        assert_eq!(known, [i as f32]);
    }
}

proptest! {
    #[test]
    fn rows_stand_in_time_order_within_the_span_and_the_budget(
        steps in prop::collection::vec((0_u64..20_000, 1_usize..700, 0.0_f32..1e6), 1..120),
    ) {
        let (mut history, mut at) = (History::default(), 1_000_000);
        for (pause, count, value) in steps {
            at += pause;
            history.record(row(at, &nodes(count), value));
            let rows: Vec<_> = history.rows().collect();
            prop_assert!(rows.windows(2).all(|pair| pair[0].at_ms < pair[1].at_ms));
            prop_assert!(rows.iter().all(|row| at - row.at_ms <= SPAN_MS));
            prop_assert_eq!(rows.last().unwrap().at_ms, at);
            prop_assert!(history.sample_bytes() <= SAMPLE_BUDGET);
            let counted: usize = rows.iter().map(|row| row.samples.len() + 1).sum();
            prop_assert_eq!(counted * size_of::<Sample>(), history.sample_bytes());
        }
    }

    #[test]
    fn a_mean_lies_between_the_least_and_the_largest(values in prop::collection::vec(0.0_f32..1e9, 1..50)) {
        let (mut history, one) = (History::default(), nodes(1));
        for (i, value) in values.iter().enumerate() {
            history.record(row(i as u64, &one, *value));
        }
        let least = values.iter().copied().fold(f32::INFINITY, f32::min);
        let largest = values.iter().copied().fold(0.0, f32::max);
        let mean = ops(history.last().unwrap());
        prop_assert!(history.rows().len() == 1 && least <= mean && mean <= largest, "{least} {mean} {largest}");
    }

    #[test]
    fn a_clock_that_was_set_back_leaves_no_row_in_the_future(back in 1_u64..100_000) {
        let (mut history, one) = (History::default(), nodes(1));
        for second in 0..60 {
            history.record(row(1_000_000 + second * 1000, &one, 1.0));
        }
        let at = 1_059_000 - back;
        history.record(row(at, &one, 2.0));
        prop_assert!(history.rows().all(|row| row.at_ms <= at));
    }
}
