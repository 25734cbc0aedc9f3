//! From a history to the lines of a plot: cut to the time shown, thinned to what a screen can show, broken where
//! nothing was measured.

use std::sync::Arc;

use egui_plot::PlotPoint;

use crate::core::history::{History, Metric, Row, Sample};
use crate::core::topology::NodeAddr;

/// More points than this no plot can show: then each stretch is drawn by its least and its largest value.
const MOST_POINTS: usize = 480;
/// A pause at least this long is shown as one, milliseconds: longer than the pace of a hidden window.
const PAUSE_MS: u64 = 15_000;

/// Whose figures a line shows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Series {
    /// The whole cluster.
    Cluster,
    /// One node.
    Node(NodeAddr),
}

impl Series {
    /// Its figures in a row.
    #[must_use]
    pub fn sample<'a>(&self, row: &'a Row) -> Option<&'a Sample> {
        match self {
            Series::Cluster => Some(&row.total),
            Series::Node(addr) => row.of(addr),
        }
    }
}

/// One metric of one series: stretches without a gap, in seconds since 1970.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Whose.
    pub series: Series,
    /// The stretches, oldest first.
    pub stretches: Vec<Vec<PlotPoint>>,
}

impl Curve {
    /// The value at this time, or at the last moment before it that is no pause away.
    #[must_use]
    pub fn at(&self, secs: f64) -> Option<f64> {
        let stretch = self.stretches.iter().rev().find(|stretch| stretch.first().is_some_and(|p| p.x <= secs))?;
        let after = stretch.partition_point(|point| point.x <= secs);
        let point = stretch.get(after.checked_sub(1)?)?;
        (secs - point.x <= PAUSE_MS as f64 / 1000.0).then_some(point.y)
    }
}

/// Seconds since 1970 of a row.
#[must_use]
pub fn secs(row: &Row) -> f64 {
    row.at_ms as f64 / 1000.0
}

/// The lines of all metrics, in the order of [`Metric::ALL`], for the rows since then.
#[must_use]
pub fn curves(history: &History, series: &[Series], since_ms: u64) -> Vec<Vec<Curve>> {
    let rows: Vec<&Row> = history.rows().filter(|row| row.at_ms >= since_ms).collect();
    let pause = PAUSE_MS.max(history.step_ms() * 3);
    let mut all = vec![Vec::new(); Metric::ALL.len()];
    for one in series {
        let samples = samples(&rows, one);
        for (curves, metric) in all.iter_mut().zip(Metric::ALL) {
            let stretches = stretches(&rows, &samples, metric, pause);
            curves.push(Curve { series: one.clone(), stretches });
        }
    }
    all
}

/// The figures of one series in these rows. A node's place is looked up once for the list of nodes that rows share.
fn samples<'a>(rows: &[&'a Row], series: &Series) -> Vec<Option<&'a Sample>> {
    let Series::Node(addr) = series else { return rows.iter().map(|row| Some(&row.total)).collect() };
    let mut known: Option<(&Arc<[NodeAddr]>, Option<usize>)> = None;
    let sample = |row: &&'a Row| -> Option<&'a Sample> {
        let row: &'a Row = row;
        let place = match known {
            Some((nodes, place)) if Arc::ptr_eq(nodes, &row.nodes) => place,
            _ => row.nodes.iter().position(|node| node == addr),
        };
        known = Some((&row.nodes, place));
        row.samples.get(place?)
    };
    rows.iter().map(sample).collect()
}

fn stretches(rows: &[&Row], samples: &[Option<&Sample>], metric: Metric, pause: u64) -> Vec<Vec<PlotPoint>> {
    let mut stretches: Vec<Vec<PlotPoint>> = Vec::new();
    let mut last: Option<u64> = None;
    for (row, sample) in rows.iter().zip(samples) {
        let Some(value) = sample.and_then(|sample| sample.get(metric)) else {
            last = None;
            continue;
        };
        let point = PlotPoint::new(secs(row), f64::from(value));
        match stretches.last_mut() {
            Some(stretch) if last.is_some_and(|last| row.at_ms - last <= pause) => stretch.push(point),
            _ => stretches.push(vec![point]),
        }
        last = Some(row.at_ms);
    }
    stretches.into_iter().map(thinned).collect()
}

/// The same line with at most [`MOST_POINTS`] points, its peaks kept.
fn thinned(points: Vec<PlotPoint>) -> Vec<PlotPoint> {
    if points.len() <= MOST_POINTS {
        return points;
    }
    let size = points.len().div_ceil(MOST_POINTS / 2);
    let mut thin = Vec::with_capacity(MOST_POINTS);
    for chunk in points.chunks(size) {
        let by_value = |a: &&PlotPoint, b: &&PlotPoint| a.y.total_cmp(&b.y);
        if let (Some(least), Some(largest)) = (chunk.iter().min_by(by_value), chunk.iter().max_by(by_value)) {
            let (first, second) = if least.x <= largest.x { (least, largest) } else { (largest, least) };
            thin.push(*first);
            if first.x < second.x {
                thin.push(*second);
            }
        }
    }
    thin
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn history(points: &[(u64, Option<f32>)]) -> History {
        let mut history = History::default();
        let nodes: Arc<[NodeAddr]> = [NodeAddr::new("10.0.0.1", 7000)].into();
        for (at, value) in points {
            let sample = Sample::default().with(Metric::Ops, *value);
            history.record(Row::new(*at, sample, nodes.clone(), vec![sample]));
        }
        history
    }

    fn ops(history: &History) -> Curve {
        curves(history, &[Series::Cluster], 0).remove(0).remove(0)
    }

    #[test]
    fn a_line_is_broken_where_nothing_was_measured() {
        let with_hole = history(&[(1000, Some(1.0)), (2000, Some(2.0)), (3000, None), (4000, Some(3.0))]);
        let lengths: Vec<usize> = ops(&with_hole).stretches.iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 1]);
        let slept = history(&[(1000, Some(1.0)), (90_000, Some(2.0))]);
        assert_eq!(ops(&slept).stretches.len(), 2);
    }

    #[test]
    fn a_value_is_read_at_or_before_the_cursor_and_not_across_a_pause() {
        let curve = ops(&history(&[(1000, Some(1.0)), (2000, Some(2.0)), (60_000, Some(9.0))]));
        assert_eq!([0.5, 1.0, 1.9, 2.5, 40.0, 61.0].map(|at| curve.at(at)), {
            [None, Some(1.0), Some(1.0), Some(2.0), None, Some(9.0)]
        });
    }

    #[test]
    fn a_node_that_a_row_does_not_know_has_no_line() {
        let stranger = Series::Node(NodeAddr::new("10.0.0.9", 1));
        let lines = curves(&history(&[(1000, Some(1.0))]), &[stranger], 0);
        assert!(lines.iter().flatten().all(|curve| curve.stretches.is_empty()));
    }

    proptest! {
        #[test]
        fn thinning_keeps_the_order_the_least_and_the_largest(values in prop::collection::vec(-1e6_f64..1e6, 1..4000)) {
            let points: Vec<_> = values.iter().enumerate().map(|(i, y)| PlotPoint::new(i as f64, *y)).collect();
            let thin = thinned(points);
            prop_assert!(thin.len() <= MOST_POINTS + 2);
            prop_assert!(thin.windows(2).all(|pair| pair[0].x < pair[1].x));
            let range = |points: &mut dyn Iterator<Item = f64>| {
                points.fold((f64::MAX, f64::MIN), |(least, most), y| (least.min(y), most.max(y)))
            };
            prop_assert_eq!(range(&mut thin.iter().map(|p| p.y)), range(&mut values.iter().copied()));
        }
    }
}
