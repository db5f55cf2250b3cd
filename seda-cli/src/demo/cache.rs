//! Pages that were made before, bounded by bytes.
//!
//! What leaves when room is needed is chosen by the clock algorithm (second chance; Corbató 1968): a hand goes round
//! the entries in the order in which they came, spares each one that was used since its last visit, and takes the
//! first that was not. It keeps what is asked for as well as LRU nearly does, and a hit only sets a flag.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use super::{page::Page, route::Wanted};

/// How long a page is served before its file is looked at again.
const FRESH: Duration = Duration::from_secs(2);
/// A page that would take more than this share of the cache is not kept: it would push out all others.
const SHARE_MAX: usize = 8;
/// What an entry takes beside its body: key, page and both places, rounded up.
const ENTRY_BYTES: usize = 256;

/// What tells one state of a file from another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Version {
    /// When it was last written.
    pub modified: Option<SystemTime>,
    /// Its length in bytes.
    pub len: u64,
}

/// What the cache knows of something wanted.
#[derive(PartialEq, Eq, Debug)]
pub enum Look {
    /// Here it is.
    Hit(Page),
    /// There is a page of this version, and it is this asker's turn to see whether the file has changed. Others are
    /// served the old page meanwhile, so that a popular file is not looked at by all at once.
    Stale(Version),
    /// Nothing.
    Miss,
}

/// Pages by what is wanted.
pub struct Cache {
    shelf: Mutex<Shelf>,
    bytes_max: usize,
}

#[derive(Default)]
struct Shelf {
    entries: HashMap<Arc<Wanted>, Entry>,
    /// The order in which the hand meets them.
    ring: VecDeque<Arc<Wanted>>,
    bytes: usize,
}

struct Entry {
    page: Page,
    version: Version,
    checked: Instant,
    used: bool,
}

impl Cache {
    /// An empty cache of at most so many bytes.
    pub fn new(bytes_max: usize) -> Self {
        Cache { shelf: Mutex::default(), bytes_max }
    }

    /// Looks for a page.
    pub fn look(&self, wanted: &Wanted, now: Instant) -> Look {
        match self.shelf().entries.get_mut(wanted) {
            None => Look::Miss,
            Some(entry) if now.saturating_duration_since(entry.checked) > FRESH => {
                entry.checked = now;
                Look::Stale(entry.version)
            }
            Some(entry) => {
                entry.used = true;
                Look::Hit(entry.page.clone())
            }
        }
    }

    /// The page of that version, if it is still here.
    pub fn of_version(&self, wanted: &Wanted, version: Version) -> Option<Page> {
        self.shelf().entries.get(wanted).filter(|entry| entry.version == version).map(|entry| entry.page.clone())
    }

    /// Keeps a page, unless it is too large a share of the cache.
    pub fn keep(&self, wanted: Wanted, page: &Page, version: Version, now: Instant) {
        let (bytes, wanted) = (bytes_of(&wanted, page), Arc::new(wanted));
        let mut shelf = self.shelf();
        shelf.forget(&wanted);
        if bytes > self.bytes_max / SHARE_MAX {
            return;
        }
        shelf.make_room(self.bytes_max - bytes);
        shelf.bytes += bytes;
        shelf.ring.push_back(wanted.clone());
        shelf.entries.insert(wanted, Entry { page: page.clone(), version, checked: now, used: false });
    }

    /// The file is gone, and so is its page.
    pub fn forget(&self, wanted: &Wanted) {
        self.shelf().forget(wanted);
    }

    /// Pages, and bytes that they take.
    pub fn size(&self) -> (usize, usize) {
        let shelf = self.shelf();
        (shelf.entries.len(), shelf.bytes)
    }

    /// A panic in another thread cannot leave the shelf half changed: nothing in here calls foreign code.
    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn make_room(&mut self, bytes_max: usize) {
        while self.bytes > bytes_max {
            let Some(wanted) = self.ring.pop_front() else { return };
            match self.entries.get_mut(&wanted) {
                Some(entry) if entry.used => {
                    entry.used = false;
                    self.ring.push_back(wanted);
                }
                _ => self.take(&wanted),
            }
        }
    }

    fn forget(&mut self, wanted: &Wanted) {
        if self.entries.contains_key(wanted) {
            self.take(wanted);
            self.ring.retain(|other| **other != *wanted);
        }
    }

    fn take(&mut self, wanted: &Wanted) {
        if let Some(entry) = self.entries.remove(wanted) {
            self.bytes -= bytes_of(wanted, &entry.page);
        }
    }
}

fn bytes_of(wanted: &Wanted, page: &Page) -> usize {
    page.body.len() + wanted.name.len() + ENTRY_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::page::Media;

    const VERSION: Version = Version { modified: None, len: 1 };

    fn wanted(name: &str) -> Wanted {
        Wanted { name: name.to_string(), width: None }
    }

    fn page(bytes: usize) -> Page {
        Page::found(Media::Bytes, vec![0; bytes])
    }

    /// Room for exactly eight pages of 743 bytes under names of one letter.
    fn of_eight() -> (Cache, Instant) {
        (Cache::new(8 * 1000), Instant::now())
    }

    #[test]
    fn the_bound_holds_and_what_was_used_is_spared() {
        let (cache, now) = of_eight();
        for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
            cache.keep(wanted(name), &page(743), VERSION, now);
        }
        assert_eq!(cache.size(), (8, 8000));
        assert!(matches!(cache.look(&wanted("a"), now), Look::Hit(_)));
        cache.keep(wanted("i"), &page(743), VERSION, now);
        assert_eq!(cache.size(), (8, 8000));
        assert!(matches!(cache.look(&wanted("a"), now), Look::Hit(_)), "used, so spared");
        assert_eq!(cache.look(&wanted("b"), now), Look::Miss, "the first that was not used");
    }

    #[test]
    fn a_page_too_large_for_its_share_is_not_kept_and_pushes_nothing_out() {
        let (cache, now) = of_eight();
        cache.keep(wanted("a"), &page(700), VERSION, now);
        cache.keep(wanted("b"), &page(1000), VERSION, now);
        assert_eq!(cache.look(&wanted("b"), now), Look::Miss);
        assert!(matches!(cache.look(&wanted("a"), now), Look::Hit(_)));
    }

    #[test]
    fn of_many_askers_for_a_stale_page_one_looks_at_the_file() {
        let (cache, now) = of_eight();
        cache.keep(wanted("a"), &page(1), VERSION, now);
        let later = now + FRESH + Duration::from_nanos(1);
        assert_eq!(cache.look(&wanted("a"), later), Look::Stale(VERSION));
        assert!(matches!(cache.look(&wanted("a"), later), Look::Hit(_)));
    }

    #[test]
    fn a_new_page_takes_the_old_ones_place() {
        let (cache, now) = of_eight();
        cache.keep(wanted("a"), &page(1), VERSION, now);
        cache.keep(wanted("a"), &page(2), VERSION, now);
        assert_eq!(cache.size(), (1, bytes_of(&wanted("a"), &page(2))));
        cache.forget(&wanted("a"));
        assert_eq!(cache.size(), (0, 0));
    }
}
