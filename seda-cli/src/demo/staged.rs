//! Between the front and the stages: a request is asked, and what comes instead of an answer becomes a page.

use std::time::Duration;

use hyper::StatusCode;
use seda::{Ask, AskError, Refusal};

use super::{http::Answer, page::Page, route::Request};

/// How long a request may take before it gets a 504: longer than every queue at its bound takes to empty.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Where a refusal does not say when to come again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Answers by asking the pipeline. Every request is an offer to its first stage.
pub struct Staged {
    ask: Ask<Request, Page>,
}

impl Staged {
    /// Asks here.
    pub fn new(ask: Ask<Request, Page>) -> Self {
        Staged { ask }
    }
}

impl Answer for Staged {
    async fn answer(&self, request: Request) -> Page {
        self.ask.ask(request, ANSWER_WITHIN).await.unwrap_or_else(|why| instead(&why))
    }
}

/// The page in place of an answer that did not come.
fn instead(why: &AskError<Request>) -> Page {
    if let Some(refusal) = why.refusal() {
        return refused(refusal);
    }
    match why {
        AskError::Late | AskError::Expired => Page::says(StatusCode::GATEWAY_TIMEOUT, why.to_string()),
        AskError::Dropped | AskError::Cancelled => Page::busy(why, RETRY_AFTER),
        // What a panic said is told through tracing; it is not for clients.
        _ => Page::says(StatusCode::INTERNAL_SERVER_ERROR, "the request could not be answered".to_string()),
    }
}

fn refused(why: &Refusal) -> Page {
    Page::busy(why, why.retry_after().unwrap_or(RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use seda::Reason;

    #[test]
    fn a_refusal_is_a_503_with_its_reason_and_its_time() {
        let reason = Reason::new("rate");
        let page = refused(&Refusal::Shed { reason, retry_after: Some(Duration::from_secs(7)) });
        assert_eq!((page.status.as_u16(), page.retry_after), (503, Some(Duration::from_secs(7))));
        assert!(page.body.starts_with(b"shed (rate)"), "{:?}", page.body);
        assert_eq!(refused(&Refusal::Full).retry_after, Some(RETRY_AFTER));
    }

    #[test]
    fn late_is_a_504_and_a_panic_a_500() {
        assert_eq!(instead(&AskError::Late).status, StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(instead(&AskError::Failed("boom".into())).status, StatusCode::INTERNAL_SERVER_ERROR);
    }
}
