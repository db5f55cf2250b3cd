//! What the kernel knows of this process; `None` where there is no `/proc` of Linux's kind.

use std::fs;

/// Times a thread of this process gave up its core by itself (it parked, slept or waited), over all threads alive.
pub fn switches() -> Option<u64> {
    let tasks = fs::read_dir("/proc/self/task").ok()?;
    let of_task =
        |task: fs::DirEntry| field(&fs::read_to_string(task.path().join("status")).ok()?, "voluntary_ctxt_switches:");
    Some(tasks.filter_map(Result::ok).filter_map(of_task).sum())
}

/// Resident memory in bytes. From `smaps_rollup`, which counts pages, and not from `status`, which lags behind by up
/// to 64 pages per thread.
pub fn resident_bytes() -> Option<u64> {
    field(&fs::read_to_string("/proc/self/smaps_rollup").ok()?, "Rss:").map(|kib| kib * 1024)
}

/// The number after `name` in a file of `name: number unit` lines.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_the_number_after_its_name() {
        assert_eq!(field("Size: 3 kB\nRss:   1234 kB\n", "Rss:"), Some(1234));
        assert_eq!(field("", "Rss:"), None);
    }
}
