//! A whole service: axum in front, stages behind, a probe beside, and a stop at SIGTERM that loses nothing.
//!
//! Type:
//! ```sh
//! cargo run --release --features axum --example 14_service
//! ```
//! See:
//! ```text
//! GET /price/7: 200 OK: 14
//! GET /ready: 200 OK: prices: live, ready
//! SIGTERM: draining
//! GET /ready: 503 Service Unavailable: prices: live, not ready; it drains: offers are refused
//! GET /price/8: 503 Service Unavailable: closed
//! GET /price/9: 200 OK: 18
//! prices: stopped in …, the ledger adds up
//! ```

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Barrier;

use axum::{Router, extract::Path, extract::State, routing::get};
use seda::{Ask, Watch, prelude::*, stages::HttpError, stages::HttpHealth};
use tokio::{net::TcpListener, signal::unix, task::spawn_blocking};

static GATE: Barrier = Barrier::new(2);

async fn price(State(ask): State<Ask<u64, u64>>, Path(n): Path<u64>) -> Result<String, HttpError> {
    Ok(ask.ask(n, secs(10)).await?.to_string())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut terminate = unix::signal(unix::SignalKind::terminate())?; // before all else, so that none is missed
    let mut p = Pipeline::named("prices");
    let (head, prices) = p.stage("price", |n: u64| {
        (0..2).filter(|_| n == 9).map(|_| GATE.wait()).for_each(drop); // 9 is held here until the world lets it go on
        n * 2
    });
    let (ask, answer) = p.ask(head);
    p.link(prices, answer);
    let running = p.start()?;

    let ready = get(|State(watch): State<Watch>| async move { HttpHealth::ready(&watch.health()) });
    let app = Router::new().route("/price/{n}", get(price)).with_state(ask);
    let app = app.route("/ready", ready).with_state(running.watch());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let at = listener.local_addr()?;
    let world = spawn_blocking(move || world(at));
    let leave = async move {
        terminate.recv().await; // here the service spends its life
        println!("SIGTERM: draining");
        let report = running.drain_async(Deadlines::within(secs(20))).await; // the front is still up
        world.await.expect("the world goes on").expect("it hears of everything");
        println!("{}", report.to_string().lines().last().unwrap_or_default());
    };
    Ok(axum::serve(listener, app).with_graceful_shutdown(leave).await?)
}

/// Clients, a load balancer and an orchestrator.
fn world(at: SocketAddr) -> io::Result<()> {
    println!("{}\n{}", request(at, "/price/7")?, request(at, "/ready")?);
    let held = std::thread::spawn(move || request(at, "/price/9"));
    GATE.wait(); // 9 is in hand
    signal_hook::low_level::raise(signal_hook::consts::SIGTERM)?;
    while request(at, "/ready")?.contains("200 OK") {}
    println!("{}\n{}", request(at, "/ready")?, request(at, "/price/8")?);
    GATE.wait();
    println!("{}", held.join().expect("a request does not panic")?);
    Ok(())
}

fn request(at: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(at)?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")?;
    let text = io::read_to_string(stream)?;
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.lines().next().unwrap_or_default().trim_start_matches("HTTP/1.1 ");
    Ok(format!("GET {path}: {status}: {}", body.trim_end().replace('\n', "; ")))
}
