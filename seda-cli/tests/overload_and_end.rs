//! The demo when there is more work than room, and when it stops.

mod client;
mod house;

use std::{
    sync::{
        Arc, Mutex,
        mpsc::{Sender, channel},
    },
    thread,
};

use house::House;
use seda_cli::demo::{
    page::{Media, Page},
    stages::{Draw, Sizes},
};

/// Holds each thumbnail until the sender is dropped; the receiver hears of each that was begun.
fn gate() -> (Draw, Sender<()>, std::sync::mpsc::Receiver<()>) {
    let (open, opened) = channel::<()>();
    let (begun, begins) = channel();
    let opened = Mutex::new(opened);
    let draw: Draw = Arc::new(move |_| {
        let _ = begun.send(());
        let _ = opened.lock().map(|opened| opened.recv());
        Page::found(Media::Text, "drawn")
    });
    (draw, open, begins)
}

#[test]
fn a_flood_of_thumbnails_is_refused_with_the_reason_and_when_to_come_again() {
    let (draw, gate, begins) = gate();
    let sizes = Sizes { thumb_threads: 1, thumb_queue: 2, ..Sizes::default() };
    let house = House::with(draw, sizes);
    let (answers, answered) = channel();
    let ask = |width: u32| {
        let (mut client, answers) = (house.client(), answers.clone());
        thread::spawn(move || answers.send(client.get(&format!("/thumb/sky.png?w={width}"))).expect("the test listens"))
    };
    let mut clients = vec![ask(1)];
    begins.recv().expect("the first is being drawn");
    // One in hand and room for two: of five more, three are refused, whichever they are, and nobody else can answer.
    clients.extend((2..=6).map(ask));
    for refused in answered.iter().take(3) {
        assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
        assert_eq!(refused.text(), "the queue of stage `thumb` is full; try again later\n");
    }
    // Other stages are not held up by the full one.
    assert_eq!(house.client().get("/about.html").status, 200);
    drop(gate);
    assert!(answered.iter().take(3).all(|drawn| drawn.status == 200));
    clients.into_iter().for_each(|client| client.join().expect("its answer was taken"));
    let ended = house.close();
    let thumb = ended.report.ledger().stage("thumb").expect("a stage").clone();
    assert_eq!((thumb.offered, thumb.full, thumb.done), (6, 3, 3));
}

#[test]
fn the_requests_served_are_the_offers_to_the_first_stage_and_the_ledger_balances() {
    let house = House::open();
    let targets = ["/about.html", "/", "/nothing", "/thumb/sky.png?w=20", "/../x", "/stages.txt", "/thumb/words.png"];
    thread::scope(|scope| {
        for at in 0..8 {
            let mut client = house.client();
            scope.spawn(move || (0..50).for_each(|n| drop(client.get(targets[(at + n) % targets.len()]))));
        }
    });
    let ended = house.close();
    let route = ended.report.ledger().stage("route").expect("a stage").clone();
    assert_eq!((ended.served, route.offered, route.done), (400, 400, 400));
    assert!(ended.report.balanced(), "{}", ended.report);
}

#[test]
fn a_client_that_leaves_before_its_answer_is_counted_all_the_same() {
    let (draw, gate, begins) = gate();
    let house = House::with(draw, Sizes::default());
    let mut client = house.client();
    client.send(b"GET /thumb/sky.png?w=5 HTTP/1.1\r\nhost: x\r\n\r\n");
    begins.recv().expect("it is being drawn");
    drop(client);
    drop(gate);
    let ended = house.close();
    let route = ended.report.ledger().stage("route").expect("a stage").clone();
    assert_eq!((ended.served, route.offered), (1, 1));
    assert!(ended.report.balanced(), "{}", ended.report);
}

#[test]
fn a_request_that_is_open_when_the_service_stops_gets_its_answer() {
    let (draw, gate, begins) = gate();
    let house = House::with(draw, Sizes::default());
    let (mut client, mut idle) = (house.client(), house.client());
    assert_eq!(idle.get("/about.html").status, 200, "and its connection stays open");
    client.send(b"GET /thumb/sky.png?w=5 HTTP/1.1\r\nhost: x\r\n\r\n");
    begins.recv().expect("it is being drawn");
    let closing = thread::spawn(move || house.close());
    drop(gate);
    assert_eq!(client.response(true).text(), "drawn");
    let ended = closing.join().expect("it stops");
    assert_eq!(ended.served, 2);
}

#[test]
fn a_panic_while_drawing_is_a_500_and_the_service_goes_on() {
    let house = House::with(Arc::new(|_| panic!("the pen broke")), Sizes::default());
    let mut client = house.client();
    assert_eq!(client.get("/thumb/sky.png?w=5").status, 500);
    assert_eq!(client.get("/about.html").status, 200);
    let ended = house.close();
    assert_eq!(ended.report.ledger().stage("thumb").map(|row| row.failed), Some(1));
}
