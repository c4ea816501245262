use std::fmt;

/// A value as Go's Prometheus library writes it: the fewest digits that are still this value, with an exponent from a million
/// on and below a ten-thousandth.
///
/// That library has its own words for 0, 1, -1 and what is no finite number; the rest is `strconv`'s format `g` with precision
/// -1, which compares the exponent with 6, however many digits there are.
#[derive(Clone, Copy, Debug)]
pub struct GoNumber(pub f64);

/// Exponents from which, and below which, one is written.
const LARGE: i32 = 6;
const SMALL: i32 = -4;

impl fmt::Display for GoNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.0;
        if value == 0.0 {
            return f.write_str("0");
        }
        if value.is_nan() {
            return f.write_str("NaN");
        }
        if value.is_infinite() {
            return f.write_str(if value > 0.0 { "+Inf" } else { "-Inf" });
        }
        // The fewest digits here as well.
        let scientific = format!("{value:e}");
        let Some((digits, exponent)) = scientific.split_once('e') else { return Err(fmt::Error) };
        match exponent.parse() {
            Ok(exponent) if (SMALL..LARGE).contains(&exponent) => write!(f, "{value}"),
            Ok(exponent) => write!(f, "{digits}e{exponent:+03}"),
            Err(_) => Err(fmt::Error),
        }
    }
}

/// A page of the Rust library with its values in Go's form. They are the last words of all lines but comments; line breaks in
/// labels are escaped.
pub(crate) fn in_gos_form(page: &str) -> String {
    let mut written = String::with_capacity(page.len());
    for line in page.split_inclusive('\n') {
        match value_of(line) {
            Some((figure, value)) => written += &format!("{figure} {}\n", GoNumber(value)),
            None => written += line,
        }
    }
    written
}

fn value_of(line: &str) -> Option<(&str, f64)> {
    if line.starts_with('#') {
        return None;
    }
    let (figure, value) = line.strip_suffix('\n')?.rsplit_once(' ')?;
    Some((figure, value.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Go 1.19 prints with `strconv.AppendFloat(nil, value, 'g', -1, 64)`, or its library's own words.
    #[test]
    fn as_go_writes_them() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-1.0, "-1"),
            (8.0, "8"),
            (100.0, "100"),
            (0.5, "0.5"),
            (-2.25, "-2.25"),
            (99_999.0, "99999"),
            (100_000.0, "100000"),
            (123_456.0, "123456"),
            (999_999.0, "999999"),
            (999_999.5, "999999.5"),
            (1_000_000.0, "1e+06"),
            (1_000_008.0, "1.000008e+06"),
            (1_234_560.0, "1.23456e+06"),
            (1_234_568.0, "1.234568e+06"),
            (-1_234_568.0, "-1.234568e+06"),
            (12_345_678.0, "1.2345678e+07"),
            (9_007_199_254_740_992.0, "9.007199254740992e+15"),
            (1e20, "1e+20"),
            (1e21, "1e+21"),
            (1e100, "1e+100"),
            (f64::MAX, "1.7976931348623157e+308"),
            (0.001, "0.001"),
            (0.0001, "0.0001"),
            (0.000_123_45, "0.00012345"),
            (0.000_099, "9.9e-05"),
            (0.000_01, "1e-05"),
            (5e-324, "5e-324"),
            (0.1 + 0.2, "0.30000000000000004"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(GoNumber(value).to_string(), text);
        }
    }

    #[test]
    fn only_values_are_changed() {
        let page = "# HELP s_a_total In 1000000 cases.\n# TYPE s_a_total counter\n\
            s_a_total{x=\"a b 1000000\"} 1000000\ns_a_total{x=\" 2000000\"} 7\ns_b 12345678\ns_c +Inf\n";
        let expected = "# HELP s_a_total In 1000000 cases.\n# TYPE s_a_total counter\n\
            s_a_total{x=\"a b 1000000\"} 1e+06\ns_a_total{x=\" 2000000\"} 7\ns_b 1.2345678e+07\ns_c +Inf\n";
        assert_eq!(in_gos_form(page), expected);
    }
}
