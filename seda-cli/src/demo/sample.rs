//! A folder to serve when none is given: a few pages and pictures, in the system's place for temporary files.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process, thread,
    time::{SystemTime, UNIX_EPOCH},
};

use super::draw::{self, Drawing, PICTURES};

/// Width and height of the pictures: large enough that a thumbnail is some work.
const SIZE: (u32, u32) = (1600, 1000);
const FILES: [(&str, &str); 3] = [
    ("about.html", ABOUT),
    ("stages.txt", "route and cache share a domain; disk and thumb have threads of their own.\n"),
    ("notes/limits.txt", "A path has at most 1024 bytes, a thumbnail at most 2000 pixels in width.\n"),
];
const ABOUT: &str = "<!doctype html><meta charset=utf-8><title>About</title>
<h1>A service made of stages</h1>
<p>Every request is an event. It is offered to <code>route</code>, which judges method and path; <code>cache</code>
answers what was made before; <code>disk</code> reads what was not; <code>thumb</code> draws pictures small. Each stage
has a bounded queue, so under overload a request is refused at once with a reason instead of waiting for ever.
<p><a href=\"/\">Back to the index</a>
";

/// The folder; it is removed when this is dropped.
pub struct Sample {
    path: PathBuf,
}

impl Sample {
    /// Makes it.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn make() -> io::Result<Self> {
        Self::of_size(SIZE)
    }

    /// Makes it, with pictures of that width and height.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn of_size((width, height): (u32, u32)) -> io::Result<Self> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let path = std::env::temp_dir().join(format!("seda-demo-{}-{}", process::id(), since.as_nanos()));
        // Fails if it is there: nobody else's folder is written to, or removed.
        fs::create_dir(&path)?;
        let sample = Sample { path };
        fs::create_dir(sample.path.join("notes"))?;
        FILES.iter().try_for_each(|(name, text)| fs::write(sample.path.join(name), text))?;
        let draw = &|picture: Drawing| draw::write(picture, &sample.path.join(picture.name), (width, height));
        thread::scope(|scope| {
            let drawing = PICTURES.map(|picture| scope.spawn(move || draw(picture)));
            drawing.into_iter().try_for_each(|drawn| drawn.join().unwrap_or_else(|_| Err(io::Error::other("a panic"))))
        })?;
        Ok(sample)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        // Nothing can be done about it here, and the system clears the place some day.
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_has_real_pictures_and_is_gone_at_the_end() {
        let sample = Sample::of_size((32, 20)).expect("a folder for temporary files");
        let path = sample.path().to_path_buf();
        for picture in PICTURES {
            let image = image::open(path.join(picture.name)).expect("a picture");
            assert_eq!((image.width(), image.height()), (32, 20), "{}", picture.name);
        }
        assert!(path.join("notes/limits.txt").is_file());
        drop(sample);
        assert!(!path.exists());
    }
}
