/// Reads a truth value in the words of Go's `strconv.ParseBool`.
///
/// For a flag that is on by default: `#[arg(long, value_parser = go_bool, action = ArgAction::Set,
/// default_value_t = true)]`. A plain `bool` flag needs nothing.
///
/// # Errors
///
/// Any other word, other mixtures of case included.
pub fn go_bool(word: &str) -> Result<bool, NotABool> {
    match word {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(NotABool),
    }
}

/// A word that [`go_bool`] does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a truth value (1, t, true, 0, f or false)")]
pub struct NotABool;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_go() {
        for word in ["1", "t", "T", "true", "TRUE", "True"] {
            assert_eq!(go_bool(word), Ok(true), "{word}");
        }
        for word in ["0", "f", "F", "false", "FALSE", "False"] {
            assert_eq!(go_bool(word), Ok(false), "{word}");
        }
        for word in ["", "yes", "tRUE", " true", "2"] {
            assert_eq!(go_bool(word), Err(NotABool), "{word}");
        }
    }
}
