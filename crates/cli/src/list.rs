use std::{convert::Infallible, ops::Deref, str::FromStr};

/// Several values in one flag or SOCKS argument, with commas between them.
///
/// Spaces around a value are dropped, and so are empty values: `""` and `","` are empty lists.
///
/// ```
/// let list: snowflake_cli::CommaList = "a.example, b.example,".parse().unwrap();
/// assert_eq!(*list, ["a.example", "b.example"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommaList(Vec<String>);

impl CommaList {
    /// The values as a plain vector.
    pub fn into_vec(self) -> Vec<String> {
        self.0
    }
}

impl Deref for CommaList {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl FromStr for CommaList {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let values = text.split(',').map(str::trim).filter(|value| !value.is_empty());
        Ok(Self(values.map(str::to_owned).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_and_empty_values_do_not_count() {
        let list = |text: &str| text.parse::<CommaList>().unwrap().into_vec();
        assert_eq!(list("stun:a:1,stun:b:2"), ["stun:a:1", "stun:b:2"]);
        assert_eq!(list(" a , ,b,"), ["a", "b"]);
        assert!(list("").is_empty());
        assert!(list(" , ").is_empty());
    }
}
