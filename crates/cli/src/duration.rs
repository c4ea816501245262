use std::{fmt, ops::Deref, str::FromStr, time::Duration};

/// The longest duration that Go can hold: `i64::MAX` nanoseconds, about 292 years.
const MAX_NANOS: u128 = i64::MAX as u128;

/// Digits after the point that are looked at; more than nanoseconds of an hour can use.
const MAX_FRACTION_DIGITS: usize = 18;

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// A span of time that is written as in Go: `1h0m0s`, `1.5h`, `300ms`, `0`.
///
/// Units are `ns`, `us` (also `µs`), `ms`, `s`, `m` and `h`; every number needs one, except `0`.
/// Printed in Go's shortest exact form: `90s` becomes `1m30s`.
///
/// ```
/// let interval: snowflake_cli::GoDuration = "1.5h".parse()?;
/// assert_eq!(interval.as_secs(), 5400);
/// assert_eq!(interval.to_string(), "1h30m0s");
/// # Ok::<(), snowflake_cli::DurationError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GoDuration(pub Duration);

/// Why a text is not a [`GoDuration`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// There is nothing, or something that is neither number nor unit.
    #[error("not a duration (write it like 1h30m, 10s or 300ms)")]
    Malformed,
    /// A number stands alone.
    #[error("a unit is missing (h, m, s, ms, us or ns)")]
    MissingUnit,
    /// What follows a number is none of Go's units.
    #[error("unknown unit (use h, m, s, ms, us or ns)")]
    UnknownUnit,
    /// Time does not run backwards here.
    #[error("a duration must not be negative")]
    Negative,
    /// More than 292 years.
    #[error("the duration is too long")]
    TooLong,
}

impl Deref for GoDuration {
    type Target = Duration;

    fn deref(&self) -> &Duration {
        &self.0
    }
}

impl From<GoDuration> for Duration {
    fn from(duration: GoDuration) -> Self {
        duration.0
    }
}

impl FromStr for GoDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        if let Some(absolute) = text.strip_prefix('-') {
            let zero = absolute.parse::<Self>()?.is_zero();
            return if zero { Ok(Self::default()) } else { Err(DurationError::Negative) };
        }
        let mut rest = text.strip_prefix('+').unwrap_or(text);
        if rest == "0" {
            return Ok(Self::default());
        }
        let mut nanos = 0;
        loop {
            let (term, after) = leading_term(rest)?;
            nanos += term;
            if nanos > MAX_NANOS {
                return Err(DurationError::TooLong);
            }
            if after.is_empty() {
                return Ok(Self(from_nanos(nanos)));
            }
            rest = after;
        }
    }
}

/// The nanoseconds of the first number with its unit, and what follows.
fn leading_term(text: &str) -> Result<(u128, &str), DurationError> {
    let (whole, rest) = split_while(text, |c| c.is_ascii_digit());
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => split_while(rest, |c| c.is_ascii_digit()),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(DurationError::Malformed);
    }
    let (unit, rest) = split_while(rest, |c| c != '.' && !c.is_ascii_digit());
    let unit = nanos_per(unit)?;
    let whole = number(whole)?.checked_mul(unit).ok_or(DurationError::TooLong)?;
    let fraction = &fraction[..fraction.len().min(MAX_FRACTION_DIGITS)];
    // Both factors are below 10^19, so the product fits.
    let fraction = number(fraction)? * unit / 10u128.pow(fraction.len() as u32);
    Ok((whole.saturating_add(fraction), rest))
}

fn split_while(text: &str, accept: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !accept(c)).unwrap_or(text.len()))
}

/// A number of decimal digits; none at all are zero.
fn number(digits: &str) -> Result<u128, DurationError> {
    if digits.is_empty() { Ok(0) } else { digits.parse().map_err(|_| DurationError::TooLong) }
}

fn nanos_per(unit: &str) -> Result<u128, DurationError> {
    Ok(match unit {
        "ns" => 1,
        // U+00B5 is the micro sign, U+03BC the Greek letter.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => NANOS_PER_SECOND,
        "m" => 60 * NANOS_PER_SECOND,
        "h" => 3600 * NANOS_PER_SECOND,
        "" => return Err(DurationError::MissingUnit),
        _ => return Err(DurationError::UnknownUnit),
    })
}

fn from_nanos(nanos: u128) -> Duration {
    Duration::new((nanos / NANOS_PER_SECOND) as u64, (nanos % NANOS_PER_SECOND) as u32)
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        if nanos == 0 {
            return f.write_str("0s");
        }
        if nanos < NANOS_PER_SECOND {
            return match nanos {
                1_000_000.. => write_decimal(f, nanos, 6, "ms"),
                1_000.. => write_decimal(f, nanos, 3, "\u{b5}s"),
                _ => write_decimal(f, nanos, 0, "ns"),
            };
        }
        let (minutes, nanos) = (nanos / NANOS_PER_SECOND / 60, nanos % (60 * NANOS_PER_SECOND));
        if minutes >= 60 {
            write!(f, "{}h{}m", minutes / 60, minutes % 60)?;
        } else if minutes > 0 {
            write!(f, "{minutes}m")?;
        }
        write_decimal(f, nanos, 9, "s")
    }
}

/// Writes `value / 10^places` without zeros at the end of the fraction.
fn write_decimal(
    f: &mut fmt::Formatter<'_>,
    value: u128,
    places: usize,
    unit: &str,
) -> fmt::Result {
    let one = 10u128.pow(places as u32);
    write!(f, "{}", value / one)?;
    let fraction = value % one;
    if fraction > 0 {
        let digits = format!("{fraction:0places$}");
        write!(f, ".{}", digits.trim_end_matches('0'))?;
    }
    f.write_str(unit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Result<Duration, DurationError> {
        text.parse::<GoDuration>().map(Duration::from)
    }

    #[test]
    fn what_go_reads() {
        for (text, nanos) in [
            ("0", 0),
            ("-0", 0),
            ("+0", 0),
            ("0s", 0),
            ("5s", 5_000_000_000),
            ("+5s", 5_000_000_000),
            ("1h0m0s", 3_600_000_000_000),
            ("1.5h", 5_400_000_000_000),
            ("300ms", 300_000_000),
            ("1478s", 1_478_000_000_000),
            (".5s", 500_000_000),
            ("5.s", 5_000_000_000),
            ("10ns", 10),
            ("11us", 11_000),
            ("12\u{b5}s", 12_000),
            ("12\u{3bc}s", 12_000),
            ("3h30m", 12_600_000_000_000),
            ("1m0.5s", 60_500_000_000),
            ("0.100000000000000000000h", 360_000_000_000),
            ("9223372036854775807ns", i64::MAX as u64),
            ("2562047h47m16.854775807s", i64::MAX as u64),
        ] {
            assert_eq!(parsed(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn what_go_refuses() {
        use DurationError::*;
        for (text, error) in [
            ("", Malformed),
            ("-", Malformed),
            ("s", Malformed),
            (".", Malformed),
            (".s", Malformed),
            ("1s s", UnknownUnit),
            ("1 s", UnknownUnit),
            ("3", MissingUnit),
            ("1h3", MissingUnit),
            ("1d", UnknownUnit),
            ("1sm", UnknownUnit),
            ("1S", UnknownUnit),
            ("-1s", Negative),
            ("9223372036854775808ns", TooLong),
            ("2562048h", TooLong),
            ("99999999999999999999999999999999999999999999h", TooLong),
            ("300000000000000000000000000000000000000h", TooLong),
        ] {
            assert_eq!(parsed(text), Err(error), "{text}");
        }
    }

    #[test]
    fn printed_as_go_prints() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1\u{b5}s"),
            (2_200_000, "2.2ms"),
            (300_000_000, "300ms"),
            (3_300_000_000, "3.3s"),
            (10_000_000_000, "10s"),
            (60_000_000_000, "1m0s"),
            (245_000_000_000, "4m5s"),
            (245_001_000_000, "4m5.001s"),
            (3_600_000_000_000, "1h0m0s"),
            (18_367_001_000_000, "5h6m7.001s"),
            (8_000_000_000_001, "2h13m20.000000001s"),
            (i64::MAX as u64, "2562047h47m16.854775807s"),
        ] {
            assert_eq!(GoDuration(Duration::from_nanos(nanos)).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn printed_form_reads_back(nanos in 0..=i64::MAX as u64) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parsed(&GoDuration(duration).to_string()), Ok(duration));
        }

        #[test]
        fn any_text_is_taken(text in "[-+0-9.a-z\u{b5} ]{0,60}|\\PC{0,20}") {
            let _ = parsed(&text);
        }
    }
}
