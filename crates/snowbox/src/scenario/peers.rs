//! Our programs, and Go's beside them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::{
    build_programs::Programs,
    error::{BuildError, Error},
    sheet::Sheet,
};

/// Where Debian's package puts them.
const GO_DIRECTORY: &str = "/usr/bin";
pub(super) const OURS: &str = "ours";
pub(super) const MIXED: &str = "mixed";
pub(super) const GO: &str = "Go";

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Peers {
    /// Our programs, and Go's in the same run.
    Go,
    /// The same, and Go's client with our proxy and server.
    Mixed,
    /// Our programs only.
    Ours,
}

/// Where Go's are.
#[derive(Debug, Clone, Args)]
pub struct GoDirectory {
    /// The directory of Go's `snowflake-client` and `snowflake-proxy`.
    #[arg(long, default_value = GO_DIRECTORY)]
    pub go_dir: PathBuf,
    /// Go's server, for where client and proxy are Go's; ours, if not given.
    #[arg(long, value_name = "PATH")]
    pub go_server: Option<PathBuf>,
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
        if self == Self::Ours {
            return Ok(chains);
        }
        let all_go = go.programs(ours)?;
        if self == Self::Mixed {
            chains.push((MIXED, Programs { client: all_go.client.clone(), ..ours.clone() }));
        }
        chains.push((GO, all_go));
        Ok(chains)
    }
}

impl GoDirectory {
    /// Go's programs, and ours for those it has none for.
    fn programs(&self, ours: &Programs) -> Result<Programs, Error> {
        let server = self.go_server.as_ref().map(|file| existing(file.clone())).transpose()?;
        Ok(Programs {
            client: existing(self.go_dir.join("snowflake-client"))?,
            proxy: existing(self.go_dir.join("snowflake-proxy"))?,
            server: server.unwrap_or_else(|| ours.server.clone()),
            ..ours.clone()
        })
    }
}

fn existing(file: PathBuf) -> Result<PathBuf, Error> {
    file.canonicalize().map_err(|_| Error::Build(BuildError::NoFile(file)))
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
    fn which_programs_each_chain_has() {
        let here = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let file = here.path().canonicalize().unwrap().join(name);
            std::fs::write(&file, "").unwrap();
            file
        };
        let [client, proxy, server] = ["snowflake-client", "snowflake-proxy", "server"].map(file);
        let ours = Programs {
            client: "c".into(),
            proxy: "p".into(),
            server: "s".into(),
            broker: "b".into(),
        };
        let go = GoDirectory { go_dir: here.path().into(), go_server: Some(server.clone()) };
        let chains = Peers::Mixed.chains(&ours, &go).unwrap();
        assert_eq!(chains.iter().map(|(name, _)| *name).collect::<Vec<_>>(), [OURS, MIXED, GO]);
        let files = |at: usize| {
            let programs = &chains[at].1;
            [&programs.client, &programs.proxy, &programs.server, &programs.broker]
        };
        assert_eq!(files(0).map(|file| file.to_str().unwrap()), ["c", "p", "s", "b"]);
        assert_eq!(files(1), [&client, &ours.proxy, &ours.server, &ours.broker]);
        assert_eq!(files(2), [&client, &proxy, &server, &ours.broker]);

        let without = GoDirectory { go_server: None, ..go.clone() };
        assert_eq!(Peers::Go.chains(&ours, &without).unwrap()[1].1.server, ours.server);
        let nowhere = GoDirectory { go_dir: "/nowhere".into(), ..go };
        assert!(Peers::Go.chains(&ours, &nowhere).is_err());
        assert_eq!(Peers::Ours.chains(&ours, &nowhere).unwrap().len(), 1);
    }

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
