//! What happened, as text and as one number: two runs that agree in it were the same.

/// FNV-1a, over words in place of bytes.
const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

pub(super) struct Log {
    digest: u64,
    text: String,
    lines_left: usize,
}

impl Log {
    pub(super) fn new(lines: usize) -> Self {
        Log { digest: OFFSET, text: String::new(), lines_left: lines }
    }

    /// Something happened: words for the digest, and a line if it is kept.
    pub(super) fn note(&mut self, at_ns: u64, words: [u64; 3], line: impl FnOnce() -> String) {
        for word in [at_ns, words[0], words[1], words[2]] {
            self.digest = (self.digest ^ word).wrapping_mul(PRIME);
            // Its upper bits would never come down otherwise.
            self.digest ^= self.digest >> 32;
        }
        if self.lines_left > 0 {
            self.lines_left -= 1;
            let (secs, ns) = (at_ns / 1_000_000_000, at_ns % 1_000_000_000);
            self.text += &format!("{secs}.{ns:09} {}\n", line());
        }
    }

    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    pub(super) fn take_text(&mut self) -> String {
        std::mem::take(&mut self.text)
    }
}
