//! Request and reply inside a plain hyper service; asked after the drain, it says so.
//!
//! Type:
//! ```sh
//! cargo run --release --features http --example 06b_ask_in_hyper
//! ```
//! See:
//! ```text
//! GET /7: 200 OK, 49
//! GET /seven: 400 Bad Request, give a number
//! 1 done
//! GET /8: 503 Service Unavailable, retry-after: 1, square: closed
//! ```

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::{Request, Response, StatusCode, service::service_fn};
use hyper_util::rt::TokioIo;
use seda::stages::HttpError;
use seda::{Ask, prelude::*};
use tokio::{net::TcpListener, runtime::Runtime};

/// The handler: an answer, or the response that stands for why there is none.
async fn square(ask: Ask<u64, u64>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let Ok(n) = request.uri().path()[1..].parse() else {
        let mut response = Response::new("give a number".into());
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(response);
    };
    Ok(match ask.ask(n, secs(10)).await {
        Ok(square) => Response::new(square.to_string().into()),
        Err(why) => HttpError::from(why).at("square").into_response(),
    })
}

async fn serve(listener: TcpListener, ask: Ask<u64, u64>) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let ask = ask.clone();
        let service = service_fn(move |request| square(ask.clone(), request));
        // An error is the client's: it left, or sent what is not HTTP.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut p = Pipeline::named("squares");
    let (head, squared) = p.stage("square", |n: u64| n * n);
    let (ask, answer) = p.ask(head);
    p.link(squared, answer);
    let running = p.start()?;

    let runtime = Runtime::new()?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    runtime.spawn(serve(listener, ask));

    println!("{}", request(address, "/7")?);
    println!("{}", request(address, "/seven")?);
    let report = running.drain(Deadlines::default());
    println!("{} done", report.ledger().stage("square").ok_or("no such stage")?.done);
    println!("{}", request(address, "/8")?);
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
