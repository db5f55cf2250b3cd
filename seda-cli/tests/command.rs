//! The command itself: its sentences, and its end on a signal.

mod client;

use std::{
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    process::{Child, Command, Output, Stdio},
};

use client::Client;

fn seda() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seda"));
    command.arg("demo").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn sentence(output: &Output) -> String {
    let said = String::from_utf8(output.stderr.clone()).expect("words");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

#[test]
fn a_folder_that_is_not_there_is_a_sentence() {
    let said = sentence(&seda().args(["no-such-folder", "--port", "0"]).output().expect("it starts"));
    assert!(said.starts_with("seda demo: the folder no-such-folder cannot be served: No such file"), "{said}");
    let said = sentence(&seda().args(["Cargo.toml", "--port", "0"]).output().expect("it starts"));
    assert!(said.contains("Not a directory"), "{said}");
}

#[test]
fn a_port_in_use_is_a_sentence_that_says_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port().to_string();
    let said = sentence(&seda().args(["src", "--port", &port]).output().expect("it starts"));
    assert_eq!(
        said,
        format!(
            "seda demo: port {port} is in use; choose another with `--port`, or let the system choose with `--port 0`\n"
        )
    );
}

#[test]
fn both_signals_drain_and_the_two_numbers_are_equal() {
    for signal in ["INT", "TERM"] {
        let mut child = seda().args(["src", "--port", "0"]).spawn().expect("it starts");
        let mut said = BufReader::new(child.stdout.take().expect("piped"));
        let mut client = Client::to(address(&mut said));
        assert_eq!(client.get("/lib.rs").status, 200);
        assert_eq!(client.get("/nothing").status, 404);
        kill(&child, signal);
        let mut rest = String::new();
        said.read_to_string(&mut rest).expect("words");
        assert!(rest.ends_with("requests served by stages: 2, offered to route: 2\n"), "{rest}");
        assert!(child.wait().expect("it ends").success());
    }
}

#[test]
fn nobody_reading_what_it_prints_is_no_reason_to_break() {
    let mut child = seda().args(["src", "--port", "0"]).spawn().expect("it starts");
    let address = address(&mut BufReader::new(child.stdout.take().expect("piped")));
    assert_eq!(Client::to(address).get("/lib.rs").status, 200);
    kill(&child, "INT");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

/// From the first line that it prints.
fn address(said: &mut impl BufRead) -> std::net::SocketAddr {
    let mut line = String::new();
    said.read_line(&mut line).expect("words");
    let url = line.trim_end().rsplit_once("http://").expect("the line with the URL").1;
    url.trim_end_matches('/').parse().expect("an address")
}

fn kill(child: &Child, signal: &str) {
    let status = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
    assert!(status.expect("kill is there").success());
}
