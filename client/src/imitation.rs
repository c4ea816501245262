//! Whose handshakes a bridge line wants imitated. This build imitates nobody's: what is wished is said once, and the
//! connection is made all the same.

use snowflake_cli::CovertDtls;

use crate::Args;

/// The longest name that is repeated in a log; Go's longest has 23 characters.
const LONGEST_NAME: usize = 64;

/// What TLS and DTLS should look like, by the words of the bridge line and the flags.
///
/// Names are not checked: they are those of Go's libraries and change with them, and whoever has a newer bridge line is no
/// worse off than with an older one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imitation {
    /// `utls-imitate`: a browser's name, such as `hellorandomizedalpn`; for the TLS connection to the broker.
    pub tls: Option<String>,
    /// `covertdtls-config`, and `covertdtls-fingerprint` if that is there: for DTLS to the proxy.
    pub dtls: Option<CovertDtls>,
}

impl Imitation {
    /// What the line asks for, else the flags. An empty name and `disable` ask for nothing.
    pub fn new(args: &Args, line: &snowflake_pt::Args) -> Self {
        let word = line.get("covertdtls-config").unwrap_or(&args.covertdtls_config);
        let fingerprint =
            line.get("covertdtls-fingerprint").unwrap_or(&args.covertdtls_fingerprint);
        let tls = line.get("utls-imitate").filter(|name| !name.is_empty());
        Self {
            tls: tls.map(|name| name.chars().take(LONGEST_NAME).collect()),
            dtls: CovertDtls::wish(word, fingerprint),
        }
    }

    /// What is wished for and cannot be done, or not understood, a sentence each.
    pub(crate) fn missing(&self) -> impl Iterator<Item = String> {
        let tls = self.tls.iter().map(|name| {
            format!("utls-imitate={name} has no effect in this build; going on without it")
        });
        tls.chain(self.dtls.map(CovertDtls::refusal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snowflake_cli::{Program, parse_from};

    fn missing(flags: &[&str], line: &str) -> Vec<String> {
        let args = parse_from(Program { name: "snowflake-client", version: "0" }, flags);
        let line = snowflake_pt::Args::parse(line).expect("a good line");
        let sentences = Imitation::new(&args.expect("good flags"), &line);
        sentences
            .missing()
            .map(|text| text.split(' ').next().unwrap_or_default().to_owned())
            .collect()
    }

    #[test]
    fn every_name_is_accepted_and_said() {
        for name in [
            "hellorandomizedalpn",
            "hellorandomizednoalpn",
            "hellofirefox_auto",
            "HelloChrome_Auto",
            "helloios_12_1",
            "hellosafari_99",
        ] {
            assert_eq!(
                missing(&[], &format!("utls-imitate={name}")),
                [format!("utls-imitate={name}")]
            );
        }
        assert!(missing(&[], "utls-imitate=;utls-nosni=true").is_empty());
        assert_eq!(
            missing(&[], &format!("utls-imitate={}", "x".repeat(500)))[0].len(),
            13 + LONGEST_NAME
        );
    }

    #[test]
    fn the_words_of_covert_dtls_are_those_of_go() {
        for word in ["mimic", "randomize", "randomizemimic"] {
            let said = [format!("covertdtls-config={word}")];
            assert_eq!(missing(&["-covertdtls-config", word], ""), said);
            assert_eq!(missing(&[], &format!("covertdtls-config={word}")), said);
        }
        let unknown = missing(&[], "covertdtls-config=nonsense");
        assert_eq!(unknown, ["covertdtls-config"], "it is off, and said");
        for off in ["disable", ""] {
            assert!(missing(&["-covertdtls-config", off], "").is_empty());
            let line = format!("covertdtls-config={off}");
            assert!(missing(&["-covertdtls-config", "mimic"], &line).is_empty(), "the line wins");
        }
        assert!(missing(&[], "").is_empty());
        assert_eq!(missing(&["-covertdtls-fingerprint", "16fe"], ""), ["covertdtls-fingerprint"]);
    }
}
