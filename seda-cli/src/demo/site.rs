//! The folder that is served: looked up in the cache, read from disk, drawn small. Each step is a method, and knows
//! nothing of stages: `stages` runs each in its own, `plain` calls them one after another.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read as _},
    path::{Path, PathBuf},
    time::Instant,
};

use hyper::{StatusCode, body::Bytes};

use super::{
    cache::{Cache, Look, Version},
    index,
    page::{Media, Page},
    route::Wanted,
    thumb::{self, Picture},
};

/// Largest file that is served, in bytes: it is held in memory as a whole.
const FILE_MAX_BYTES: u64 = 32 << 20;
/// Bound of the cache, in bytes.
const CACHE_BYTES: usize = 64 << 20;

/// A folder and the cache of its pages.
pub struct Site {
    /// Without links and dots, so that what lies inside can be told by its beginning.
    root: PathBuf,
    cache: Cache,
}

/// Wanted, and not in the cache.
#[derive(Debug)]
pub struct Miss {
    /// What.
    pub wanted: Wanted,
    /// Version of the page that the cache has.
    pub known: Option<Version>,
}

impl Miss {
    /// A thumbnail is wanted.
    pub fn is_thumb(&self) -> bool {
        self.wanted.width.is_some()
    }
}

/// What the disk gave.
#[derive(Debug)]
pub enum Read {
    /// An answer.
    Page(Page),
    /// A picture of which a thumbnail is wanted.
    Picture(Picture),
}

impl Site {
    /// Serves a folder.
    ///
    /// # Errors
    /// If it is not there, or is not a folder.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Self::with_cache(folder, CACHE_BYTES)
    }

    /// Serves a folder, with a cache of at most so many bytes.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn with_cache(folder: &Path, bytes_max: usize) -> io::Result<Self> {
        let root = folder.canonicalize()?;
        // Says now, and not at the first request, if it cannot be listed.
        fs::read_dir(&root)?;
        Ok(Site { root, cache: Cache::new(bytes_max) })
    }

    /// The cache.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// From the cache, or what the disk has to be asked for.
    ///
    /// # Errors
    /// The miss.
    pub fn look(&self, wanted: Wanted) -> Result<Page, Miss> {
        match self.cache.look(&wanted, Instant::now()) {
            Look::Hit(page) => Ok(page),
            Look::Stale(version) => Err(Miss { wanted, known: Some(version) }),
            Look::Miss => Err(Miss { wanted, known: None }),
        }
    }

    /// From disk; blocks.
    pub fn read(&self, miss: Miss) -> Read {
        let name = &miss.wanted.name;
        let answer = match (name.is_empty() || name.ends_with('/'), miss.wanted.width) {
            (true, None) => self.index(name).map(Read::Page),
            (true, Some(_)) => Err(Page::says(StatusCode::BAD_REQUEST, "a thumbnail is of a file, not of a folder")),
            (false, _) => self.file(&miss),
        };
        answer.unwrap_or_else(|page| {
            self.cache.forget(&miss.wanted);
            Read::Page(page)
        })
    }

    /// The thumbnail of a picture; takes processor time.
    pub fn draw(&self, picture: Picture) -> Page {
        let page = thumb::draw(&picture);
        if page.status == StatusCode::OK {
            self.cache.keep(picture.wanted, &page, picture.version, Instant::now());
        }
        page
    }

    fn index(&self, name: &str) -> Result<Page, Page> {
        let (path, about) = self.locate(name)?;
        if !about.is_dir() {
            return Err(no_such(name));
        }
        index::of(&path, name).map_err(|why| failed(name, &why))
    }

    fn file(&self, miss: &Miss) -> Result<Read, Page> {
        let name = &miss.wanted.name;
        let (path, about) = self.locate(name)?;
        let version = Version { modified: about.modified().ok(), len: about.len() };
        if miss.known == Some(version)
            && let Some(page) = self.cache.of_version(&miss.wanted, version)
        {
            return Ok(Read::Page(page));
        }
        if about.is_dir() {
            return Err(Page::says(StatusCode::NOT_FOUND, format!("{name} is a folder; its index is at /{name}/")));
        }
        let bytes = read(&path, &about, name)?;
        let wanted = miss.wanted.clone();
        if wanted.width.is_some() {
            return Ok(Read::Picture(Picture { wanted, version, bytes }));
        }
        let page = Page::found(Media::of_name(name), bytes);
        self.cache.keep(wanted, &page, version, Instant::now());
        Ok(Read::Page(page))
    }

    /// Where a name leads, links followed. Hidden files are not there for anybody, and neither is what lies outside.
    fn locate(&self, name: &str) -> Result<(PathBuf, Metadata), Page> {
        if name.split('/').any(|part| part.starts_with('.')) {
            return Err(no_such(name));
        }
        let path = self.root.join(name).canonicalize().map_err(|why| failed(name, &why))?;
        if !path.starts_with(&self.root) {
            return Err(Page::says(StatusCode::FORBIDDEN, format!("{name} leads outside the folder")));
        }
        let about = fs::metadata(&path).map_err(|why| failed(name, &why))?;
        Ok((path, about))
    }
}

fn read(path: &Path, about: &Metadata, name: &str) -> Result<Bytes, Page> {
    // Pipes and devices are not opened: that alone can block for ever.
    if !about.is_file() {
        return Err(Page::says(StatusCode::FORBIDDEN, format!("{name} is not a plain file")));
    }
    if about.len() > FILE_MAX_BYTES {
        return Err(too_long(name));
    }
    let mut bytes = Vec::with_capacity(about.len() as usize);
    // One byte over the bound tells of a file that has grown beyond it meanwhile.
    let file = File::open(path).map_err(|why| failed(name, &why))?;
    file.take(FILE_MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|why| failed(name, &why))?;
    if bytes.len() as u64 > FILE_MAX_BYTES { Err(too_long(name)) } else { Ok(bytes.into()) }
}

fn too_long(name: &str) -> Page {
    let sentence = format!("{name} is longer than {} MiB, the most that is served", FILE_MAX_BYTES >> 20);
    Page::says(StatusCode::FORBIDDEN, sentence)
}

fn no_such(name: &str) -> Page {
    Page::says(StatusCode::NOT_FOUND, format!("there is no {name}"))
}

fn failed(name: &str, why: &io::Error) -> Page {
    use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound, PermissionDenied};
    match why.kind() {
        NotFound | NotADirectory | InvalidFilename => no_such(name),
        PermissionDenied => Page::says(StatusCode::FORBIDDEN, format!("{name} may not be read")),
        _ => Page::says(StatusCode::INTERNAL_SERVER_ERROR, format!("{name} cannot be read: {why}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::sample::Sample;

    fn site() -> (Sample, Site) {
        let folder = Sample::of_size((4, 4)).expect("a folder for temporary files");
        let site = Site::open(folder.path()).expect("the folder was just made");
        (folder, site)
    }

    fn wanted() -> Wanted {
        Wanted { name: "stages.txt".into(), width: None }
    }

    fn page(read: Read) -> Page {
        match read {
            Read::Page(page) => page,
            Read::Picture(picture) => panic!("no page, but {picture:?}"),
        }
    }

    /// As it is asked for again when its page is stale.
    fn again(site: &Site) -> Page {
        let about = fs::metadata(site.root.join("stages.txt"));
        let known = about.ok().map(|about| Version { modified: about.modified().ok(), len: about.len() });
        page(site.read(Miss { wanted: wanted(), known }))
    }

    #[test]
    fn a_stale_page_is_served_again_while_its_file_is_as_it_was() {
        let (_folder, site) = site();
        let first = page(site.read(Miss { wanted: wanted(), known: None }));
        // The very same bytes in memory: nothing was read.
        assert_eq!(again(&site).body.as_ptr(), first.body.as_ptr());
    }

    #[test]
    fn a_changed_file_is_read_anew_and_a_removed_one_leaves_the_cache() {
        let (folder, site) = site();
        page(site.read(Miss { wanted: wanted(), known: None }));
        fs::write(folder.path().join("stages.txt"), "new").expect("a file of ours");
        assert_eq!(again(&site).body, "new");
        fs::remove_file(folder.path().join("stages.txt")).expect("a file of ours");
        assert_eq!(again(&site).status, StatusCode::NOT_FOUND);
        assert_eq!(site.cache().size(), (0, 0));
    }

    #[test]
    fn a_file_too_long_to_hold_and_a_pipe_are_refused_unread() {
        let (folder, site) = site();
        let long = File::create(folder.path().join("stages.txt")).expect("a file of ours");
        long.set_len(FILE_MAX_BYTES + 1).expect("a hole takes no room");
        assert_eq!(again(&site).status, StatusCode::FORBIDDEN);
        let made = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status();
        assert!(made.expect("mkfifo is there").success());
        let pipe = Miss { wanted: Wanted { name: "pipe".into(), width: None }, known: None };
        assert_eq!(page(site.read(pipe)).status, StatusCode::FORBIDDEN);
    }
}
