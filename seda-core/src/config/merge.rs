//! What the layers say to one pipeline, the later over the earlier: laid over each other by the `config` crate, which is
//! given nothing but what has been checked.

use ::config::{Map, Source, Value, ValueKind};

use super::{
    env::fold,
    validate::{Layer, Leaf, Named},
};
use crate::{
    finding::Finding,
    settings::{
        Entry, Excerpt, Names, Place, Settings,
        near::{did_you_mean, nearest},
        table::no_such,
    },
};

/// The settings for the pipeline with these names; with all that is wrong, for its start to tell.
pub(super) fn settings(layers: &[Layer], pipelines: &[String], names: &Names) -> Settings {
    let mut settings = Settings::new();
    let mut merged = ::config::Config::builder();
    let mut leaves: Vec<(&Leaf, Place)> = Vec::new();
    for layer in layers {
        let ours = |pipeline: &str| same(layer, pipeline, &names.pipeline);
        let about = layer.findings.iter().filter(|(pipeline, _)| pipeline.as_deref().is_none_or(ours));
        settings.findings.extend(about.map(|(_, finding)| finding.clone()));
        let wrong = layer.names.iter().filter_map(|named| of_name(layer, named, pipelines, names));
        settings.findings.extend(wrong);
        let mut tree = Map::new();
        for leaf in layer.leaves.iter().filter(|leaf| ours(&leaf.pipeline)) {
            if let Ok(place) = resolve(layer, &leaf.place, names) {
                insert(&mut tree, &place, leaf, leaves.len());
                leaves.push((leaf, place));
            }
        }
        merged = merged.add_source(Checked(tree));
    }
    if pipelines.is_empty() && settings.findings.is_empty() {
        settings.findings.extend(of_none(layers, names));
    }
    let mut winners = Vec::new();
    if let Ok(merged) = merged.build().and_then(|merged| merged.get_table(ROOT)) {
        numbers(&Value::new(None, ValueKind::Table(merged)), &mut winners);
    }
    winners.sort_unstable();
    settings.entries = winners
        .into_iter()
        .filter_map(|at| leaves.get(at))
        .map(|(leaf, place)| Entry {
            place: place.clone(),
            key: leaf.key,
            value: leaf.value.clone(),
            origin: leaf.origin.clone(),
            excerpt: leaf.excerpt.clone(),
        })
        .collect();
    settings
}

/// Key under which a layer's values stand for the `config` crate: it takes the first part of a path for an expression.
const ROOT: &str = "seda";

/// One layer that has been checked. Its values are numbers of leaves, which keep their type and origin.
#[derive(Clone, Debug)]
struct Checked(Map<String, Value>);

impl Source for Checked {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ::config::ConfigError> {
        Ok(Map::from_iter([(ROOT.to_string(), Value::new(None, ValueKind::Table(self.0.clone())))]))
    }
}

fn insert(tree: &mut Map<String, Value>, place: &Place, leaf: &Leaf, number: usize) {
    let (kind, name) = match place {
        Place::Pipeline => ("pipeline", ""),
        Place::Domain(name) => ("domain", &**name),
        Place::Stage(name) => ("stage", &**name),
    };
    let origin = leaf.origin.to_string();
    let value = Value::new(Some(&origin), ValueKind::U64(number as u64));
    table(table(tree, kind), name).insert(leaf.key.name.to_string(), value);
}

fn table<'a>(tree: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let value = tree.entry(name.to_string()).or_insert_with(|| Value::new(None, ValueKind::Table(Map::new())));
    let ValueKind::Table(table) = &mut value.kind else { unreachable!("only tables are inserted by `table`") };
    table
}

/// The leaves that are left.
fn numbers(value: &Value, found: &mut Vec<usize>) {
    match &value.kind {
        ValueKind::Table(table) => table.values().for_each(|value| numbers(value, found)),
        ValueKind::U64(number) => found.push(*number as usize),
        _ => {}
    }
}

/// Whether a layer means this name.
fn same(layer: &Layer, written: &str, name: &str) -> bool {
    if layer.folded { written == fold(name) } else { written == name }
}

/// The place that a layer means.
fn resolve(layer: &Layer, place: &Place, names: &Names) -> Result<Place, Finding> {
    let (kind, written, there_are) = match place {
        Place::Pipeline => return Ok(Place::Pipeline),
        Place::Domain(name) => ("domain", name, &names.domains),
        Place::Stage(name) => ("stage", name, &names.stages),
    };
    let meant: Vec<&String> = there_are.iter().filter(|name| same(layer, written, name)).collect();
    match meant[..] {
        [name] if kind == "stage" => Ok(Place::Stage(name.clone())),
        [name] => Ok(Place::Domain(name.clone())),
        [one, other, ..] if one != other => Err(Finding::new(
            format!("`{written}` may be the {kind} `{one}` or `{other}`"),
            "set it in a file, where names stand as they are",
        )),
        _ => {
            let shown: Vec<String> =
                there_are.iter().map(|name| if layer.folded { fold(name) } else { name.clone() }).collect();
            Err(no_such(kind, written, shown.iter().map(String::as_str)))
        }
    }
}

/// What is wrong with a name: no stage or domain has it, or no pipeline.
fn of_name(layer: &Layer, named: &Named, pipelines: &[String], names: &Names) -> Option<Finding> {
    let finding = if same(layer, &named.pipeline, &names.pipeline) {
        resolve(layer, &named.place, names).err()
    } else {
        of_pipeline(layer, named, pipelines, names)
    };
    let finding = finding?.with_excerpt(named.excerpt.as_ref().map(Excerpt::show));
    Some(match &named.by {
        Some(variable) => Finding { what: format!("the variable `{variable}`: {}", finding.what), ..finding },
        None => finding,
    })
}

/// Layers that name pipelines, and not this one, would let it run on its defaults: it was renamed, perhaps.
fn of_none(layers: &[Layer], names: &Names) -> Option<Finding> {
    let named = || layers.iter().flat_map(|layer| layer.names.iter().map(move |named| (layer, named)));
    let (_, first) = named().next()?;
    if named().any(|(layer, named)| same(layer, &named.pipeline, &names.pipeline)) {
        return None;
    }
    let what = format!(
        "nothing here is for the pipeline `{}`; the first that is named is `{}`",
        names.pipeline, first.pipeline
    );
    let cure = "name it as the pipeline is named, or say which pipelines there are: `Layers::pipelines`";
    Some(Finding::new(what, cure).with_excerpt(first.excerpt.as_ref().map(Excerpt::show)))
}

/// Another pipeline may have that name, if nobody said which there are; one that is nearly this one's, where this one's is
/// not, hardly has.
fn of_pipeline(layer: &Layer, named: &Named, pipelines: &[String], names: &Names) -> Option<Finding> {
    // A file names a pipeline once for all that is in its table.
    if !layer.folded && named.place != Place::Pipeline {
        return None;
    }
    let written = |name: &String| if layer.folded { fold(name) } else { name.clone() };
    let what = format!("there is no pipeline `{}`", named.pipeline);
    if !pipelines.is_empty() {
        let there_are: Vec<String> = pipelines.iter().map(written).collect();
        let is_there = there_are.contains(&named.pipeline);
        let cure = did_you_mean(&named.pipeline, "pipelines", there_are.iter().map(String::as_str));
        return (!is_there).then(|| Finding::new(what, cure));
    }
    let name = written(&names.pipeline);
    let has_own = layer.names.iter().any(|other| same(layer, &other.pipeline, &names.pipeline));
    let near = !has_own && nearest(&named.pipeline, [&*name]).is_some();
    near.then(|| Finding::new(what, format!("did you mean `{name}`? if there are both, say so: `Layers::pipelines`")))
}
