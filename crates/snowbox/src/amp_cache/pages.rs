//! The pages that the cache has seen lately.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use tokio::time::Instant;

use super::target::Target;

/// How long a page is fresh: the shortest time that Google's cache knows.
const FRESHNESS: Duration = Duration::from_secs(15);

/// Pages kept at once. When full, further ones are fetched each time.
const MAX_PAGES: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Pages(HashMap<Target, (Bytes, Instant)>);

impl Pages {
    /// The page, if it was kept less than 15 s ago.
    pub(super) fn kept(&mut self, target: &Target, now: Instant) -> Option<Bytes> {
        self.0.retain(|_, (_, since)| now.duration_since(*since) < FRESHNESS);
        self.0.get(target).map(|(page, _)| page.clone())
    }

    pub(super) fn keep(&mut self, target: Target, page: Bytes, now: Instant) {
        if self.0.len() < MAX_PAGES {
            self.0.insert(target, (page, now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(path: usize) -> Target {
        Target { tls: false, host: "b.example".to_owned(), path: format!("/{path}") }
    }

    #[test]
    fn a_page_is_kept_for_15_s() {
        let (mut pages, start) = (Pages::default(), Instant::now());
        let page = Bytes::from_static(b"page");
        pages.keep(target(0), page.clone(), start);
        let just_fresh = start + FRESHNESS - Duration::from_nanos(1);
        assert_eq!(pages.kept(&target(0), just_fresh), Some(page));
        assert_eq!(pages.kept(&target(1), just_fresh), None);
        assert_eq!(pages.kept(&target(0), start + FRESHNESS), None);
        assert!(pages.0.is_empty());
    }

    #[test]
    fn there_are_never_more_than_256() {
        let (mut pages, start) = (Pages::default(), Instant::now());
        for path in 0..=MAX_PAGES {
            pages.keep(target(path), Bytes::new(), start);
        }
        assert_eq!(pages.0.len(), MAX_PAGES);
        assert_eq!(pages.kept(&target(MAX_PAGES), start), None);
    }
}
