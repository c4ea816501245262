//! What flags and a line say about the ways to a broker.

use super::Method;
use crate::Args;
use crate::config::list;
use crate::config_error::{ConfigError, Reason};
use snowflake_cli::CommaList;

/// The numbers that keys of further ways have.
const NUMBERS: std::ops::RangeInclusive<u8> = 2..=4;

/// The ways to a broker that flags and line describe, in the line's order; at least one.
pub(crate) fn methods(args: &Args, line: &snowflake_pt::Args) -> Result<Vec<Method>, ConfigError> {
    let mut methods = vec![Wish::first(args, line).method()?];
    for number in NUMBERS {
        let wish = Wish::numbered(number, line);
        if !wish.is_empty() {
            methods.push(wish.method().map_err(|error| error.with_number(number))?);
        }
    }
    Ok(methods)
}

/// One way, in Go's words.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    url: String,
    fronts: CommaList,
    ampcache: String,
    sqsqueue: String,
    sqscreds: String,
}

impl Wish {
    /// What the line says without a number, and the flags where it says nothing.
    fn first(args: &Args, line: &snowflake_pt::Args) -> Self {
        let of_flags = if args.fronts.is_empty() { &args.front } else { &args.fronts };
        Self::new(line, "", [&args.url, &args.ampcache, &args.sqsqueue, &args.sqscreds], of_flags)
    }

    /// What the line says with this number.
    fn numbered(number: u8, line: &snowflake_pt::Args) -> Self {
        Self::new(line, &number.to_string(), [""; 4], &CommaList::default())
    }

    /// `fronts` of the line, else its `front`, else the others; what is empty changes nothing.
    fn new(
        line: &snowflake_pt::Args,
        number: &str,
        others: [&str; 4],
        other_fronts: &CommaList,
    ) -> Self {
        let of_line = |key: &str| line.get(&format!("{key}{number}"));
        let word = |key: &str, other: &str| {
            of_line(key).filter(|word| !word.is_empty()).unwrap_or(other).to_owned()
        };
        let fronts = of_line("fronts").or_else(|| of_line("front")).map(list);
        let [url, ampcache, sqsqueue, sqscreds] = others;
        Self {
            url: word("url", url),
            fronts: fronts
                .filter(|fronts| !fronts.is_empty())
                .unwrap_or_else(|| other_fronts.clone()),
            ampcache: word("ampcache", ampcache),
            sqsqueue: word("sqsqueue", sqsqueue),
            sqscreds: word("sqscreds", sqscreds),
        }
    }

    fn is_empty(&self) -> bool {
        let words = [&self.url, &self.ampcache, &self.sqsqueue, &self.sqscreds];
        self.fronts.is_empty() && words.iter().all(|word| word.is_empty())
    }

    fn method(&self) -> Result<Method, ConfigError> {
        let fronts: Vec<&str> = self.fronts.iter().map(String::as_str).collect();
        let is_cached = !self.ampcache.is_empty();
        if self.sqsqueue.is_empty() {
            return match is_cached {
                true => Method::amp_cache(&self.url, &self.ampcache, &fronts),
                false => Method::http(&self.url, &fronts),
            };
        }
        if is_cached || !self.url.is_empty() {
            return Err(ConfigError::new("sqsqueue", &self.sqsqueue, Reason::TwoMethods));
        }
        Method::sqs(&self.sqsqueue, &self.sqscreds, &fronts)
    }
}

#[cfg(test)]
mod tests;
