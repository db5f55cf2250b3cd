//! The nearest right name, for "did you mean".

/// The candidate that is least far from `name`, if it is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let near = candidates.into_iter().map(|other| (distance(&lower, &other.to_lowercase()), other));
    let near: Vec<(usize, &str)> = near.collect();
    let &(far, other) = near.iter().min_by_key(|(far, _)| *far)?;
    let letters = name.chars().count();
    // A third of the letters may be wrong, and one always.
    if far <= (letters / 3).max(1) {
        return Some(other);
    }
    // Of one or two letters, too much begins with them.
    let begun = near.iter().find(|(_, other)| letters > 2 && other.to_lowercase().starts_with(&lower));
    begun.map(|(_, other)| *other)
}

/// Letters to add, remove, change or swap with their neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = change.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

/// The cure for a name that is not there: the one that was meant, then those that there are.
pub(crate) fn did_you_mean<'a>(name: &str, what: &str, there_are: impl IntoIterator<Item = &'a str>) -> String {
    let there_are: Vec<&str> = there_are.into_iter().collect();
    match (nearest(name, there_are.iter().copied()), there_are.is_empty()) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, true) => format!("there are no {what}"),
        (None, false) => format!("the {what} are: {}", there_are.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_its_name() {
        assert_eq!(nearest("thredas", ["threads", "limit"]), Some("threads"));
        assert_eq!(nearest("Prise", ["decode", "price"]), Some("price"));
        assert_eq!(nearest("max_aeg", ["max_age", "events"]), Some("max_age"));
        assert_eq!(nearest("xyz", ["threads", "limit"]), None);
        assert_eq!(nearest("q", []), None);
    }

    #[test]
    fn a_word_that_was_only_begun_finds_its_name() {
        assert_eq!(nearest("que", ["threads", "queue", "queue.events"]), Some("queue"));
        assert_eq!(nearest("thr", ["limit", "threads"]), Some("threads"));
        assert_eq!(nearest("qu", ["threads", "queue"]), None);
    }

    #[test]
    fn the_cure_names_what_there_is() {
        assert_eq!(did_you_mean("prise", "stages", ["price"]), "did you mean `price`?");
        assert_eq!(did_you_mean("zzz", "stages", ["price", "ship"]), "the stages are: price, ship");
        assert_eq!(did_you_mean("front", "domains", []), "there are no domains");
    }
}
