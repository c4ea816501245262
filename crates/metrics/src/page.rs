use prometheus::core::Collector;
use prometheus::{IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};

use crate::figures::Rounded;
use crate::number::in_gos_form;
use crate::{Counter, Counters, Gauges};

/// What kind of text [`Page::text`] is, for the header `Content-Type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The figures of a program.
///
/// Each has a name, a line of help and the names of its labels. All of them are constants of the
/// program: the methods panic if one is no name in Prometheus or is used twice.
#[derive(Debug)]
pub struct Page {
    registry: Registry,
}

impl Page {
    /// An empty page; all names on it will begin with `namespace` and `_`.
    ///
    /// # Panics
    /// If the namespace is empty.
    pub fn new(namespace: &str) -> Self {
        let registry = Registry::new_custom(Some(namespace.to_owned()), None);
        Self { registry: registry.expect("a namespace is not empty") }
    }

    /// One counter without labels, shown from the start.
    ///
    /// # Panics
    /// If the names are not as [`Page`] says.
    pub fn counter(&self, name: &str, help: &str) -> Counter {
        let counter = IntCounter::new(name, help).expect(GOOD_NAMES);
        self.add(counter.clone());
        Counter(counter)
    }

    /// Counters that are shown as they are.
    ///
    /// # Panics
    /// If the names are not as [`Page`] says.
    pub fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Counters {
        let counters = counters(name, help, labels);
        self.add(counters.clone());
        Counters(counters)
    }

    /// Counters that are shown rounded up to a multiple of [`ROUNDED_TO`](crate::ROUNDED_TO).
    ///
    /// # Panics
    /// If the names are not as [`Page`] says.
    pub fn rounded_counters(&self, name: &str, help: &str, labels: &[&str]) -> Counters {
        let counters = counters(name, help, labels);
        self.add(Rounded(counters.clone()));
        Counters(counters)
    }

    /// Numbers of things that are there now.
    ///
    /// # Panics
    /// If the names are not as [`Page`] says.
    pub fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Gauges {
        let gauges = IntGaugeVec::new(Opts::new(name, help), labels).expect(GOOD_NAMES);
        self.add(gauges.clone());
        Gauges(gauges)
    }

    /// All figures in Prometheus' text format, in the order of their names and labels, byte for byte as
    /// Go's library writes them. A figure with labels is shown from its first use on.
    pub fn text(&self) -> String {
        let families = self.registry.gather();
        let page = TextEncoder::new().encode_to_string(&families);
        in_gos_form(&page.expect("memory takes all that is written"))
    }

    fn add(&self, figures: impl Collector + 'static) {
        self.registry.register(Box::new(figures)).expect(GOOD_NAMES);
    }
}

const GOOD_NAMES: &str = "names are constants, each of its own";

fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, help), labels).expect(GOOD_NAMES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unused_figure_is_not_shown() {
        let page = Page::new("s");
        let _counters = page.counters("a_total", "A.", &["x"]);
        let _gauges = page.gauges("b", "B.", &["x"]);
        assert_eq!(page.text(), "");
    }

    #[test]
    fn a_counter_without_labels_is_shown_before_its_use() {
        let page = Page::new("s");
        let counter = page.counter("a_total", "A.");
        let shown =
            |value| format!("# HELP s_a_total A.\n# TYPE s_a_total counter\ns_a_total {value}\n");
        assert_eq!(page.text(), shown(0));
        counter.add(7);
        counter.clone().add(2);
        assert_eq!((page.text(), counter.get()), (shown(9), 9));
    }

    #[test]
    fn millions_are_shown_as_go_shows_them() {
        let page = Page::new("s");
        let counter = page.counter("a_total", "A.");
        for (more, shown) in [(999_999, "999999"), (1, "1e+06"), (234_568, "1.234568e+06")] {
            counter.add(more);
            let expected =
                format!("# HELP s_a_total A.\n# TYPE s_a_total counter\ns_a_total {shown}\n");
            assert_eq!(page.text(), expected);
        }
    }

    #[test]
    fn names_and_labels_are_in_order() {
        let page = Page::new("s");
        let gauges = page.gauges("b", "B.", &["z", "a"]);
        let counters = page.counters("a_total", "A.", &["x"]);
        let _held = [gauges.hold(&["1", "2"]), gauges.hold(&["2", "1"]), gauges.hold(&["2", "1"])];
        counters.count(&["\"quoted\"\n"]);
        counters.count(&[""]);
        assert_eq!(
            page.text(),
            "# HELP s_a_total A.\n# TYPE s_a_total counter\n\
             s_a_total{x=\"\"} 1\n\
             s_a_total{x=\"\\\"quoted\\\"\\n\"} 1\n\
             # HELP s_b B.\n# TYPE s_b gauge\n\
             s_b{a=\"1\",z=\"2\"} 2\n\
             s_b{a=\"2\",z=\"1\"} 1\n"
        );
    }

    #[test]
    fn rounding_is_for_the_eye_only() {
        let page = Page::new("s");
        let counters = page.rounded_counters("a_total", "A.", &["x"]);
        for (shown, more) in [(8, 1), (8, 7), (16, 1), (16, 7), (24, 1)] {
            (0..more).for_each(|_| counters.count(&["y"]));
            let line = format!("s_a_total{{x=\"y\"}} {shown}\n");
            assert!(page.text().ends_with(&line), "{}", page.text());
        }
    }

    #[test]
    fn what_is_gone_leaves_a_zero() {
        let page = Page::new("s");
        let gauges = page.gauges("b", "B.", &["x"]);
        let held = [gauges.hold(&["y"]), gauges.hold(&["y"])];
        assert!(page.text().ends_with("s_b{x=\"y\"} 2\n"));
        drop(held);
        assert!(page.text().ends_with("s_b{x=\"y\"} 0\n"));
    }
}
