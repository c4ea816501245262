//! The flags as an operator sees them: which values are refused.

use crate::program::failure;

#[tokio::test]
async fn bad_values_are_named_with_flag_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty").to_str().unwrap().to_owned();
    std::fs::write(&empty, "").unwrap();
    for (flags, flag, value, reason) in [
        (&["-cert=/nowhere", "-key=/nothing"][..], "cert", "/nowhere", "cannot read /nowhere: "),
        (
            &["-cert", &empty, "-key=/nothing"],
            "cert",
            &empty,
            &format!("no certificate in {empty}"),
        ),
    ] {
        let line = failure(flags, "snowflake-127.0.0.1:1", "").await;
        let expected = format!("invalid value {value:?} for flag -{flag}: {reason}");
        assert!(line.starts_with(&format!("SMETHOD-ERROR snowflake {expected}")), "{line}");
    }
}
