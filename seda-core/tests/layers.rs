//! A module names only lower layers, and two of one layer are strangers.

use std::{fs, path::Path};

/// Lowest first.
const LAYERS: [&[&str]; 10] = [
    &["sync", "clock", "rng", "units", "name", "trace"],
    &["outcome", "timer", "finding"],
    &["ticket", "ready"],
    &["event", "admission"],
    &["options", "metrics"],
    &["queue", "control"],
    &["settings"],
    &["stage", "config"],
    &["graph"],
    &["drive"],
];
const TOP: [&[&str]; 5] = [&["stopping", "watch"], &["runtime"], &["test"], &["sim"], &["lab"]];

fn layer_of(module: &str) -> Option<usize> {
    let layers = LAYERS.iter().position(|layer| layer.contains(&module));
    layers.or_else(|| TOP.iter().position(|top| top.contains(&module)).map(|at| LAYERS.len() + at))
}

/// Modules that a file names by `crate::a`, or in `crate::{a, b::{..}, ..}`.
fn named(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in source.match_indices("crate::") {
        let rest = &source[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => found.extend(first_words(list)),
            None => found.push(word(rest)),
        }
    }
    found
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn first_words(list: &str) -> Vec<String> {
    let (mut depth, mut words, mut start) = (0, Vec::new(), true);
    for (at, c) in list.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = true,
            c if start && c.is_alphabetic() => {
                words.push(word(&list[at..]));
                start = false;
            }
            _ => {}
        }
    }
    words
}

fn sources(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn a_module_names_only_lower_layers() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&src).unwrap();
        let module = inside.components().next().unwrap().as_os_str().to_string_lossy().replace(".rs", "");
        let Some(mine) = layer_of(&module) else { continue };
        let text = fs::read_to_string(&file).unwrap();
        let code: String =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        for other in named(&code) {
            let Some(theirs) = layer_of(&other) else { continue };
            if other != module && theirs >= mine {
                wrong.push(format!("{} (layer {mine}) names `{other}` (layer {theirs})", inside.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_has_a_layer() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let modules = lib.lines().filter_map(|line| line.strip_prefix("mod ").or(line.strip_prefix("pub mod ")));
    let without: Vec<_> = modules.filter_map(|m| m.strip_suffix(';')).filter(|m| layer_of(m).is_none()).collect();
    assert!(without.is_empty(), "no layer: {without:?}");
}
