//! Figures for Prometheus, rounded where one might be a user: the only crate that names the
//! Prometheus library.
//!
//! - [`Page`]: all figures of a program, as text
//! - [`Counter`]: one figure; [`Counters`], [`Gauges`]: one for each combination of labels
//!
//! ```
//! use snowflake_metrics::Page;
//!
//! let page = Page::new("snowflake");
//! let polls = page.rounded_counters("polls_total", "How many polls came.", &["nat"]);
//! polls.count(&["open"]);
//! assert!(page.text().ends_with("\nsnowflake_polls_total{nat=\"open\"} 8\n"));
//! ```
//!
//! A combination of labels is kept from its first use on, for as long as the page: who counts makes
//! sure that there are not many, and that strangers cannot invent more.

mod figures;
mod number;
mod page;

pub use figures::{Counter, Counters, Gauges, Held, ROUNDED_TO};
pub use number::GoNumber;
pub use page::{CONTENT_TYPE, Page};
