//! The pages in `docs/` are the guide in rustdoc, so their code is doc-tested; a program with a text block right below it
//! prints what that says.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::examples::compare;
use crate::repo::Repo;
use crate::shell::Line;
use crate::step::Ended;

/// Where the pages are put among the doc tests.
const MODULES: &str = "src/guide.rs";
/// A page's program is over in a moment.
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn check(repo: &Repo) -> Result<Ended, String> {
    let modules = read(&repo.root.join(MODULES))?;
    let mut programs = Vec::new();
    let mut findings = Vec::new();
    for page in pages(&repo.root.join("docs"))? {
        let text = read(&page)?;
        let path = page.strip_prefix(&repo.root).unwrap_or(&page).display().to_string();
        if !modules.contains(&format!("\"../{path}\"")) {
            findings.push(format!("{path}: not included in {MODULES}, so no test runs its code"));
        }
        findings.extend(dead_links(&page, &text).map(|link| format!("{path}: links to {link}, which is not there")));
        findings.extend(untested(&text).map(|fence| format!("{path}: a {fence} block, which no test compiles")));
        programs.extend(printing(&text).into_iter().enumerate().map(|(at, (code, expected))| Program {
            name: format!("{}_{}", path.trim_end_matches(".md").replace(['/', '-'], "_"), at + 1),
            code,
            expected,
        }));
    }
    if !findings.is_empty() {
        return Err(findings.join("\n  "));
    }
    run_all(repo, &programs).map(|()| Ended::Passed)
}

/// A program of a page, and what the page says that it prints.
struct Program {
    name: String,
    code: String,
    expected: Vec<String>,
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))
}

/// Every Markdown file of the folder, at any depth, in order.
fn pages(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut found = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(pages(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Files that the page's link definitions name and that do not exist. In rustdoc `src/guide_links.md` defines them first.
fn dead_links<'a>(page: &'a Path, text: &'a str) -> impl Iterator<Item = &'a str> {
    let targets = text.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: ").map(|(_, target)| target));
    let files = targets.filter(|target| !target.contains("://") && !target.contains(char::is_whitespace));
    files.filter(move |target| !page.parent().unwrap_or(page).join(target).exists())
}

fn untested(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| line.starts_with("```rust") && line.contains("ignore"))
}

/// The `rust` blocks that a `text` block follows, with at most empty lines between.
fn printing(text: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    let mut program = None;
    while let Some(line) = lines.next() {
        match line {
            "```rust" => program = Some(block(&mut lines).map(shown).collect::<Vec<_>>().join("\n")),
            "```text" => {
                let expected: Vec<String> = block(&mut lines).map(str::to_string).collect();
                found.extend(program.take().map(|code| (code, expected)));
            }
            "" => {}
            _ => program = None,
        }
    }
    found
}

fn block<'a>(lines: &mut impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    lines.take_while(|line| *line != "```")
}

/// rustdoc hides a line that begins with `# `.
fn shown(line: &str) -> &str {
    if line == "#" { "" } else { line.strip_prefix("# ").unwrap_or(line) }
}

/// As binaries of one package beside the build, which takes its crates at the versions of this workspace.
fn run_all(repo: &Repo, programs: &[Program]) -> Result<(), String> {
    let package = repo.target.join("guide");
    let sources = package.join("src/bin");
    let wrote = |result: std::io::Result<()>| result.map_err(|e| format!("{}: {e}", package.display()));
    // Programs of pages that have gone must go too.
    let _ = fs::remove_dir_all(&sources);
    wrote(fs::create_dir_all(&sources))?;
    wrote(fs::write(package.join("Cargo.toml"), manifest(repo)))?;
    wrote(fs::copy(repo.root.join("Cargo.lock"), package.join("Cargo.lock")).map(|_| ()))?;
    for program in programs {
        wrote(fs::write(sources.join(format!("{}.rs", program.name)), &program.code))?;
    }
    let target = repo.target.as_os_str();
    Line::of("cargo build --quiet --bins").env("CARGO_TARGET_DIR", target).run(&package)?;
    let mut failures = Vec::new();
    for Program { name, expected, .. } in programs {
        let line = Line::of(&format!("cargo run --quiet --bin {name}")).env("CARGO_TARGET_DIR", target).limit(LIMIT);
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        match compare(&expected, &line.output(&package)?) {
            Ok(()) => println!("{name}: as its page says"),
            Err(why) => failures.push(format!("{name}: {why}")),
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n  ")) }
}

fn manifest(repo: &Repo) -> String {
    let features = repo.package_in("").map(|root| root.features.as_slice()).unwrap_or_default();
    let features: Vec<&String> = features.iter().filter(|feature| *feature != "default").collect();
    [
        "[package]\nname = \"seda-guide\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n".to_string(),
        // Who pastes a page's program is not met by a warning.
        "[lints.rust]\nwarnings = \"deny\"\n".to_string(),
        format!("[dependencies]\nseda = {{ package = \"seda-rt\", path = {:?}, features = {features:?} }}", repo.root),
        // What a host has: pages on async code and on HTTP need it.
        "tokio = { version = \"1\", features = [\"macros\", \"net\", \"rt-multi-thread\", \"sync\", \"time\"] }"
            .to_string(),
        "axum = { version = \"0.8\", default-features = false, features = [\"http1\", \"tokio\"] }\n".to_string(),
    ]
    .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_paired_with_the_text_right_below_it() {
        let text = "a\n```rust\nfn main() {}\n# hidden\n```\n\n```text\nout\n```\nb\n```rust\nlet x;\n```\nc\n```text\nno\n```\n";
        let found = printing(text);
        assert_eq!(found, [("fn main() {}\nhidden".to_string(), vec!["out".to_string()])]);
    }

    #[test]
    fn a_link_to_a_file_that_is_not_there_is_named() {
        let text = "See [x] and [y].\n\n[x]: gone.md\n[y]: https://example.org\n";
        assert_eq!(dead_links(Path::new("docs/page.md"), text).collect::<Vec<_>>(), ["gone.md"]);
    }
}
