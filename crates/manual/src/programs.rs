//! Which programs there are, and what is said of them beyond their flags.

use clap::{Command, CommandFactory};
use snowflake_cli::Program;

/// One release for all.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A program that has a man page and completions.
#[derive(Debug)]
pub struct Manual {
    /// Its name and version.
    pub program: Program,
    /// Its flags.
    pub command: Command,
    /// The end of its page, in roff.
    pub(crate) sections: &'static str,
}

/// All of them.
pub fn programs() -> Vec<Manual> {
    vec![
        manual::<snowflake_broker::Args>(
            "snowflake-broker",
            include_str!("../sections/snowflake-broker.man"),
        ),
        manual::<snowflake_client::Args>(
            "snowflake-client",
            include_str!("../sections/snowflake-client.man"),
        ),
        manual::<snowflake_distinctcounter::Args>(
            "snowflake-distinctcounter",
            include_str!("../sections/snowflake-distinctcounter.man"),
        ),
        manual::<snowflake_probetest::Args>(
            "snowflake-probetest",
            include_str!("../sections/snowflake-probetest.man"),
        ),
        manual::<snowflake_proxy::Args>(
            "snowflake-proxy",
            include_str!("../sections/snowflake-proxy.man"),
        ),
        manual::<snowflake_server::Args>(
            "snowflake-server",
            include_str!("../sections/snowflake-server.man"),
        ),
        manual::<snowflake_sqscreds::Args>(
            "snowflake-sqscreds",
            include_str!("../sections/snowflake-sqscreds.man"),
        ),
    ]
}

fn manual<T: CommandFactory>(name: &'static str, sections: &'static str) -> Manual {
    let program = Program { name, version: VERSION };
    Manual { program, command: snowflake_cli::command::<T>(program), sections }
}
