//! What `cargo metadata` says of this workspace.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::shell::Line;

pub(crate) struct Repo {
    pub(crate) root: PathBuf,
    /// Cargo's target directory, wherever `CARGO_TARGET_DIR` puts it.
    pub(crate) target: PathBuf,
    pub(crate) packages: Vec<Package>,
}

pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) dir: PathBuf,
    pub(crate) features: Vec<String>,
    pub(crate) binaries: Vec<String>,
}

impl Repo {
    pub(crate) fn open() -> Result<Repo, String> {
        let here = std::env::current_dir().map_err(|e| format!("no working directory: {e}"))?;
        let text = Line::of("cargo metadata --format-version 1 --no-deps").output(&here)?;
        let root: Value = serde_json::from_str(&text).map_err(|e| format!("`cargo metadata` printed no JSON: {e}"))?;
        Ok(Repo {
            root: path(&root["workspace_root"]),
            target: path(&root["target_directory"]),
            packages: list(&root["packages"]).map(Package::from).collect(),
        })
    }

    /// The workspace's package in this folder.
    pub(crate) fn package_in(&self, folder: &str) -> Option<&Package> {
        let dir = self.root.join(folder);
        self.packages.iter().find(|package| package.dir == dir)
    }
}

impl From<&Value> for Package {
    fn from(value: &Value) -> Package {
        let manifest = path(&value["manifest_path"]);
        Package {
            name: text(&value["name"]),
            dir: manifest.parent().unwrap_or(Path::new("")).to_path_buf(),
            features: value["features"].as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default(),
            binaries: list(&value["targets"]).filter(is_binary).map(|target| text(&target["name"])).collect(),
        }
    }
}

fn is_binary(target: &&Value) -> bool {
    list(&target["kind"]).any(|kind| kind == "bin")
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_string()
}

fn path(value: &Value) -> PathBuf {
    PathBuf::from(text(value))
}
