//! Request and reply inside an axum service: a refusal is a 503 that says when to come again.
//!
//! Type:
//! ```sh
//! cargo run --release --features axum --example 06_ask_in_axum
//! ```
//! See:
//! ```text
//! GET /9: 503 Service Unavailable, retry-after: 1, concurrency
//! GET /8: 200 OK, 64
//! 1 done, 1 shed
//! ```

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, mpsc::sync_channel};

use axum::extract::{Path, State};
use axum::{Router, routing::get};
use seda::stages::HttpError;
use seda::{Ask, MaxConcurrency, prelude::*};
use tokio::{net::TcpListener, runtime::Runtime, sync::oneshot};

/// The handler: `?` makes a response of whatever comes in place of an answer.
async fn square(State(ask): State<Ask<u64, u64>>, Path(n): Path<u64>) -> Result<String, HttpError> {
    Ok(ask.ask(n, secs(10)).await?.to_string())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // As in the examples before: a worker that says what it has taken, and waits at a gate.
    let (begin, begun) = sync_channel(9);
    let gate = Arc::new(Mutex::new(()));
    let at_gate = gate.clone();
    let work = move |n: u64| {
        begin.send(n).expect("main listens until the drain");
        drop(at_gate.lock());
        n * n
    };

    let mut p = Pipeline::named("squares");
    let (head, squared) = p.stage("square", work.admission(MaxConcurrency::new(1)));
    let (ask, answer) = p.ask(head);
    p.link(squared, answer);
    let running = p.start()?;

    let runtime = Runtime::new()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    let app = Router::new().route("/{n}", get(square)).with_state(ask);
    let (stop, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, app).with_graceful_shutdown(async { stopped.await.unwrap_or_default() });
    let serving = runtime.spawn(server.into_future());

    let held = gate.lock().map_err(|_| "a handler panicked")?;
    let asking = std::thread::spawn(move || request(address, "/8"));
    begun.recv()?; // the worker is held with 8, and one at a time is all that the policy admits
    println!("{}", request(address, "/9")?);
    drop(held);
    println!("{}", asking.join().map_err(|_| "the asking thread panicked")??);

    // First the front, so that open requests come to their answers; then the stages.
    stop.send(()).map_err(|()| "the server has gone")?;
    runtime.block_on(serving)??;
    let report = running.drain(Deadlines::default());
    let row = report.ledger().stage("square").ok_or("no such stage")?;
    println!("{} done, {} shed", row.done, row.shed);
    Ok(())
}

/// Status, `retry-after` and body in one line.
fn request(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.lines().next().unwrap_or_default().trim_start_matches("HTTP/1.1 ");
    let again = head.lines().find(|line| line.starts_with("retry-after")).map(|line| format!("{line}, "));
    Ok(format!("GET {path}: {status}, {}{}", again.unwrap_or_default(), body.trim_end()))
}
