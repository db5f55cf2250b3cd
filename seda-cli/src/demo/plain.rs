//! The same service without stages: what the benches hold the staged one against.

use std::sync::Arc;

use hyper::StatusCode;
use tokio::task::spawn_blocking;

use super::{
    http::Answer,
    page::Page,
    route::{Request, route},
    site::{Miss, Read, Site},
};

/// Answers from the cache on the connection's own thread, and from disk on one of the runtime's blocking threads.
pub struct Plain {
    site: Arc<Site>,
}

impl Plain {
    /// Serves a site.
    pub fn new(site: Arc<Site>) -> Self {
        Plain { site }
    }
}

impl Answer for Plain {
    async fn answer(&self, request: Request) -> Page {
        match route(request).map(|wanted| self.site.look(wanted)) {
            Ok(Ok(page)) | Err(page) => page,
            Ok(Err(miss)) => {
                let site = self.site.clone();
                spawn_blocking(move || from_disk(&site, miss)).await.unwrap_or_else(|_| panicked())
            }
        }
    }
}

fn from_disk(site: &Site, miss: Miss) -> Page {
    match site.read(miss) {
        Read::Page(page) => page,
        Read::Picture(picture) => site.draw(picture),
    }
}

fn panicked() -> Page {
    Page::says(StatusCode::INTERNAL_SERVER_ERROR, "the answer could not be made")
}
