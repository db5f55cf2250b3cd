//! A service on a free port, over a folder of its own.
#![allow(dead_code, reason = "each test binary uses some of it")]

use std::{fs, net::SocketAddr, path::Path, sync::Arc};

use image::{Rgb, RgbImage};
use seda_cli::demo::{
    http,
    sample::Sample,
    service::{self, Ended, Service},
    stages::{Draw, Sizes},
};
use tokio::runtime::Runtime;

use crate::client::Client;

pub(crate) struct House {
    runtime: Runtime,
    service: Service,
    folder: Sample,
}

impl House {
    pub(crate) fn open() -> Self {
        let (runtime, folder) = (runtime(), folder());
        let service = Service::start(runtime.handle(), folder.path(), 0).expect("a free port");
        House { runtime, service, folder }
    }

    pub(crate) fn with(draw: Draw, sizes: Sizes) -> Self {
        let (runtime, folder) = (runtime(), folder());
        let site = Arc::new(service::open(folder.path()).expect("the folder was just made"));
        let service = Service::start_with(runtime.handle(), site, 0, draw, sizes).expect("a free port");
        House { runtime, service, folder }
    }

    pub(crate) fn client(&self) -> Client {
        Client::to(self.service.address())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.service.address()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn served(&self) -> u64 {
        self.service.served()
    }

    /// Offers to a stage so far.
    pub(crate) fn offered(&self, stage: &str) -> u64 {
        self.service.snapshot().stage(stage).expect("a stage of the demo").counts.offered
    }

    pub(crate) fn close(self) -> Ended {
        self.service.stop()
    }
}

fn runtime() -> Runtime {
    http::runtime().expect("threads")
}

/// The sample in small, and a picture of 300 by 200.
fn folder() -> Sample {
    let folder = Sample::of_size((60, 40)).expect("a folder for temporary files");
    RgbImage::from_fn(300, 200, |x, y| Rgb([x as u8, y as u8, 0]))
        .save(folder.path().join("sky.png"))
        .expect("a picture");
    fs::write(folder.path().join("words.png"), "not an image at all").expect("a file");
    folder
}
