//! The README's code is compiled and run with the doc tests, or it is not code that works.

use std::fs;

use crate::repo::Repo;
use crate::step::Ended;

/// The line of `src/lib.rs` that puts the README among the doc tests.
const INCLUDED: &str = r#"include_str!("../README.md")"#;

pub(crate) fn is_doc_tested(repo: &Repo) -> Result<Ended, String> {
    let read = |file: &str| fs::read_to_string(repo.root.join(file)).map_err(|e| format!("{file}: {e}"));
    if !read("src/lib.rs")?.contains(INCLUDED) {
        return Err(format!("src/lib.rs has no `#[doc = {INCLUDED}]`, so no test runs the README's code"));
    }
    let readme = read("README.md")?;
    let blocks: Vec<&str> = readme.lines().filter(|line| line.starts_with("```rust")).collect();
    match blocks.iter().find(|block| block.contains("ignore")) {
        _ if blocks.is_empty() => Err("the README has no ```rust block".to_string()),
        Some(block) => Err(format!("the README has a {block} block, which no test compiles")),
        None => Ok(Ended::Passed),
    }
}
