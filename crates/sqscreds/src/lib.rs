//! Asks for an AWS key, and writes it as `sqscreds=` in bridge lines has it.
//!
//! Questions and results are those of the Go program, on the same outputs.

use std::io::{self, BufRead, Write};

use clap::Parser;
use snowflake_sqs::{Credentials, CredentialsError};
use thiserror::Error;

/// Asks for an AWS access key and its secret key, and writes them as sqscreds= in a bridge line has
/// them.
#[derive(Debug, Parser)]
pub struct Args {}

/// Why there is no result.
#[derive(Debug, Error)]
pub enum AskError {
    /// An answer is missing, or is of more than one word.
    #[error("Error reading {0}: one word is needed")]
    Answer(&'static str),
    /// What was answered is no key.
    #[error("Error encoding credentials: {0}")]
    Key(#[from] CredentialsError),
    /// The terminal is gone.
    #[error("Error reading or writing: {0}")]
    Io(#[from] io::Error),
}

/// Asks on `questions`, reads a line for each from `answers`, and writes the result to `results`.
///
/// # Errors
///
/// [`AskError`], at the first answer that is none.
///
/// ```
/// let (mut questions, mut results) = (Vec::new(), Vec::new());
/// snowflake_sqscreds::ask("AKIAEXAMPLE\nsecretEXAMPLE\n".as_bytes(), &mut questions, &mut results)?;
/// assert_eq!(questions, b"Enter Access Key: Enter Secret Key: ");
/// assert!(results.starts_with(b"\nEncoded Credentials:\neyJ"));
/// # Ok::<(), snowflake_sqscreds::AskError>(())
/// ```
pub fn ask(
    mut answers: impl BufRead,
    mut questions: impl Write,
    mut results: impl Write,
) -> Result<(), AskError> {
    let mut answer_to = |question: &str, what| {
        questions.write_all(question.as_bytes())?;
        questions.flush()?;
        let mut line = String::new();
        answers.read_line(&mut line)?;
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some(word), None) => Ok(word.to_owned()),
            _ => Err(AskError::Answer(what)),
        }
    };
    let access_key = answer_to("Enter Access Key: ", "access key")?;
    let secret_key = answer_to("Enter Secret Key: ", "secret key")?;
    let credentials = Credentials::new(access_key, secret_key)?;
    Ok(writeln!(results, "\nEncoded Credentials:\n{}", credentials.to_sqscreds())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(answers: &str) -> (String, Result<String, String>) {
        let (mut questions, mut results) = (Vec::new(), Vec::new());
        let result = ask(answers.as_bytes(), &mut questions, &mut results);
        let result = result.map(|()| String::from_utf8(results).unwrap());
        (String::from_utf8(questions).unwrap(), result.map_err(|error| error.to_string()))
    }

    #[test]
    fn the_key_comes_out_as_go_writes_it() {
        let (questions, results) = asked("AKIAEXAMPLE\n secretEXAMPLE \n");
        assert_eq!(questions, "Enter Access Key: Enter Secret Key: ");
        let expected = "\nEncoded Credentials:\neyJhd3MtYWNjZXNzLWtleS1pZCI6IkFLSUFFWEFNUExFIiwiYXdzLXNlY3JldC1rZXkiOiJzZWNyZXRFWEFNUExFIn0=\n";
        assert_eq!(results.as_deref(), Ok(expected));
        assert_eq!(asked("AKIAEXAMPLE\nsecretEXAMPLE").1.as_deref(), Ok(expected));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for answers in ["", "\n", "two words\n"] {
            let error = "Error reading access key: one word is needed".to_owned();
            assert_eq!(
                asked(answers),
                ("Enter Access Key: ".to_owned(), Err(error)),
                "{answers:?}"
            );
        }
        let error = "Error reading secret key: one word is needed".to_owned();
        assert_eq!(asked("AKIA\n\n").1, Err(error));
        let error = asked("schlüssel\ns\n").1.unwrap_err();
        assert!(error.starts_with("Error encoding credentials: the access key has"), "{error}");
    }
}
