//! A JSON service on axum, twice: the work done in the handler, or by a pipeline that the handler asks.

use std::net::{Ipv4Addr, SocketAddr};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use seda::{Answer, prelude::*};
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, runtime::Runtime};

/// Where it is asked.
pub(crate) const TARGET: &str = "/price";
/// What it is asked.
pub(crate) const BODY: &str = r#"{"id":4711,"customer":"A. Nonymous","items":[{"sku":"tea","cents":450,"pieces":3},{"sku":"cup","cents":1290,"pieces":2}]}"#;

#[derive(Deserialize)]
struct Order {
    id: u64,
    customer: String,
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    sku: String,
    cents: u64,
    pieces: u64,
}

#[derive(Serialize)]
struct Receipt {
    id: u64,
    customer: String,
    lines: Vec<String>,
    cents: u64,
}

/// The work, on both sides.
fn price(order: Order) -> Receipt {
    let line = |item: &Item| format!("{} x {}: {}", item.pieces, item.sku, item.cents * item.pieces);
    Receipt {
        id: order.id,
        customer: order.customer,
        lines: order.items.iter().map(line).collect(),
        cents: order.items.iter().map(|item| item.cents * item.pieces).sum(),
    }
}

/// In the handler, as axum's extractors do it.
pub(crate) fn serve_plain(runtime: &Runtime, serve: impl FnOnce(SocketAddr)) {
    let handler = async |Json(order): Json<Order>| Json(price(order));
    with(runtime, Router::new().route(TARGET, post(handler)), serve);
}

/// Through the pipeline.
pub(crate) fn serve_staged(runtime: &Runtime, serve: impl FnOnce(SocketAddr)) {
    let mut p = Pipeline::named("prices");
    let ask = stages(&mut p);
    let running = p.start().expect("the stages pass the checks");
    with(runtime, Router::new().route(TARGET, post(handler)).with_state(ask), serve);
    let _ = running.drain(Deadlines::default());
}

type Priced = Result<Vec<u8>, String>;

/// Three stages that take microseconds, so that whoever asks may do their work.
fn stages(p: &mut Pipeline) -> Ask<Bytes, Priced> {
    let domain = p.domain("prices", 2);
    p.caller_runs(&domain);
    let parse = |body: Bytes| serde_json::from_slice::<Order>(&body).map_err(|why| why.to_string());
    let (head, orders, bad) = p.stage("parse", parse.on(&domain)).tried();
    let receipts = p.then_with("price", orders, price.on(&domain));
    let write = |receipt: Receipt| serde_json::to_vec(&receipt).map_err(|why| why.to_string());
    let written = p.then_with("answer", receipts, write.on(&domain));
    let (ask, answer): (_, Answer<Priced>) = p.ask(head);
    p.link(written, answer);
    p.link(bad.map(Err), answer);
    ask
}

async fn handler(State(ask): State<Ask<Bytes, Priced>>, body: Bytes) -> Response {
    match ask.ask(body, secs(1)).await {
        Ok(Ok(json)) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Ok(Err(why)) => (StatusCode::BAD_REQUEST, why).into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, why.to_string()).into_response(),
    }
}

fn with(runtime: &Runtime, app: Router, serve: impl FnOnce(SocketAddr)) {
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let server = runtime.spawn(axum::serve(listener, app).into_future());
    serve(address);
    server.abort();
}
