//! What the service answers with, before it is HTTP: small, cheap to copy, cached as it is.

use std::time::Duration;

use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    body::Bytes,
    header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
};

/// An answer. A copy shares the body.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// Its status.
    pub status: StatusCode,
    /// What the body is.
    pub media: Media,
    /// The body.
    pub body: Bytes,
    /// When to try again, for an answer that could not be given now.
    pub retry_after: Option<Duration>,
}

impl Page {
    /// A good answer.
    pub fn found(media: Media, body: impl Into<Bytes>) -> Self {
        Page { status: StatusCode::OK, media, body: body.into(), retry_after: None }
    }

    /// A status with a sentence for a reader.
    pub fn says(status: StatusCode, sentence: impl Into<String>) -> Self {
        let body = sentence.into() + "\n";
        Page { status, media: Media::Text, body: body.into(), retry_after: None }
    }

    /// Not now: 503 with the reason, and when to come again.
    pub fn busy(reason: impl std::fmt::Display, retry_after: Duration) -> Self {
        let page = Page::says(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}; try again later"));
        Page { retry_after: Some(retry_after), ..page }
    }

    /// As HTTP; hyper adds the length, the date, and leaves the body of a HEAD away.
    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, self.media.header());
        if let Some(after) = self.retry_after {
            headers.insert(RETRY_AFTER, whole_seconds(after).into());
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        response
    }
}

/// `Retry-After` counts in seconds, and 0 would mean at once.
fn whole_seconds(after: Duration) -> u64 {
    after.as_secs() + u64::from(after.subsec_nanos() > 0 || after.is_zero())
}

/// What a body is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Media {
    /// A page for a browser.
    Html,
    /// Words.
    Text,
    /// Style sheet.
    Css,
    /// Script.
    JavaScript,
    /// Data.
    Json,
    /// Picture, lossy.
    Jpeg,
    /// Picture, exact.
    Png,
    /// Drawing.
    Svg,
    /// Anything else.
    Bytes,
}

impl Media {
    /// By the ending of a file's name.
    pub fn of_name(name: &str) -> Self {
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        match ending.to_ascii_lowercase().as_str() {
            "html" | "htm" => Media::Html,
            "txt" | "md" | "toml" | "rs" | "csv" | "log" => Media::Text,
            "css" => Media::Css,
            "js" | "mjs" => Media::JavaScript,
            "json" => Media::Json,
            "jpg" | "jpeg" => Media::Jpeg,
            "png" => Media::Png,
            "svg" => Media::Svg,
            _ => Media::Bytes,
        }
    }

    /// Whether a thumbnail can be made of it.
    pub fn is_picture(self) -> bool {
        matches!(self, Media::Jpeg | Media::Png)
    }

    fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Media::Html => "text/html; charset=utf-8",
            Media::Text => "text/plain; charset=utf-8",
            Media::Css => "text/css; charset=utf-8",
            Media::JavaScript => "text/javascript; charset=utf-8",
            Media::Json => "application/json",
            Media::Jpeg => "image/jpeg",
            Media::Png => "image/png",
            Media::Svg => "image/svg+xml",
            Media::Bytes => "application/octet-stream",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_rounded_up_to_whole_seconds_and_never_zero() {
        let seconds = [0, 1, 999, 1000, 1001].map(|ms| whole_seconds(Duration::from_millis(ms)));
        assert_eq!(seconds, [1, 1, 1, 1, 2]);
    }

    #[test]
    fn the_ending_says_the_media_in_either_case() {
        assert_eq!(Media::of_name("a/B.PNG"), Media::Png);
        assert_eq!(Media::of_name("README"), Media::Bytes);
    }
}
