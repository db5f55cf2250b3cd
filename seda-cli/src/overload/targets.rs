//! What is asked for: thumbnails of widths that come again only after a long while, so that the cache does not answer for
//! the stage, and now and then a file that the cache has.

/// Widths, in pixels, each step as likely as any other: thumbnails that cost about the same.
const WIDTHS: std::ops::Range<u32> = 120..320;
/// Pictures of the sample folder that cost about the same to decode.
const PICTURES: [&str; 3] = ["dunes.jpg", "plasma.jpg", "ripples.jpg"];
/// In the cache after the first time.
const FILE: &str = "/about.html";

/// What is asked for in its turn.
#[derive(Debug)]
pub(super) struct Targets {
    next: u32,
    random: u64,
}

impl Targets {
    /// The same for every seed that is the same.
    pub(super) fn new(seed: u64) -> Self {
        Targets { next: 0, random: seed }
    }

    pub(super) fn thumbnail(&mut self) -> String {
        let at = self.next;
        self.next += 1;
        let width = WIDTHS.start + at / PICTURES.len() as u32 % WIDTHS.len() as u32;
        format!("/thumb/{}?w={width}", PICTURES[at as usize % PICTURES.len()])
    }

    pub(super) fn file() -> &'static str {
        FILE
    }

    /// Seconds until the next of Poisson arrivals at this rate.
    pub(super) fn gap(&mut self, rate: f64) -> f64 {
        -(1.0 - self.uniform()).ln() / rate
    }

    /// From 0 to below 1 (SplitMix64; Steele, Lea, Flood, OOPSLA 2014).
    fn uniform(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.random;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ bits >> 31) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbnail_comes_again_only_after_all_others() {
        let mut targets = Targets::new(1);
        let all: Vec<String> = (0..600).map(|_| targets.thumbnail()).collect();
        let mut different = all.clone();
        different.sort();
        different.dedup();
        assert_eq!((different.len(), targets.thumbnail()), (600, all[0].clone()));
    }

    #[test]
    fn gaps_have_the_mean_of_their_rate() {
        let mut targets = Targets::new(7);
        let mean = (0..100_000).map(|_| targets.gap(50.0)).sum::<f64>() / 100_000.0;
        assert!((mean - 0.02).abs() < 0.0005, "{mean}");
    }
}
