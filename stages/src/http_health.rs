//! What a probe of an orchestrator or a load balancer is answered.

use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use seda_core::Health;

/// The health of a pipeline as the head and body of an HTTP response: 200 where it is well, 503 where it is not. The body is
/// the health as text: a line for what it is, and one for each reason with the stage's name.
///
/// There are two probes, and they ask for different things: [`ready`](HttpHealth::ready) whether requests are to come,
/// which they are not while it drains; [`live`](HttpHealth::live) whether the process is to be started anew, which it is
/// not for that.
///
/// ```
/// use seda::{prelude::*, stages::HttpHealth};
///
/// let mut p = Pipeline::named("orders");
/// p.sink("price", drop::<u64>);
/// let running = p.start()?;
/// let response: http::Response<String> = HttpHealth::ready(&running.health()).into_response();
/// assert_eq!((response.status().as_u16(), response.body().as_str()), (200, "orders: live, ready\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// With the feature `axum` it is an `IntoResponse`, for a handler that holds a [`Watch`](seda_core::Watch), which goes on
/// looking while the pipeline drains; `examples/14_service.rs` does that.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpHealth {
    is_well: bool,
    text: String,
}

impl HttpHealth {
    /// For the probe that keeps requests away: 200 while the pipeline is ready. Refusing by design is ready.
    #[must_use]
    pub fn ready(health: &Health) -> Self {
        HttpHealth { is_well: health.ready, text: health.to_string() }
    }

    /// For the probe that starts the process anew: 200 while the pipeline is live, also while it drains.
    #[must_use]
    pub fn live(health: &Health) -> Self {
        HttpHealth { is_well: health.live, text: health.to_string() }
    }

    /// 200 or 503.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        if self.is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
    }

    /// The response, which no cache keeps.
    #[must_use]
    pub fn into_response<B: From<String>>(self) -> Response<B> {
        let status = self.status();
        let mut response = Response::new(B::from(self.text + "\n"));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

#[cfg(feature = "axum")]
impl axum_core::response::IntoResponse for HttpHealth {
    fn into_response(self) -> axum_core::response::Response {
        HttpHealth::into_response(self)
    }
}

#[cfg(test)]
mod tests {
    use seda_core::{
        prelude::*,
        test::{Takes, Virtual},
    };

    use super::*;

    fn statuses(health: &Health) -> [u16; 2] {
        [HttpHealth::live(health), HttpHealth::ready(health)].map(|answer| answer.status().as_u16())
    }

    #[test]
    fn a_pipeline_that_drains_is_live_and_not_ready_and_one_that_ended_is_neither() {
        let mut p = Pipeline::named("orders");
        let (began, begun) = std::sync::mpsc::channel();
        let (open, gate) = std::sync::mpsc::channel::<()>();
        let gate = std::sync::Mutex::new(gate);
        let price = p.sink("price", move |_: u64| {
            began.send(()).unwrap();
            let _ = gate.lock().unwrap().recv();
        });
        let running = p.start().unwrap();
        let watch = running.watch();
        assert_eq!(statuses(&watch.health()), [200, 200]);
        let entry = running.entry(price);
        entry.offer(1).unwrap();
        begun.recv().unwrap();
        let drains = std::thread::spawn(move || running.drain(Deadlines::default()));
        while entry.try_offer(2).is_ok() {
            std::thread::yield_now(); // until the drain has begun
        }
        assert_eq!(statuses(&watch.health()), [200, 503]);
        drop(open);
        drains.join().unwrap();
        assert_eq!(statuses(&watch.health()), [503, 503]);
    }

    #[test]
    fn the_body_names_the_stage_that_is_not_well() {
        let mut p = Pipeline::named("orders");
        let price = p.sink("price", drop::<u64>);
        let mut sim = Virtual::start(p, 1).unwrap();
        sim.takes("price", Takes::fixed(secs(60)));
        sim.offer(price, 250).unwrap();
        sim.advance(secs(15));
        let response: Response<String> = HttpHealth::ready(&sim.health()).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(
            response.body(),
            "orders: not live, not ready\n`price`: its handler has not returned for 15.0 s (1 of 1 worker)\n"
        );
    }
}
