//! A number measured many times, and what is said of it.

use std::time::{Duration, Instant};

/// Measured durations.
#[derive(Debug, Default)]
pub struct Sample {
    times: Vec<Duration>,
}

impl Sample {
    /// Does something many times and takes the time of each.
    pub fn take(times: usize, mut act: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Self> {
        let mut sample = Self::default();
        for _ in 0..times {
            let start = Instant::now();
            act()?;
            sample.add(start.elapsed());
        }
        Ok(sample)
    }

    /// Adds one time.
    pub fn add(&mut self, time: Duration) {
        self.times.push(time);
    }

    /// The time in milliseconds that this part of all (0.5, 0.95) took at most; 0 when nothing was measured.
    pub fn quantile(&self, part: f64) -> f64 {
        let mut times = self.times.clone();
        times.sort_unstable();
        let last = times.len().saturating_sub(1);
        let at = (last as f64 * part).round() as usize;
        times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }

    /// The median in milliseconds.
    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles() {
        let mut sample = Sample::default();
        assert_eq!(sample.median(), 0.0);
        for millis in [5, 1, 3, 2, 4] {
            sample.add(Duration::from_millis(millis));
        }
        assert_eq!((sample.median(), sample.quantile(1.0)), (3.0, 5.0));
    }
}
