//! [`TlsChoice`]: what a program's flags want about TLS.

use std::path::Path;

use crate::error::TlsChoiceError;

/// The flags about TLS that the programs have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlsFlags<'a> {
    /// `-disable-tls`.
    pub disable: bool,
    /// Whether `-acme-hostnames` has any.
    pub has_names: bool,
    /// Whether there is an `-acme-email`.
    pub has_email: bool,
    /// `-cert`.
    pub cert: Option<&'a Path>,
    /// `-key`.
    pub key: Option<&'a Path>,
}

/// The one way to serve that was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsChoice<'a> {
    /// Without TLS.
    None,
    /// With a certificate of one's own.
    Files {
        /// Its chain, PEM.
        cert: &'a Path,
        /// Its private key, PEM.
        key: &'a Path,
    },
    /// With certificates from an authority.
    Acme,
}

impl<'a> TlsFlags<'a> {
    /// What the flags want.
    ///
    /// # Errors
    ///
    /// Nothing, half of something, or two things.
    pub fn choice(self) -> Result<TlsChoice<'a>, TlsChoiceError> {
        let has_file = self.cert.is_some() || self.key.is_some();
        if self.disable {
            let more = has_file || self.has_names;
            return if more { Err(TlsChoiceError::TlsOrNot) } else { Ok(TlsChoice::None) };
        }
        if has_file && (self.has_names || self.has_email) {
            return Err(TlsChoiceError::FilesAndAcme);
        }
        match (self.cert.zip(self.key), self.has_names) {
            (Some((cert, key)), _) => Ok(TlsChoice::Files { cert, key }),
            (None, true) => Ok(TlsChoice::Acme),
            (None, false) => Err(TlsChoiceError::Nothing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: TlsFlags<'_> =
        TlsFlags { disable: false, has_names: false, has_email: false, cert: None, key: None };

    #[test]
    fn exactly_one_way_to_serve_must_be_chosen() {
        let (cert, key) = (Some(Path::new("c")), Some(Path::new("k")));
        let files = TlsFlags { cert, key, ..NONE };
        let acme = TlsFlags { has_names: true, ..NONE };
        let plain = TlsFlags { disable: true, ..NONE };
        let (c, k) = (Path::new("c"), Path::new("k"));
        for (flags, choice) in [
            (plain, Ok(TlsChoice::None)),
            (TlsFlags { has_email: true, ..plain }, Ok(TlsChoice::None)),
            (files, Ok(TlsChoice::Files { cert: c, key: k })),
            (acme, Ok(TlsChoice::Acme)),
            (TlsFlags { has_email: true, ..acme }, Ok(TlsChoice::Acme)),
            (NONE, Err(TlsChoiceError::Nothing)),
            (TlsFlags { has_email: true, ..NONE }, Err(TlsChoiceError::Nothing)),
            (TlsFlags { cert, ..NONE }, Err(TlsChoiceError::Nothing)),
            (TlsFlags { key, ..NONE }, Err(TlsChoiceError::Nothing)),
            (TlsFlags { has_names: true, ..files }, Err(TlsChoiceError::FilesAndAcme)),
            (TlsFlags { has_email: true, ..files }, Err(TlsChoiceError::FilesAndAcme)),
            (TlsFlags { key, ..acme }, Err(TlsChoiceError::FilesAndAcme)),
            (TlsFlags { has_names: true, ..plain }, Err(TlsChoiceError::TlsOrNot)),
            (TlsFlags { disable: true, ..files }, Err(TlsChoiceError::TlsOrNot)),
            (TlsFlags { key, ..plain }, Err(TlsChoiceError::TlsOrNot)),
        ] {
            assert_eq!(flags.choice(), choice, "{flags:?}");
        }
    }
}
