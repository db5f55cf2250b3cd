//! cargo-deny: licences, bans and sources always; advisories where their database can be fetched.

use std::time::Duration;

use crate::repo::Repo;
use crate::shell::Line;
use crate::step::Ended;
use crate::tools;

/// How long to wait for the advisory database before saying that it cannot be had.
const FETCH_LIMIT: Duration = Duration::from_secs(120);

pub(crate) fn check(repo: &Repo) -> Result<Ended, String> {
    let deny = match tools::cargo_deny(repo) {
        Ok(program) => program.display().to_string(),
        Err(why) => return Ok(Ended::Skipped(format!("there is no cargo-deny here and none could be built ({why})"))),
    };
    Line::of(&format!("{deny} --all-features check licenses bans sources")).run(&repo.root)?;
    if !Line::of(&format!("{deny} fetch db")).limit(FETCH_LIMIT).works(&repo.root) {
        println!("the advisory database could not be fetched, so advisories were not checked");
        return Ok(Ended::Passed);
    }
    Line::of(&format!("{deny} --all-features check advisories --disable-fetch")).run(&repo.root)?;
    Ok(Ended::Passed)
}
