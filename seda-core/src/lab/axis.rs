//! From values to places.

/// From where to where, and how.
#[derive(Clone, Copy, Debug)]
pub struct Axis {
    pub(super) from: f64,
    to: f64,
    is_log: bool,
}

impl Axis {
    /// With equal steps.
    #[must_use]
    pub fn linear(from: f64, to: f64) -> Self {
        Axis { from, to, is_log: false }
    }

    /// With equal factors; both ends are above 0.
    #[must_use]
    pub fn log(from: f64, to: f64) -> Self {
        Axis { from, to, is_log: true }
    }

    /// Place of a value, 0 to 1; what is beyond an end is at it.
    pub(super) fn place(&self, value: f64) -> f64 {
        let place = if self.is_log {
            (value.max(1e-12) / self.from).ln() / (self.to / self.from).ln()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        place.clamp(0.0, 1.0)
    }

    /// Round numbers within it.
    pub(super) fn ticks(&self) -> Vec<f64> {
        if self.is_log {
            let decades = (self.from.log10().floor() as i32)..=(self.to.log10().ceil() as i32);
            let all = decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(decade)));
            return all.filter(|tick| (self.from * 0.999..=self.to * 1.001).contains(tick)).collect();
        }
        let rough = (self.to - self.from) / 5.0;
        let decade = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * decade).into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(rough);
        let first = (self.from / step).ceil() as i64;
        (first..).map(|n| n as f64 * step).take_while(|tick| *tick <= self.to * 1.0001).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within_the_axis() {
        assert_eq!(Axis::linear(0.0, 1.2).ticks(), [0.0, 0.5, 1.0]);
        assert_eq!(Axis::log(0.5, 10.0).ticks(), [0.5, 1.0, 2.0, 5.0, 10.0]);
    }

    #[test]
    fn what_is_beyond_an_axis_is_drawn_at_its_end() {
        assert_eq!(Axis::log(0.1, 10.0).place(f64::INFINITY), 1.0);
        assert_eq!(Axis::log(0.1, 10.0).place(0.0), 0.0);
        assert!((Axis::log(0.1, 10.0).place(1.0) - 0.5).abs() < 1e-9);
    }
}
