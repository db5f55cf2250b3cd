//! Graphs as text, Mermaid and DOT: four of them pinned, names that would break them escaped.

use seda_core::{
    Settings, WhenFull,
    prelude::*,
    test::{Takes, Virtual},
};

fn line() -> Pipeline {
    let mut p = Pipeline::named("shout");
    let words = p.source("words", ["one", "two"]);
    let loud = p.then("loud", words, |word: &str| word.to_uppercase());
    p.end("print", loud, |_| ());
    p
}

/// A branch, an error port, and a sink that two feed.
fn orders() -> Pipeline {
    let mut p = Pipeline::named("orders");
    let (decode, orders, bad) = p.stage("decode", |s: String| s.parse::<u64>().map_err(|e| e.to_string())).tried();
    let (price, priced, unpriced) =
        p.stage("price", (|n: u64| if n > 9 { Err("dear".to_string()) } else { Ok(n) }).threads(2..=8)).tried();
    p.link(orders, price);
    p.end("ship", priced, |_| ());
    let park = p.sink("park", |_: String| ());
    p.link(bad, park);
    p.link(unpriced, park);
    let _ = decode;
    p
}

fn retries() -> Pipeline {
    let mut p = Pipeline::named("fetcher");
    let urls = p.source("urls", 0..4u32);
    let fetch = (|n: u32| if n < 100 { Err(n + 50) } else { Ok(n) }).queue(3).when_full(WhenFull::Reject);
    let (fetch, pages, failed) = p.stage("fetch", fetch).tried();
    let (urls, lost) = urls.overflow();
    let (again, gone) = failed.overflow();
    p.link(urls, fetch);
    p.link(again, fetch);
    p.end("store", pages, |_| ());
    let give_up = p.sink("give-up", |_: u32| ());
    p.link(lost, give_up);
    p.link(gone, give_up);
    p
}

fn asked() -> Pipeline {
    let mut p = Pipeline::named("cache");
    let cpu = p.domain("cpu", 2);
    let (lookup, found) = p.stage("lookup", (|n: u64| n).on(&cpu));
    let (ask, answer) = p.ask::<u64, u64>(lookup);
    let audit = p.sink("audit", |_: u64| ());
    let answers = p.then_with("render", found, (|n: u64| n).on(&cpu).limit(1).uses(audit));
    p.link(answers, answer);
    drop(ask);
    p
}

#[test]
fn a_line() {
    assert_eq!(
        line().graph().text(),
        "\
shout: 3 stages
 1 words                                source, 1 thread
   └─▶ loud
 2 loud                                 1 thread, queue 1000, block
   └─▶ print
 3 print                                1 thread, queue 1000, block
"
    );
    assert_eq!(
        line().graph().mermaid(),
        "\
flowchart LR
    n0([\"words<br/>1 thread\"])
    n1[\"loud<br/>1 thread, queue 1000, block\"]
    n2[\"print<br/>1 thread, queue 1000, block\"]
    n0 --> n1
    n1 --> n2
"
    );
    assert_eq!(
        line().graph().dot(),
        "\
digraph \"shout\" {
    rankdir=LR;
    node [shape=box];
    n0 [label=\"words\\n1 thread\", shape=cds];
    n1 [label=\"loud\\n1 thread, queue 1000, block\"];
    n2 [label=\"print\\n1 thread, queue 1000, block\"];
    n0 -> n1 [label=\"\"];
    n1 -> n2 [label=\"\"];
}
"
    );
}

#[test]
fn a_branch_with_an_error_port_and_a_fan_in() {
    assert_eq!(
        orders().graph().text(),
        "\
orders: 4 stages
 1 decode                               entry, 1 thread, queue 1000, block
   ├─▶ price
   └─ err ─▶ park
 2 price                                2..8 threads, queue 1000, block
   ├─▶ ship
   └─ err ─▶ park
 3 ship                                 1 thread, queue 1000, block
   park                                 1 thread, queue 1000, block
   ◀ decode.err, price.err
"
    );
    assert_eq!(
        orders().graph().mermaid(),
        "\
flowchart LR
    n0[/\"decode<br/>1 thread, queue 1000, block\"/]
    n1[\"price<br/>2..8 threads, queue 1000, block\"]
    n2[\"ship<br/>1 thread, queue 1000, block\"]
    n3[\"park<br/>1 thread, queue 1000, block\"]
    n0 --> n1
    n1 --> n2
    n0 -->|\"err\"| n3
    n1 -->|\"err\"| n3
"
    );
}

#[test]
fn a_retry_cycle() {
    assert_eq!(
        retries().graph().text(),
        "\
fetcher: 4 stages
 1 urls                                 source, 1 thread
   ├─▶ fetch
   └─ overflow ─▶ give-up
 2 fetch                                1 thread, queue 3, reject
   ◀ urls, fetch.err
   ├─ err ─▶ fetch (back)
   ├─▶ store
   └─ err.overflow ─▶ give-up
 3 store                                1 thread, queue 1000, block
   give-up                              1 thread, queue 1000, block
   ◀ urls.overflow, fetch.err.overflow
"
    );
}

#[test]
fn a_domain_with_an_ask_and_a_use() {
    assert_eq!(
        asked().graph().text(),
        "\
cache: 3 stages
 1 lookup                               entry, on cpu, queue 1000, block
   └─▶ render
 2 render                               on cpu, at most 1, queue 1000, block
   ├─▶ lookup.answer
   └─ uses ─▶ audit
 3 audit                                1 thread, queue 1000, block
   lookup.answer                        back to who asked
"
    );
    assert_eq!(
        asked().graph().mermaid(),
        "\
flowchart LR
    subgraph d0[\"cpu\"]
        n0[/\"lookup<br/>on cpu, queue 1000, block\"/]
        n2[\"render<br/>on cpu, at most 1, queue 1000, block\"]
    end
    n1[\"audit<br/>1 thread, queue 1000, block\"]
    n3{{\"lookup.answer<br/>back to who asked\"}}
    n0 --> n2
    n2 --> n3
    n2 -.->|\"uses\"| n1
"
    );
    assert_eq!(
        asked().graph().dot(),
        "\
digraph \"cache\" {
    rankdir=LR;
    node [shape=box];
    subgraph cluster_0 {
        label=\"cpu\";
        n0 [label=\"lookup\\non cpu, queue 1000, block\", shape=rarrow];
        n2 [label=\"render\\non cpu, at most 1, queue 1000, block\"];
    }
    n1 [label=\"audit\\n1 thread, queue 1000, block\"];
    n3 [label=\"lookup.answer\\nback to who asked\", shape=larrow];
    n0 -> n2 [label=\"\"];
    n2 -> n3 [label=\"\"];
    n2 -> n1 [label=\"uses\", style=dotted];
}
"
    );
}

#[test]
fn what_is_said_of_a_stage_beside_its_queue_is_drawn_too() {
    let mut p = Pipeline::named("orders");
    let price = |n: u64| n;
    let tuned = price.threads(2..=8).keyed(|n| *n).max_age(ms(250)).admission(seda_core::TokenBucket::new(1e6, 100));
    let (_, prices) = p.stage("price", tuned);
    p.end("print", prices, drop);
    assert_eq!(
        p.graph().text(),
        "\
orders: 2 stages
 1 price                                entry, 2..8 threads, queue 1000, block,
                                        max age 250 ms, admission token-bucket,
                                        keyed
   └─▶ print
 2 print                                1 thread, queue 1000, block
"
    );
    let caption = "price<br/>2..8 threads, queue 1000, block, max age 250 ms, admission token-bucket, keyed";
    assert!(p.graph().mermaid().contains(caption), "{}", p.graph().mermaid());
}

#[test]
fn of_a_configuration_with_mistakes_nothing_is_drawn() {
    let mut p = line();
    p.configure(&Settings::new().stage("loud", |loud| loud.queue(5).threads(4)).stage("prnit", |print| print.queue(6)));
    assert_eq!(
        p.graph().text(),
        "\
shout: 3 stages
   without its configuration, which has 1 finding: the start tells
 1 words                                source, 1 thread
   └─▶ loud
 2 loud                                 1 thread, queue 1000, block
   └─▶ print
 3 print                                1 thread, queue 1000, block
"
    );
    assert!(p.graph().mermaid().contains("    %% without its configuration, which has 1 finding"));
    assert!(p.graph().dot().contains("    // without its configuration, which has 1 finding"));
}

#[test]
fn a_graph_that_runs_has_its_numbers() {
    let mut sim = Virtual::start(retries(), 1).unwrap();
    sim.takes("fetch", Takes::fixed(ms(2)));
    sim.advance(ms(30));
    let graph = sim.graph();
    assert_eq!(
        graph.text(),
        "\
fetcher: 4 stages, after 30.0 ms
   stage                                      queue     done  refused  svc p99
 1 urls                                                    4        0     0 ns
   ├─▶ fetch                                               4
   └─ overflow ─▶ give-up                                  1
 2 fetch                                        0/3        9        1   2.0 ms
   ◀ urls, fetch.err
   ├─ err ─▶ fetch (back)                                  6
   ├─▶ store                                               3
   └─ err.overflow ─▶ give-up                              0
 3 store                                     0/1000        3        0     0 ns
   give-up                                   0/1000        1        0     0 ns
   ◀ urls.overflow, fetch.err.overflow
"
    );
    assert!(
        graph.mermaid().contains("n1[\"fetch<br/>queue 0/3, done 9, refused 1, p99 2.0 ms\"]"),
        "{}",
        graph.mermaid()
    );
    assert!(graph.mermaid().contains("n1 -->|\"err: 6\"| n1"), "{}", graph.mermaid());
    assert!(graph.dot().contains("n1 -> n2 [label=\"3\"];"), "{}", graph.dot());
}

#[test]
fn names_that_would_break_a_picture_are_escaped_and_open_ports_are_marked() {
    let mut p = Pipeline::named("a \"b\" \\ c");
    let (_, out, err) = p.stage("x\"]; end & <b>`#1`\nnext", |n: u64| if n > 0 { Ok(n) } else { Err(n) }).tried();
    let graph = p.graph();
    assert_eq!(
        graph.mermaid(),
        "\
flowchart LR
    n0[/\"x#34;#93;#59; end #38; #60;b#62;#96;#35;1#96;#10;next<br/>1 thread, queue 1000, block\"/]
    n0 --> o0((\"open: u64\"))
    style o0 stroke-dasharray: 4 4
    n0 -->|\"err\"| o1((\"open: u64\"))
    style o1 stroke-dasharray: 4 4
"
    );
    assert_eq!(
        graph.dot(),
        "\
digraph \"a \\\"b\\\" \\\\ c\" {
    rankdir=LR;
    node [shape=box];
    n0 [label=\"x\\\"]; end &amp; <b>`#1`?next\\n1 thread, queue 1000, block\", shape=rarrow];
    o0 [label=\"open: u64\", style=dashed];
    n0 -> o0 [label=\"\", style=dashed];
    o1 [label=\"open: u64\", style=dashed];
    n0 -> o1 [label=\"err\", style=dashed];
}
"
    );
    let text = graph.text();
    assert!(text.starts_with("a \"b\" \\ c: 1 stage, 2 open ports\n 1 x\"]; end & <b>`#1`?next"), "{text}");
    drop((out, err));
}

#[test]
fn no_line_is_wider_than_80_columns() {
    let long = "a-name-of-a-stage-that-somebody-thought-would-never-be-read-in-a-drawing";
    let mut p = Pipeline::named(long);
    let cpu = p.domain(format!("{long}-domain"), 2);
    let sink = p.sink(format!("{long}-0"), |_: u64| ());
    for n in 1..30 {
        let (_, out) = p.stage(format!("{long}-{n}"), (|n: u64| n).on(&cpu).queue(123_456_789));
        let [a, b] = out.fan::<2>();
        p.link(a, sink);
        if n % 2 == 0 {
            p.link(b, sink);
        } else {
            drop(b);
        }
    }
    let wide = p.graph().text().lines().map(|line| line.chars().count()).max();
    assert!(wide <= Some(80), "{wide:?}");
}

/// Graphviz reads what is written for it; where it is not installed, this says so and proves nothing.
#[test]
fn graphviz_reads_every_dot() {
    use std::{
        io::Write,
        process::{Command, Stdio},
    };
    for p in [line(), orders(), retries(), asked()] {
        let started = Command::new("dot").arg("-Tcanon").stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
        let Ok(mut dot) = started else {
            eprintln!("skipped: Graphviz' `dot` is not installed");
            return;
        };
        dot.stdin.take().unwrap().write_all(p.graph().dot().as_bytes()).unwrap();
        assert!(dot.wait().unwrap().success(), "{}", p.graph().dot());
    }
}
