//! From figures to a few steps whose bounds are round numbers.

use crate::engine::slot_figures::UNKNOWN;
use crate::gui::theme::HEAT_STEPS;

/// The steps of one figure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scale {
    /// The highest value of each step but the last, which has the greatest value: rising, at most [`HEAT_STEPS`].
    bounds: Vec<u64>,
}

/// From this ratio of greatest to least on, the steps grow by a factor, not by an amount.
const LOGARITHMIC_FROM: f64 = 12.0;

impl Scale {
    /// The scale of these values. [`UNKNOWN`] ones and zeros, which have a colour of their own, do not count.
    #[must_use]
    pub fn of(values: &[u64], bytes: bool) -> Self {
        let counted = values.iter().copied().filter(|value| *value != UNKNOWN && *value > 0);
        let (least, most) = counted.fold((u64::MAX, 0), |(least, most), value| (least.min(value), most.max(value)));
        if most == 0 {
            return Self::default();
        }
        let steps = u64::try_from(HEAT_STEPS).unwrap_or(1);
        if most <= steps {
            return Self { bounds: (least.min(most)..=most).collect() };
        }
        #[expect(clippy::cast_precision_loss, reason = "rounded anyway")]
        let (low, high) = (least as f64, most as f64);
        let logarithmic = high / low >= LOGARITHMIC_FROM;
        let bound = |step: usize| {
            #[expect(clippy::cast_precision_loss, reason = "seven steps")]
            let part = step as f64 / HEAT_STEPS as f64;
            if logarithmic { low * (high / low).powf(part) } else { low + (high - low) * part }
        };
        let mut bounds: Vec<u64> = (1..HEAT_STEPS).map(|step| round(bound(step), bytes)).collect();
        bounds.retain(|bound| *bound < most && *bound >= least);
        bounds.push(most);
        bounds.dedup();
        Self { bounds }
    }

    /// The step of a value, from 0; values above the greatest count as it.
    #[must_use]
    pub fn step(&self, value: u64) -> usize {
        self.bounds.partition_point(|bound| *bound < value).min(self.bounds.len().saturating_sub(1))
    }

    /// How many steps there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bounds.len()
    }

    /// The highest value of a step.
    #[must_use]
    pub fn bound(&self, step: usize) -> u64 {
        self.bounds.get(step).copied().unwrap_or(0)
    }

    /// The place of a step among all colours: few steps are spread over them.
    #[must_use]
    pub fn shade(&self, step: usize) -> usize {
        match self.bounds.len() {
            0 | 1 => HEAT_STEPS / 2,
            steps => step * (HEAT_STEPS - 1) / (steps - 1),
        }
    }
}

/// The value with two digits; for bytes, of its unit.
fn round(value: f64, bytes: bool) -> u64 {
    let base: f64 = if bytes { 1024.0 } else { 10.0 };
    let unit = if bytes && value >= base { base.powf(value.log(base).floor()) } else { 1.0 };
    let digits = (value / unit).max(1.0).log10().floor() - 1.0;
    let grain = 10_f64.powf(if unit > 1.0 { digits } else { digits.max(0.0) });
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive value of a server's figure"
    )]
    let rounded = ((value / unit / grain).round() * grain * unit).round() as u64;
    rounded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn few_small_numbers_are_a_step_each() {
        let scale = Scale::of(&[0, 1, 3, 2, UNKNOWN], false);
        assert_eq!((0..scale.len()).map(|step| scale.bound(step)).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!([1, 2, 3].map(|value| scale.shade(scale.step(value))), [0, 3, 6]);
    }

    #[test]
    fn close_values_have_even_steps_and_far_ones_growing_ones() {
        let even = Scale::of(&[100, 800], false);
        assert_eq!(
            (0..even.len()).map(|step| even.bound(step)).collect::<Vec<_>>(),
            [200, 300, 400, 500, 600, 700, 800]
        );
        let growing = Scale::of(&[1, 10_000_000], false);
        assert_eq!(
            (0..growing.len()).map(|s| growing.bound(s)).collect::<Vec<_>>(),
            [10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000]
        );
    }

    #[test]
    fn nothing_to_measure_is_no_scale() {
        assert_eq!(Scale::of(&[0, UNKNOWN], true).len(), 0);
        assert_eq!(Scale::of(&[0, 9000], true).len(), 1);
    }

    #[test]
    fn bytes_are_round_in_their_unit() {
        assert_eq!(round(1500.0, true), 1536);
        assert_eq!(round(300_000.0, true), 290 * 1024);
    }

    proptest! {
        #[test]
        fn every_value_lies_within_its_step(values in prop::collection::vec(0u64..1 << 50, 1..60), bytes: bool) {
            let scale = Scale::of(&values, bytes);
            prop_assert!(scale.len() <= HEAT_STEPS);
            for value in values.into_iter().filter(|value| *value > 0) {
                let step = scale.step(value);
                prop_assert!(value <= scale.bound(step));
                prop_assert!(step == 0 || value > scale.bound(step - 1));
                prop_assert!(scale.shade(step) < HEAT_STEPS);
            }
        }
    }
}
