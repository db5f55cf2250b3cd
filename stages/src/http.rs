//! What an HTTP server answers in place of an answer.

use std::{error::Error, fmt, time::Duration};

use http::{
    HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use seda_core::{AskError, Refusal, Refused};

/// Where a refusal does not say when to come again, in seconds: also the least that a head can say, as 0 means at once.
const RETRY_AFTER_SECS: u64 = 1;

/// Reasons of policies that count by caller or by rate: the client is to slow down, the server as such is well.
const QUOTAS: [&str; 4] = ["rate", "quota", "fair", "fair share"];

/// A question or an offer that came to nothing, as the head and body of an HTTP response.
///
/// | what happened | status | `Retry-After` | body |
/// |---|---|---|---|
/// | refused or dropped: a queue is full | 503 | 1 | `full`, `dropped` |
/// | shed by a policy (reason `slo`, `ahead`, `concurrency`, `priority`, `deadline`, or one of your own) | 503 | as the policy says, else 1 | the reason |
/// | shed by a quota (reason `rate`, `quota`, `fair`, `fair share`) | 429 | as the policy says, else 1 | the reason |
/// | the pipeline drains or has stopped | 503 | 1 | `closed`, `cancelled` |
/// | expired in a queue: no handler saw it | 504 | 1 | `expired` |
/// | no answer in time; it may still be worked on | 504 | | `late` |
/// | filtered away: nothing answers this question | 404 | | `filtered` |
/// | it went where no way leads to the answer: a slip in the wiring | 500 | | `unanswered` |
/// | more events at once than the bound allows | 413 | | `too many` |
/// | a handler panicked, or would have waited for itself | 500 | | `failed` |
///
/// Seconds are rounded up. The body is one line of plain text; what a panic said is never in it. Only a refusal that
/// another try may overcome has a `Retry-After`. [`at`](HttpError::at) puts a name before the reason:
///
/// ```
/// use seda::{Refusal, stages::HttpError};
///
/// let busy = HttpError::from(Refusal::Full).at("price");
/// assert_eq!((busy.status().as_u16(), busy.retry_after_secs()), (503, Some(1)));
/// let response: http::Response<String> = busy.into_response();
/// assert_eq!(response.headers()["retry-after"], "1");
/// assert_eq!(response.body(), "price: full\n");
/// ```
///
/// Any body that is made from a `String` will do: `http_body_util::Full<Bytes>` for hyper. With the feature `axum` it is an
/// `IntoResponse`, so that `?` on an ask works in a handler that returns `Result<_, HttpError>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpError {
    status: StatusCode,
    retry_after_secs: Option<u64>,
    at: Option<String>,
    reason: &'static str,
}

impl HttpError {
    fn new(status: StatusCode, reason: &'static str) -> Self {
        HttpError { status, retry_after_secs: None, at: None, reason }
    }

    /// Another try may do: never before `after`, in whole seconds.
    fn again(self, after: Option<Duration>) -> Self {
        let secs = after.map_or(RETRY_AFTER_SECS, |after| {
            let begun = u64::from(after.subsec_nanos() > 0);
            after.as_secs().saturating_add(begun).max(RETRY_AFTER_SECS)
        });
        HttpError { retry_after_secs: Some(secs), ..self }
    }

    /// Puts a name before the reason: of the stage, or of the service, as clients know it.
    #[must_use]
    pub fn at(self, name: impl Into<String>) -> Self {
        HttpError { at: Some(name.into()), ..self }
    }

    /// Another status than the table's, for an API that promises one.
    #[must_use]
    pub fn with_status(self, status: StatusCode) -> Self {
        HttpError { status, ..self }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What `Retry-After` says, in seconds; none where another try is of no use.
    #[must_use]
    pub fn retry_after_secs(&self) -> Option<u64> {
        self.retry_after_secs
    }

    /// The reason in a word or two, without the name.
    #[must_use]
    pub fn reason(&self) -> &str {
        self.reason
    }

    /// The response, with the reason as its body.
    #[must_use]
    pub fn into_response<B: From<String>>(self) -> Response<B> {
        let mut response = Response::new(B::from(format!("{self}\n")));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if let Some(secs) = self.retry_after_secs {
            headers.insert(RETRY_AFTER, secs.into());
        }
        response
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            Some(name) => write!(f, "{name}: {}", self.reason),
            None => f.write_str(self.reason),
        }
    }
}

impl Error for HttpError {}

impl From<&Refusal> for HttpError {
    fn from(why: &Refusal) -> Self {
        let busy = |reason| HttpError::new(StatusCode::SERVICE_UNAVAILABLE, reason);
        match why {
            Refusal::Full => busy("full").again(None),
            Refusal::Closed => busy("closed").again(None),
            Refusal::Shed { reason, retry_after } => {
                let reason = reason.as_str();
                let quota = QUOTAS.contains(&reason);
                let status = if quota { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::SERVICE_UNAVAILABLE };
                HttpError::new(status, reason).again(*retry_after)
            }
            Refusal::TooMany { .. } => HttpError::new(StatusCode::PAYLOAD_TOO_LARGE, "too many"),
            // A fault of the program; so is, for all that is known here, what is added to the enum later.
            _ => HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, "failed"),
        }
    }
}

impl From<Refusal> for HttpError {
    fn from(why: Refusal) -> Self {
        HttpError::from(&why)
    }
}

impl<T> From<Refused<T>> for HttpError {
    fn from(refused: Refused<T>) -> Self {
        HttpError::from(&refused.why)
    }
}

impl<E> From<&AskError<E>> for HttpError {
    fn from(why: &AskError<E>) -> Self {
        if let Some(refusal) = why.refusal() {
            return HttpError::from(refusal);
        }
        match why {
            AskError::Dropped => HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "dropped").again(None),
            AskError::Cancelled => HttpError::new(StatusCode::SERVICE_UNAVAILABLE, "cancelled").again(None),
            AskError::Late => HttpError::new(StatusCode::GATEWAY_TIMEOUT, "late"),
            // It waited too long in a queue, as the next one would at once, and nothing was begun with it there.
            AskError::Expired => HttpError::new(StatusCode::GATEWAY_TIMEOUT, "expired").again(None),
            AskError::Filtered => HttpError::new(StatusCode::NOT_FOUND, "filtered"),
            AskError::Unanswered(_) => HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, "unanswered"),
            _ => HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, "failed"),
        }
    }
}

impl<E> From<AskError<E>> for HttpError {
    fn from(why: AskError<E>) -> Self {
        HttpError::from(&why)
    }
}

#[cfg(feature = "axum")]
impl axum_core::response::IntoResponse for HttpError {
    fn into_response(self) -> axum_core::response::Response {
        HttpError::into_response(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seda_core::{Reason, ms};

    fn shed(reason: &'static str, retry_after: Option<Duration>) -> HttpError {
        HttpError::from(Refusal::Shed { reason: Reason::new(reason), retry_after })
    }

    fn head(error: &HttpError) -> (u16, Option<u64>) {
        (error.status().as_u16(), error.retry_after_secs())
    }

    #[test]
    fn every_end_has_its_row_of_the_table() {
        let asked = |why: AskError<u8>| HttpError::from(why);
        let refused = |why: Refusal| asked(AskError::Refused(Refused { event: 0, why }));
        let rows = [
            (refused(Refusal::Full), 503, Some(1), "full"),
            (refused(Refusal::Closed), 503, Some(1), "closed"),
            (refused(Refusal::TooMany { bound: 2 }), 413, None, "too many"),
            (refused(Refusal::WouldDeadlock { from: "a".into(), to: "b".into() }), 500, None, "failed"),
            (asked(AskError::RefusedInside(Refusal::Full)), 503, Some(1), "full"),
            (asked(AskError::Dropped), 503, Some(1), "dropped"),
            (asked(AskError::Cancelled), 503, Some(1), "cancelled"),
            (asked(AskError::Late), 504, None, "late"),
            (asked(AskError::Expired), 504, Some(1), "expired"),
            (asked(AskError::Filtered), 404, None, "filtered"),
            (asked(AskError::Unanswered("park".into())), 500, None, "unanswered"),
            (asked(AskError::Failed("secret".into())), 500, None, "failed"),
            (shed("concurrency", Some(ms(2500))), 503, Some(3), "concurrency"),
            (shed("rate", None), 429, Some(1), "rate"),
        ];
        for (error, status, retry_after, body) in rows {
            assert_eq!((head(&error), error.to_string().as_str()), ((status, retry_after), body));
        }
    }

    #[test]
    fn seconds_are_rounded_up_and_never_zero() {
        let secs = [0, 1, 999, 1000, 1001].map(|after| shed("rate", Some(ms(after))).retry_after_secs());
        assert_eq!(secs, [1, 1, 1, 1, 2].map(Some));
        assert_eq!(shed("rate", Some(Duration::MAX)).retry_after_secs(), Some(u64::MAX));
    }

    #[test]
    fn a_panic_s_message_is_not_in_the_response() {
        let response: Response<String> = HttpError::from(AskError::<u8>::Failed("secret".into())).into_response();
        assert_eq!(response.body(), "failed\n");
        assert!(!format!("{response:?}").contains("secret"));
    }

    #[test]
    fn what_is_of_no_use_to_try_again_has_no_retry_after() {
        let response: Response<String> = HttpError::from(AskError::<u8>::Late).at("price").into_response();
        assert!(!response.headers().contains_key(RETRY_AFTER));
        assert_eq!(response.body(), "price: late\n");
    }
}
