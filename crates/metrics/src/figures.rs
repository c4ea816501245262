use prometheus::core::{Collector, Desc};
use prometheus::proto::{self, MetricFamily};
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec};

/// What rounded counters are rounded up to, as the Go broker's: who reads them cannot tell one user
/// from seven more.
pub const ROUNDED_TO: u64 = 8;

/// Numbers that only grow, one for each combination of labels.
#[derive(Clone, Debug)]
pub struct Counters(pub(crate) IntCounterVec);

/// A number that only grows, without labels; shown from the start.
#[derive(Clone, Debug)]
pub struct Counter(pub(crate) IntCounter);

/// Numbers of things that are there now, one for each combination of labels.
#[derive(Clone, Debug)]
pub struct Gauges(pub(crate) IntGaugeVec);

/// One thing that is there: counted until it is dropped.
#[derive(Debug)]
#[must_use = "dropped, it is not there any more"]
pub struct Held(IntGauge);

impl Counters {
    /// Counts one.
    ///
    /// # Panics
    /// If there are not as many values as labels.
    pub fn count(&self, labels: &[&str]) {
        self.0.with_label_values(labels).inc();
    }
}

impl Counter {
    /// Counts so many more.
    pub fn add(&self, more: u64) {
        self.0.inc_by(more);
    }

    /// What was counted so far.
    pub fn get(&self) -> u64 {
        self.0.get()
    }
}

impl Gauges {
    /// Counts one thing for as long as the result lives. Afterwards the combination of labels is
    /// still shown, with one less.
    ///
    /// # Panics
    /// If there are not as many values as labels.
    pub fn hold(&self, labels: &[&str]) -> Held {
        let gauge = self.0.with_label_values(labels);
        gauge.inc();
        Held(gauge)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Counts exactly, shows rounded numbers.
pub(crate) struct Rounded(pub(crate) IntCounterVec);

impl Collector for Rounded {
    fn desc(&self) -> Vec<&Desc> {
        self.0.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut families = self.0.collect();
        for metric in families.iter_mut().flat_map(MetricFamily::mut_metric) {
            let step = ROUNDED_TO as f64;
            let mut rounded = proto::Counter::default();
            rounded.set_value((metric.get_counter().get_value() / step).ceil() * step);
            metric.set_counter(rounded);
        }
        families
    }
}
