//! What a client of the demo sees.

mod client;
mod house;

use std::{fs, os::unix::fs::symlink};

use house::House;

#[test]
fn a_file_is_read_once_and_then_answered_from_the_cache() {
    let house = House::open();
    let mut client = house.client();
    let (first, second) = (client.get("/about.html"), client.get("/about.html"));
    assert_eq!((first.status, first.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(first.text().contains("A service made of stages"));
    assert_eq!(first.body, second.body);
    assert_eq!((house.offered("route"), house.offered("cache"), house.offered("disk")), (2, 2, 1));
}

#[test]
fn the_index_lists_files_folders_and_thumbnails() {
    let house = House::open();
    let mut client = house.client();
    let index = client.get("/");
    for part in ["href=\"/about.html\"", "href=\"/notes/\"", "src=\"/thumb/plasma.jpg?w=200\""] {
        assert!(index.text().contains(part), "{part} in {}", index.text());
    }
    assert!(client.get("/notes/").text().contains("href=\"/notes/limits.txt\""));
    assert!(client.get("/notes").text().contains("its index is at /notes/"));
}

#[test]
fn what_is_not_there_is_a_404_and_so_is_what_is_hidden() {
    let house = House::open();
    fs::write(house.folder().join(".secret"), "hidden").expect("a file");
    let mut client = house.client();
    for target in [
        "/nothing.txt",
        "/about.html/x",
        "/about.html/",
        "/.secret",
        "/thumb/nothing.png",
        &format!("/{}", "n".repeat(300)),
    ] {
        assert_eq!(client.get(target).status, 404, "{target}");
    }
}

#[test]
fn a_path_that_leads_outside_is_refused_and_never_reaches_the_disk() {
    let house = House::open();
    let mut client = house.client();
    for target in
        ["/../etc/passwd", "/%2e%2e/etc/passwd", "/notes/..%2f..%2fetc/passwd", "//etc/passwd", "/thumb/../sky.png"]
    {
        assert_eq!(client.get(target).status, 400, "{target}");
    }
    assert_eq!((house.offered("route"), house.offered("cache"), house.offered("disk")), (5, 0, 0));
}

#[test]
fn a_link_is_followed_inside_and_refused_outside() {
    let house = House::open();
    symlink("/etc/passwd", house.folder().join("outside.txt")).expect("a link");
    symlink("/etc", house.folder().join("etc")).expect("a link");
    symlink("about.html", house.folder().join("inside.html")).expect("a link");
    let mut client = house.client();
    assert_eq!(client.get("/inside.html").status, 200);
    for target in ["/outside.txt", "/etc/passwd", "/etc/", "/thumb/outside.txt"] {
        let refused = client.get(target);
        assert_eq!(refused.status, 403, "{target}");
        assert!(refused.text().contains("leads outside"), "{}", refused.text());
    }
}

#[test]
fn a_name_is_one_name_however_it_is_written() {
    let house = House::open();
    let mut client = house.client();
    assert_eq!(client.get("/stages.txt").body, client.get("/%73tages.txt?x").body);
    assert_eq!(house.offered("disk"), 1, "the second is from the cache");
}

#[test]
fn only_get_and_head_are_served() {
    let house = House::open();
    let mut client = house.client();
    let head = client.ask("HEAD", "/about.html");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(
        head.header("content-length").map(str::to_string),
        client.get("/about.html").header("content-length").map(str::to_string)
    );
    for method in ["POST", "PUT", "DELETE", "BREW"] {
        let refused = house.client().ask(method, "/about.html");
        assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
}

#[test]
fn a_thumbnail_is_an_image_of_the_width_that_was_asked_for() {
    let house = House::open();
    let mut client = house.client();
    let small = client.get("/thumb/sky.png?w=150");
    assert_eq!((small.status, small.header("content-type")), (200, Some("image/png")));
    let image = image::load_from_memory(&small.body).expect("an image");
    assert_eq!((image.width(), image.height()), (150, 100));
    assert_eq!(client.get("/thumb/sky.png?w=150").body, small.body);
    assert_eq!(house.offered("thumb"), 1, "the second is from the cache");
    assert_eq!(client.get("/thumb/plasma.jpg?w=10").header("content-type"), Some("image/jpeg"));
}

#[test]
fn what_is_not_an_image_is_told_in_a_sentence() {
    let house = House::open();
    for target in ["/thumb/words.png", "/thumb/about.html"] {
        let refused = house.client().get(target);
        assert_eq!(refused.status, 415, "{target}");
        assert!(refused.text().contains("is not an image"), "{}", refused.text());
    }
    assert_eq!(house.client().get("/thumb/notes/").status, 400);
    assert_eq!(house.client().get("/thumb/sky.png?w=9999").status, 400);
}

#[test]
fn what_is_not_http_or_too_long_gets_its_4xx_and_no_stage_hears_of_it() {
    let house = House::open();
    let long = "x".repeat(20_000);
    let requests = [
        ("no request at all\r\n\r\n".to_string(), 400),
        ("GET / HTTP/1.1\r\nbad header\r\n\r\n".to_string(), 400),
        (format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nhost: x\r\nlong: {long}\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(200)), 431),
    ];
    for (request, status) in requests {
        let mut client = house.client();
        client.send(request.as_bytes());
        assert_eq!(client.response(true).status, status, "{}", &request[..request.len().min(40)]);
    }
    assert_eq!((house.served(), house.offered("route")), (0, 0));
    assert_eq!(house.client().get(&format!("/{}", "y".repeat(2000))).status, 414);
    assert_eq!((house.served(), house.offered("route"), house.offered("cache")), (1, 1, 0));
}
