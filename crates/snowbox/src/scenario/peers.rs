//! Our programs, and Go's client and proxy beside them.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::{
    build_programs::Programs,
    error::{BuildError, Error},
    sheet::Sheet,
};

/// Where Debian's package puts them.
const GO_DIRECTORY: &str = "/usr/bin";
pub(super) const OURS: &str = "ours";
pub(super) const GO: &str = "Go";

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Peers {
    /// Our programs, and Go's in the same run.
    Go,
    /// Our programs only.
    Ours,
}

/// Where Go's are.
#[derive(Debug, Clone, Args)]
pub struct GoDirectory {
    /// The directory of Go's `snowflake-client` and `snowflake-proxy`.
    #[arg(long, default_value = GO_DIRECTORY)]
    pub go_dir: PathBuf,
}

impl Peers {
    /// Every chain of programs that is measured, with its name.
    ///
    /// # Errors
    /// When Go's programs are not there.
    pub(super) fn chains(
        self,
        ours: &Programs,
        go: &GoDirectory,
    ) -> Result<Vec<(&'static str, Programs)>, Error> {
        let mut chains = vec![(OURS, ours.clone())];
        if self == Self::Go {
            chains.push((GO, go_programs(ours, &go.go_dir)?));
        }
        Ok(chains)
    }
}

/// Ours, but for client and proxy.
fn go_programs(ours: &Programs, directory: &Path) -> Result<Programs, Error> {
    let file = |name| {
        let file = directory.join(name);
        file.canonicalize().map_err(|_| Error::Build(BuildError::NoFile(file)))
    };
    Ok(Programs {
        client: file("snowflake-client")?,
        proxy: file("snowflake-proxy")?,
        ..ours.clone()
    })
}

/// A row for each of Go's: our median as a multiple of Go's.
pub(super) fn add_ratios(sheet: &mut Sheet) {
    let of_go =
        sheet.rows.iter().filter_map(|row| Some((row.label.strip_prefix(GO)?.to_owned(), row)));
    let ratios: Vec<_> = of_go
        .flat_map(|(case, row)| row.figures.iter().map(move |figure| (case.clone(), figure)))
        .filter_map(|(case, go)| {
            let ours = sheet.figure(&format!("{OURS}{case}"), &go.name)?;
            let ratio = ours.median / go.median;
            ratio.is_finite().then(|| (case, go.name.clone(), go.worse, ratio))
        })
        .collect();
    for (case, name, worse, ratio) in ratios {
        sheet.add(&format!("{OURS} / {GO}{case}"), &name, worse, ratio);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sheet::Worse;

    #[test]
    fn ratios_are_of_medians() {
        let mut sheet = Sheet::new("bench");
        for (chain, values) in [(OURS, [60.0, 30.0, 90.0]), (GO, [5.0, 6.0, 100.0])] {
            for value in values {
                sheet.add(&format!("{chain} download"), "MiB/s", Worse::Lower, value);
            }
            sheet.add(&format!("{chain} download"), "broker CPU ms/MiB", Worse::Higher, 0.0);
        }
        add_ratios(&mut sheet);
        let ratio = |name| sheet.figure("ours / Go download", name).map(|figure| figure.median);
        assert_eq!(ratio("MiB/s"), Some(10.0));
        assert_eq!(ratio("broker CPU ms/MiB"), None, "of nothing there is no part");
    }
}
