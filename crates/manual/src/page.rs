//! Man pages in roff: what the flags say, and then the sections that clap does not know.

use std::io;

use clap_mangen::Man;
use time::Date;

use crate::Manual;

/// How flags are written, which is no matter of a single one.
const FLAG_SYNTAX: &str = include_str!("../sections/flag-syntax.man");

/// What the programs have in common at their ends.
const EXIT_STATUS: &str = include_str!("../sections/exit-status.man");

/// The heading above all flags.
const OPTIONS: &str = ".SH OPTIONS\n";

impl Manual {
    /// The man page, which says that it is of that day.
    ///
    /// # Errors
    ///
    /// None that is known of: text is written to memory.
    pub fn page(&self, day: Date) -> io::Result<String> {
        let mut flags = Vec::new();
        self.man(day).render(&mut flags)?;
        let flags = String::from_utf8(flags).map_err(io::Error::other)?;
        let flags = flags.replacen(OPTIONS, &[OPTIONS, FLAG_SYNTAX].concat(), 1);
        let flags = self.with_groups(flags);
        Ok([flags.as_str(), EXIT_STATUS, self.sections].concat())
    }

    fn man(&self, day: Date) -> Man {
        let mut command = self.command.clone();
        // clap_mangen would list every flag.
        let usage = command.render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ").to_owned();
        Man::new(command.override_usage(usage))
            .title(self.program.name.to_uppercase())
            .date(day.to_string())
            .source(self.program.to_string())
            .manual("Snowflake")
    }

    /// The groups of flags become parts of the options; clap_mangen makes a section of each.
    fn with_groups(&self, page: String) -> String {
        let groups = self.command.get_arguments().filter_map(|flag| flag.get_help_heading());
        groups.fold(page, |page, group| {
            page.replace(&heading("SH", &group.to_uppercase()), &heading("SS", group))
        })
    }
}

fn heading(request: &str, text: &str) -> String {
    let quote = if text.contains(' ') { "\"" } else { "" };
    format!(".{request} {quote}{text}{quote}\n")
}
