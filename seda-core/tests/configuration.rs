//! Files and the environment: every mistake at once, with file, line, caret and cure, before any thread.
#![cfg(feature = "config")]

use seda_core::{Config, Layers, Settings, prelude::*, test::Virtual};

fn pass(n: u64) -> u64 {
    n
}

/// `decode` on the domain `front`, then `price`, then `ship-it`.
fn orders(config: &Config) -> Pipeline {
    let mut p = Pipeline::named("orders");
    p.configure(config);
    let front = p.domain("front", 2);
    let (_, out) = p.stage("decode", pass.on(&front));
    let out = p.then_with("price", out, pass.threads(2..=8));
    p.end_with("ship-it", out, drop::<u64>.weight(|n| *n));
    p
}

fn toml(text: &str) -> Config {
    Layers::new().toml("seda.toml", text).read()
}

fn json(text: &str) -> Config {
    Layers::new().json("seda.json", text).read()
}

fn vars(vars: &[(&str, &str)]) -> Config {
    Layers::new().vars("SEDA", vars.iter().copied()).read()
}

/// What a start says of it, without the heading.
fn wrong(config: &Config) -> String {
    let text = orders(config).start().expect_err("it must not start").to_string();
    text.split_once('\n').unwrap().1.to_string()
}

fn value(p: &Pipeline, key: &str) -> String {
    let explained = p.explain(key).unwrap();
    format!("{} ({})", explained.value, explained.origin)
}

// ---- what is right

#[test]
fn a_file_lies_over_the_code_and_the_environment_over_the_file() {
    let file = "# numbers of the shop
[pipeline.orders]
watchdog = \"2 s\"

[pipeline.orders.stage.price]
threads = 4
queue = { events = 500, max_age = \"250 ms\" }

[pipeline.orders.stage.ship-it]
domain = \"front\"
queue.bytes = \"64 MiB\"
admission = { policy = \"token-bucket\", rate = 1.5, burst = 3 }
batch_max = 1_0
";
    let config = Layers::new()
        .toml("seda.toml", file)
        .vars(
            "SEDA",
            [
                ("SEDA__PIPELINE__ORDERS__STAGE__PRICE__THREADS", "3..6"),
                ("SEDA__PIPELINE__ORDERS__STAGE__SHIP_IT__QUEUE__MAX_AGE", "1.5 s"),
                ("SEDA__PIPELINE__ORDERS__METRICS", "false"),
                ("SEDA__PIPELINE__BILLING__METRICS", "true"),
                ("SEDAN__WHATEVER", "1"),
                ("SEDA_LOG", "debug"),
            ],
        )
        .read();
    config.check().unwrap();
    let mut p = orders(&config);
    for (key, expected) in [
        ("watchdog", "2 s (seda.toml:3)"),
        ("metrics", "false (SEDA__PIPELINE__ORDERS__METRICS)"),
        ("domain.front.threads", "2 (code)"),
        ("stage.price.threads", "3..6 (SEDA__PIPELINE__ORDERS__STAGE__PRICE__THREADS)"),
        ("stage.price.queue.events", "500 (seda.toml:7)"),
        ("stage.price.queue.max_age", "250 ms (seda.toml:7)"),
        ("stage.price.batch_max", "64 (default)"),
        ("stage.ship-it.queue.bytes", "64 MiB (seda.toml:11)"),
        ("stage.ship-it.admission.rate", "1.5 (seda.toml:12)"),
        ("stage.ship-it.batch_max", "10 (seda.toml:13)"),
        ("stage.ship-it.queue.max_age", "1500 ms (SEDA__PIPELINE__ORDERS__STAGE__SHIP_IT__QUEUE__MAX_AGE)"),
    ] {
        assert_eq!(value(&p, key), expected, "{key}");
    }
    // Code that comes later, as settings, holds over both.
    p.configure(&Settings::new().stage("price", |price| price.queue(7)));
    assert_eq!(value(&p, "stage.price.queue.events"), "7 (code)");
    p.configure(&Settings::new().stage("ship-it", |ship| ship.admit_all().own_threads()));
}

#[test]
fn json_says_the_same_with_comments_where_people_write_them() {
    let config = json(
        "{
  // for editors
  \"$schema\": \"./seda.schema.json\",
  \"pipeline\": {
    \"orders\": { \"stage\": { \"price\": { \"threads\": \"2..4\", \"queue\": { \"when_full\": \"drop-oldest\" } } } },
  },
}",
    );
    let p = orders(&config);
    assert_eq!(value(&p, "stage.price.threads"), "2..4 (seda.json:5)");
    assert_eq!(value(&p, "stage.price.queue.when_full"), "drop-oldest (seda.json:5)");
    assert!(Virtual::start(p, 1).is_ok());
}

#[test]
fn a_configuration_that_is_read_again_changes_what_runs() {
    let first = toml("[pipeline.orders.stage.price]\nthreads = \"2..8\"\nqueue.events = 10\ndomain = \"own\"\n");
    let mut sim = Virtual::start(orders(&first), 1).unwrap();
    let again = toml("[pipeline.orders.stage.price]\nthreads = 5\nqueue.events = 10\ndomain = \"own\"\n");
    let changed = sim.change(&again).unwrap();
    assert_eq!(changed.to_string(), "stage.price.threads: 2..8 -> 5");
    assert_eq!(sim.explain("stage.price.threads").unwrap().origin.to_string(), "seda.toml:2");
    let wrong = toml("[pipeline.orders.stage.price]\nthreads = 9\nqueue = 5\n");
    assert_eq!(
        sim.change(&wrong).unwrap_err().to_string(),
        "nothing was changed: 2 findings
  1. `stage.price.queue` is a table of events, bytes, max_age, when_full, not `5`
      --> seda.toml:3:9
       |
     3 | queue = 5
       |         ^
     cure: write `queue = { events = .. }`
  2. `stage.price.threads` is set to 9 (seda.toml:2), but it started with 2..8 and stays within that
      --> seda.toml:2:11
       |
     2 | threads = 9
       |           ^
     cure: declare the range: `.threads(2..=9)`, or `threads = \"2..9\"`"
    );
    assert_eq!(sim.snapshot().stage("price").unwrap().threads, 5);
}

// ---- what is wrong

#[test]
fn five_mistakes_are_five_findings_before_any_thread() {
    let config = toml(
        "[pipeline.orders.stage.prise]
threads = 4

[pipeline.orders.stage.price]
thredas = \"2..8\"
queue = { events = \"many\", max_age = \"250\" }
threads = \"8..2\"
",
    );
    assert_eq!(
        orders(&config).start().unwrap_err().to_string(),
        "pipeline `orders` cannot start: 5 findings
  1. there is no key `stage.price.thredas`
      --> seda.toml:5:1
       |
     5 | thredas = \"2..8\"
       | ^^^^^^^
     cure: did you mean `threads`?
  2. `stage.price.queue.events` cannot be `\"many\"`
      --> seda.toml:6:20
       |
     6 | queue = { events = \"many\", max_age = \"250\" }
       |                    ^^^^^^
     cure: give a whole number of events, 1 to 1073741824
  3. `stage.price.queue.max_age` cannot be `\"250\"`: it needs a unit: ns, us, ms, s, min, h, d
      --> seda.toml:6:38
       |
     6 | queue = { events = \"many\", max_age = \"250\" }
       |                                      ^^^^^
     cure: give a time above 0 with its unit, as in `\"250 ms\"`, or `none`
  4. `stage.price.threads` cannot be `\"8..2\"`: the least stands first
      --> seda.toml:7:11
       |
     7 | threads = \"8..2\"
       |           ^^^^^^
     cure: give a number of threads, 1 to 1024, or a range of them, as in `\"2..8\"`
  5. there is no stage `prise`
      --> seda.toml:1:24
       |
     1 | [pipeline.orders.stage.prise]
       |                        ^^^^^
     cure: did you mean `price`?"
    );
}

#[test]
fn a_mistake_in_the_environment_names_its_variable() {
    let config = vars(&[
        ("SEDA__PIPELINE__ORDERS__STAGE__PRICE__THREDAS", "4"),
        ("SEDA__PIPELINE__ORDERS__STAGE__PRISE__THREADS", "4"),
        ("SEDA__PIPELINE__ORDERS__STAGE__PRICE__QUEUE__BYTES", "64"),
        ("SEDA_PIPELINE__ORDERS__METRICS", "true"),
        ("SEDA__STAGE__PRICE__THREADS", "4"),
    ]);
    assert_eq!(
        wrong(&config),
        "  1. the variable `SEDA_PIPELINE__ORDERS__METRICS` has one underscore after `SEDA`, so it would set nothing
     cure: join the parts of the path by two: `SEDA__PIPELINE__..`
  2. `SEDA__PIPELINE__ORDERS__STAGE__PRICE__QUEUE__BYTES` cannot be `64`: it needs a unit: B, kB, KiB, MB, MiB, GB, GiB
     cure: give a size above 0 with its unit, as in `64 MiB`, or `none`
  3. the variable `SEDA__PIPELINE__ORDERS__STAGE__PRICE__THREDAS` ends in `THREDAS`, which is no key of a stage
     cure: did you mean `THREADS`?
  4. the variable `SEDA__STAGE__PRICE__THREADS` names nothing that there is
     cure: its path begins with the pipeline: `..__PIPELINE__NAME__STAGE__NAME__THREADS`
  5. the variable `SEDA__PIPELINE__ORDERS__STAGE__PRISE__THREADS`: there is no stage `PRISE`
     cure: did you mean `PRICE`?"
    );
}

#[test]
fn what_only_the_pipeline_knows_is_found_with_the_lines_of_the_file() {
    let config = toml(
        "[pipeline.orders.stage]
price.queue.bytes = \"1 MiB\"
decode.threads = 4
ship-it = { domain = \"frnot\", limit = 2 }
price.queue.when_full = \"reject\"
",
    );
    assert_eq!(
        wrong(&config),
        "  1. `stage.decode.threads` is set to 4 (seda.toml:3), but the stage runs on the threads of the domain `front`
      --> seda.toml:3:18
       |
     3 | decode.threads = 4
       |                  ^
     cure: set `domain.front.threads`, or `stage.decode.domain = \"own\"`
  2. `stage.price.queue.bytes` is set to 1 MiB (seda.toml:2), but its code does not say what an event weighs
      --> seda.toml:2:21
       |
     2 | price.queue.bytes = \"1 MiB\"
       |                     ^^^^^^^
     cure: add `.weight(|e| ..)` to the stage's handler, with the bytes of `e`
  3. `stage.ship-it.domain` is set to frnot (seda.toml:4), but the code declares no such domain
      --> seda.toml:4:22
       |
     4 | ship-it = { domain = \"frnot\", limit = 2 }
       |                      ^^^^^^^
     cure: did you mean `front`?
  4. `price` rejects when full, and what it refuses of `decode` has nowhere to go
     cure: open an overflow outlet on the edge: `let (out, over) = out.overflow();`"
    );
}

#[test]
fn a_pipeline_that_is_nearly_named_is_found_and_another_one_is_let_be() {
    let beside = "[pipeline.orders]\n[pipeline.billing]\nmetrics = false\n[pipeline.billing.stage.x]\n";
    assert!(Virtual::start(orders(&toml(beside)), 1).is_ok());
    let text = wrong(&toml("[pipeline.billing]\nmetrics = false\n"));
    assert!(text.contains("nothing here is for the pipeline `orders`; the first that is named is `billing`"), "{text}");
    let text = wrong(&toml("[pipeline.order.stage.price]\nthreads = 3\n"));
    assert!(text.contains("there is no pipeline `order`") && text.contains("did you mean `orders`?"), "{text}");
    let text = wrong(&vars(&[("SEDA__PIPELINE__ORDRES__METRICS", "true")]));
    assert!(text.contains("the variable `SEDA__PIPELINE__ORDRES__METRICS`: there is no pipeline `ORDRES`"), "{text}");
    let both = |layers: Layers| layers.toml("seda.toml", "[pipeline.order]\nmetrics = false\n").read();
    assert!(Virtual::start(orders(&both(Layers::new().pipelines(["orders", "order"]))), 1).is_ok());
    let text = wrong(&both(Layers::new().pipelines(["orders", "billing"])));
    assert!(text.contains("there is no pipeline `order`") && text.contains("did you mean `orders`?"), "{text}");
    // What is wrong within another pipeline's table is that one's affair, and `check`'s.
    let other = toml("[pipeline.orders]\n[pipeline.billing]\nmetrics = 5\n");
    assert!(Virtual::start(orders(&other), 1).is_ok());
    assert!(other.check().unwrap_err().to_string().starts_with("the configuration is not right: 1 finding\n"));
}

#[test]
fn what_is_no_toml_or_json_is_said_once_per_line_and_the_rest_is_read() {
    let text = wrong(&toml("[pipeline.orders]\nmetrics = yes\nwatchdog = \"5\"\n"));
    assert_eq!(
        text,
        "  1. `seda.toml` is not TOML here: string values must be quoted, expected literal string
      --> seda.toml:2:11
       |
     2 | metrics = yes
       |           ^^^
     cure: correct the line
  2. `watchdog` cannot be `\"5\"`: it needs a unit: ns, us, ms, s, min, h, d
      --> seda.toml:3:12
       |
     3 | watchdog = \"5\"
       |            ^^^
     cure: give a time above 0 with its unit, as in `\"250 ms\"`"
    );
    let text = wrong(&json("{ \"pipeline\": { \"orders\": { \"metrics\": true, \"metrics\": [1] } },"));
    assert!(text.contains("`seda.json` is not JSON here: "), "{text}");
    let text = wrong(&json("{ \"pipeline\": { \"orders\": { \"metrics\": true, \"metrics\": [1] } } }"));
    assert!(text.contains("`metrics` stands here twice"), "{text}");
    let text = wrong(&json("[]"));
    assert!(text.contains("the whole must be an object"), "{text}");
}

#[test]
fn a_key_at_another_level_and_a_table_in_the_wrong_place_are_told_where_they_belong() {
    let text = wrong(&toml("[pipeline.orders.stage.price]\nmax_age = \"1 s\"\nthreads = { min = 2 }\n[stage.price]\n"));
    for expected in [
        "there is no key `stage.price.max_age`",
        "did you mean `queue.max_age`?",
        "`stage.price.threads` cannot be a table",
        "there is no key `stage` at the top",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    let shared = "[server]\nport = 80\n[pipeline.orders]\nmetrics = false\n";
    assert!(wrong(&toml(shared)).contains("say `.beside_others()`"));
    let config = Layers::new().beside_others().toml("service.toml", shared).read();
    assert_eq!(value(&orders(&config), "metrics"), "false (service.toml:4)");
}

#[test]
fn a_file_that_cannot_be_read_is_one_sentence() {
    let missing = Layers::new().file("no/such/seda.toml").file_if_there("no/such/other.toml").file("seda.yaml").read();
    assert_eq!(
        missing.check().unwrap_err().to_string(),
        "the configuration is not right: 2 findings
  1. the configuration file `no/such/seda.toml` is not there
     cure: create it, or read it with `.file_if_there(..)`
  2. the file `seda.yaml` is neither TOML nor JSON by its name
     cure: name it `.toml` or `.json`"
    );
    assert!(wrong(&missing).contains("is not there"));
}

#[test]
fn two_stages_that_one_variable_may_mean_are_named() {
    let mut p = Pipeline::named("twins");
    let out = p.source("numbers", [1u64]);
    let out = p.then("a-b", out, pass);
    p.end("a_b", out, drop);
    p.configure(&vars(&[("SEDA__PIPELINE__TWINS__STAGE__A_B__BATCH_MAX", "5")]));
    let text = p.start().unwrap_err().to_string();
    assert!(text.contains("`A_B` may be the stage `a-b` or `a_b`"), "{text}");
    assert!(text.contains("set it in a file, where names stand as they are"), "{text}");
}

/// Words that a parser, a deserializer or a library says of itself.
const RAW: [&str; 9] = [
    "invalid type",
    "TOML parse error",
    "missing field",
    "unknown field",
    "unknown variant",
    "ConfigError",
    "ParseError",
    "at line",
    "expected struct",
];

#[test]
fn garbage_is_answered_in_our_words() {
    let words = [
        "[pipeline.orders]",
        "[pipeline",
        "orders",
        "stage",
        ".",
        "=",
        "threads",
        "\"2..8\"",
        "{",
        "}",
        "[",
        "]",
        "\n",
        "\n",
        ",",
        "queue",
        "events",
        "99999999999999999999",
        "-1",
        "nan",
        "1979-05-27",
        "\"",
        "'''",
        "#",
        "\u{0}",
        "é",
        "true",
        "[pipeline.orders.stage.price]",
        "\"pipeline\"",
        ":",
        "null",
        "1e999",
        "max_age",
        "0x1F",
        "\\",
        "\t",
        "\r",
    ];
    let mut state = 42u64;
    for _ in 0..3000 {
        let mut text = String::new();
        for _ in 0..20 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(words[(state >> 33) as usize % words.len()]);
            text.push_str(if state & (1 << 40) == 0 { " " } else { "" });
        }
        for config in [toml(&text), json(&text), vars(&[("SEDA__PIPELINE__ORDERS__WATCHDOG", &text.replace('\0', ""))])]
        {
            let Err(error) = orders(&config).start().map(drop) else { continue };
            let said = error.to_string();
            for line in said.lines().filter(|line| line.trim_start().starts_with(|c: char| c.is_ascii_digit())) {
                let what = line.split('`').step_by(2).collect::<String>();
                let raw = RAW.iter().find(|raw| what.contains(**raw));
                assert!(raw.is_none(), "{raw:?} in {said}\nof {text:?}");
            }
        }
    }
}

// ---- the schema

#[test]
fn the_schema_knows_the_stages_and_domains_of_this_very_pipeline() {
    let schema: serde_json::Value = serde_json::from_str(&orders(&toml("")).schema()).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["additionalProperties"], false);
    let pipeline = &schema["properties"]["pipeline"]["properties"]["orders"];
    let stages = &pipeline["properties"]["stage"];
    assert_eq!(stages["additionalProperties"], false);
    let names: Vec<&str> = stages["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["decode", "price", "ship-it"]);
    let price = &stages["properties"]["price"]["properties"];
    assert_eq!(price["domain"]["enum"], serde_json::json!(["front", "own"]));
    assert_eq!(price["queue"]["additionalProperties"], false);
    assert_eq!(price["threads"]["anyOf"][0]["maximum"], 1024);
    assert_eq!(pipeline["properties"]["trace"]["maximum"], 1);
    assert!(price["queue"]["properties"]["max_age"]["anyOf"][0]["pattern"].as_str().unwrap().contains("|ms|"));
    assert!(price["threads"]["description"].as_str().unwrap().ends_with("stay within; default: 1"));
}

/// As much of a validator as the schema needs: types, closed objects, enumerations, limits. Patterns are left out.
fn fits(schema: &serde_json::Value, value: &serde_json::Value) -> bool {
    if let Some(any) = schema["anyOf"].as_array() {
        return any.iter().any(|one| fits(one, value));
    }
    if let Some(list) = schema["enum"].as_array() {
        return list.contains(value);
    }
    if let Some(only) = schema.get("const") {
        return only == value;
    }
    match schema["type"].as_str().unwrap() {
        "object" => value.as_object().is_some_and(|members| {
            assert_eq!(schema["additionalProperties"], false);
            members.iter().all(|(name, value)| schema["properties"].get(name).is_some_and(|of| fits(of, value)))
        }),
        "integer" => value
            .as_u64()
            .is_some_and(|n| n >= schema["minimum"].as_u64().unwrap() && n <= schema["maximum"].as_u64().unwrap()),
        "number" => value.as_f64().is_some_and(|n| n > 0.0),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        other => panic!("the schema has no {other}"),
    }
}

#[test]
fn the_schema_takes_a_good_file_and_not_a_bad_one() {
    let schema: serde_json::Value = serde_json::from_str(&orders(&toml("")).schema()).unwrap();
    let of = |within: serde_json::Value| serde_json::json!({ "pipeline": { "orders": within } });
    let good = of(serde_json::json!({
        "byte_budget": "none", "metrics": true, "domain": { "front": { "threads": "1..4" } },
        "stage": { "price": { "threads": 3, "queue": { "events": 5, "max_age": "3 s", "when_full": "reject" },
                   "admission": { "policy": "token-bucket", "rate": 0.5, "burst": 1 } } }
    }));
    assert!(fits(&schema, &good));
    orders(&json(&good.to_string())).explain("metrics").unwrap();
    json(&good.to_string()).check().unwrap();
    for bad in [
        serde_json::json!({ "stage": { "prise": {} } }),
        serde_json::json!({ "stage": { "price": { "thredas": 3 } } }),
        serde_json::json!({ "stage": { "price": { "domain": "back" } } }),
        serde_json::json!({ "stage": { "price": { "threads": 2000 } } }),
        serde_json::json!({ "stage": { "price": { "queue": { "when_full": "explode" } } } }),
        serde_json::json!({ "metrics": "yes" }),
        serde_json::json!({ "domain": { "front": 4 } }),
    ] {
        let bad = of(bad);
        assert!(!fits(&schema, &bad), "{bad}");
        assert!(orders(&json(&bad.to_string())).start().is_err(), "{bad}");
    }
}
