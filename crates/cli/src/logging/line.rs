//! How a line of the log looks: as one of Go's `log` package, because programs read those.

use std::fmt::{self, Write};

use chrono::{DateTime, Local, TimeZone, Utc};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_log::NormalizeEvent;
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// Go's `LstdFlags`.
const SECONDS: &str = "%Y/%m/%d %H:%M:%S";

/// Go's `LstdFlags | Lmicroseconds`.
const MICROSECONDS: &str = "%Y/%m/%d %H:%M:%S%.6f";

/// `2026/08/12 10:00:00 text`, in UTC unless local time is asked for.
///
/// What a program of ours has to say at `info` stands there as Go's programs say it, with nothing between the time and
/// the text. Whatever Go's programs do not say has its level before it: `warning: `, `error: `; and what comes from a
/// library, or is for developers, has its module as well: `debug: snowflake_proxy::poll: `.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GoLine {
    pub(super) local_time: bool,
    pub(super) microseconds: bool,
}

impl<S, N> FormatEvent<S, N> for GoLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        match self.local_time {
            true => self.write_time(&mut writer, &Local::now())?,
            false => self.write_time(&mut writer, &Utc::now())?,
        }
        // What libraries log without tracing says in fields where it comes from.
        let normalized = event.normalized_metadata();
        write_origin(&mut writer, normalized.as_ref().unwrap_or_else(|| event.metadata()))?;
        let mut text = String::new();
        context.format_fields(Writer::new(&mut text), event)?;
        write_on_one_line(&mut writer, &text)?;
        writer.write_char('\n')
    }
}

impl GoLine {
    fn write_time<T: TimeZone>(self, out: &mut impl Write, now: &DateTime<T>) -> fmt::Result
    where
        T::Offset: fmt::Display,
    {
        let form = if self.microseconds { MICROSECONDS } else { SECONDS };
        write!(out, "{} ", now.format(form))
    }
}

fn write_origin(out: &mut impl Write, metadata: &Metadata<'_>) -> fmt::Result {
    let (level, target) = (*metadata.level(), metadata.target());
    let is_ours = target.starts_with(super::OURS);
    match level {
        Level::INFO if is_ours => return Ok(()),
        Level::WARN => out.write_str("warning: ")?,
        Level::ERROR => out.write_str("error: ")?,
        Level::INFO => out.write_str("info: ")?,
        Level::DEBUG => out.write_str("debug: ")?,
        Level::TRACE => out.write_str("trace: ")?,
    }
    if is_ours && level <= Level::WARN { Ok(()) } else { write!(out, "{target}: ") }
}

/// An event is one line, whatever a peer has put into it: nobody writes lines of his own into our log.
fn write_on_one_line(out: &mut impl Write, text: &str) -> fmt::Result {
    for character in text.chars() {
        if character.is_control() {
            write!(out, "{}", character.escape_default())?;
        } else {
            out.write_char(character)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;

    use super::*;

    fn time<T: TimeZone>(line: GoLine, zone: &T) -> String
    where
        T::Offset: fmt::Display,
    {
        let mut out = String::new();
        let moment = DateTime::from_timestamp(1_786_528_800, 7_000).expect("a time");
        line.write_time(&mut out, &moment.with_timezone(zone)).expect("a string takes all");
        out
    }

    #[test]
    fn the_time_is_that_of_gos_log_package() {
        let line = GoLine::default();
        assert_eq!(time(line, &Utc), "2026/08/12 10:00:00 ");
        let india = FixedOffset::east_opt(5 * 3600 + 1800).expect("an offset");
        assert_eq!(time(line, &india), "2026/08/12 15:30:00 ");
        let line = GoLine { microseconds: true, ..line };
        assert_eq!(time(line, &Utc), "2026/08/12 10:00:00.000007 ");
    }

    #[test]
    fn control_characters_are_written_out() {
        let mut out = String::new();
        write_on_one_line(&mut out, "a\n2026/08/12 10:00:00 b\r\t\u{85}↓ é").expect("it takes all");
        assert_eq!(out, "a\\n2026/08/12 10:00:00 b\\r\\t\\u{85}↓ é");
    }
}
