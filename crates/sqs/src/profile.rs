//! [`Profile`]: credentials where AWS' own tools keep them, in the environment or in two files.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::{Credentials, CredentialsError, Region, RegionError};

/// The profile that is meant when none is named.
const DEFAULT: &str = "default";

/// Whose requests these are, and where, if that is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// With what to sign.
    pub credentials: Credentials,
    /// Its own region; none of a profile in the environment.
    pub region: Option<Region>,
}

/// What a profile has, as far as it is of use here.
#[derive(Debug, Default, PartialEq, Eq)]
struct Fields {
    access_key: Option<String>,
    secret_key: Option<String>,
    session_token: Option<String>,
    region: Option<String>,
}

impl Profile {
    /// Finds a profile as AWS' libraries do. `get` looks a variable of the environment up.
    ///
    /// One that is named is in the files `~/.aws/credentials` and `~/.aws/config`, or where `AWS_SHARED_CREDENTIALS_FILE`
    /// and `AWS_CONFIG_FILE` say; the first file counts where both say something. Without a name `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN` are it, else the profile called `AWS_PROFILE`, or else `default`.
    /// What the tools get elsewhere, from a login page or the machine's role, is not looked for.
    ///
    /// # Errors
    ///
    /// [`ProfileError`] says what is missing.
    pub fn find(
        name: Option<&str>,
        get: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ProfileError> {
        let get = |variable: &str| get(variable).filter(|value| !value.is_empty());
        if name.is_none()
            && let (Some(key), Some(secret)) =
                (get("AWS_ACCESS_KEY_ID"), get("AWS_SECRET_ACCESS_KEY"))
        {
            let session_token = get("AWS_SESSION_TOKEN");
            let fields = Fields {
                access_key: Some(key),
                secret_key: Some(secret),
                session_token,
                region: None,
            };
            return fields.check("the environment");
        }
        let name =
            name.map_or_else(|| get("AWS_PROFILE").unwrap_or(DEFAULT.to_owned()), str::to_owned);
        let file = |variable, file| {
            get(variable)
                .map(PathBuf::from)
                .or_else(|| Some(Path::new(&get("HOME")?).join(".aws").join(file)))
        };
        let mut fields = Fields::default();
        for path in
            [file("AWS_SHARED_CREDENTIALS_FILE", "credentials"), file("AWS_CONFIG_FILE", "config")]
        {
            let text = path.as_deref().map(read).transpose()?.unwrap_or_default();
            fields.fill_from(&text, &name);
        }
        fields.check(&name)
    }
}

impl Fields {
    /// Takes what is not there yet from the profile's section of a file.
    fn fill_from(&mut self, text: &str, profile: &str) {
        let mut inside = false;
        for line in text.lines() {
            if let Some(section) = line.trim().strip_prefix('[') {
                let section = section.split(']').next().unwrap_or_default();
                // The second file says `[profile x]`, except for the default one.
                let name = section.strip_prefix("profile ").unwrap_or(section);
                inside = name.trim() == profile;
            } else if inside && let Some((key, value)) = line.split_once('=') {
                self.fill(key, value);
            }
        }
    }

    /// One line of a section. An indented key belongs to the one before it, and is none of these.
    fn fill(&mut self, key: &str, value: &str) {
        let field = match key.trim_end().to_ascii_lowercase().as_str() {
            "aws_access_key_id" => &mut self.access_key,
            "aws_secret_access_key" => &mut self.secret_key,
            "aws_session_token" => &mut self.session_token,
            "region" => &mut self.region,
            _ => return,
        };
        // A comment after a value begins with white space.
        let value = [" #", " ;", "\t#", "\t;"]
            .iter()
            .fold(value.trim(), |value, mark| value.split(mark).next().unwrap_or_default());
        let value = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        *field = field.take().or(value);
    }

    fn check(self, profile: &str) -> Result<Profile, ProfileError> {
        let bad = |error| ProfileError::Credentials { profile: profile.to_owned(), error };
        let (Some(access_key), Some(secret_key)) = (self.access_key, self.secret_key) else {
            return Err(ProfileError::Missing { profile: profile.to_owned() });
        };
        let mut credentials = Credentials::new(access_key, secret_key).map_err(bad)?;
        if let Some(token) = self.session_token {
            credentials = credentials.with_session_token(token).map_err(bad)?;
        }
        let region = self.region.map(|region| region.parse()).transpose();
        let region =
            region.map_err(|error| ProfileError::Region { profile: profile.to_owned(), error })?;
        Ok(Profile { credentials, region })
    }
}

/// A file that is not there says nothing.
fn read(path: &Path) -> Result<String, ProfileError> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        result => result.map_err(|error| ProfileError::File { path: path.to_owned(), error }),
    }
}

/// Why there are no credentials.
#[derive(Debug, Error)]
pub enum ProfileError {
    /// A file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// There is no such profile, or it has no key.
    #[error(
        "no aws_access_key_id and aws_secret_access_key for profile {profile:?}: put them into ~/.aws/credentials, or \
         where AWS_SHARED_CREDENTIALS_FILE says; for a single profile, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY \
         will do"
    )]
    Missing {
        /// The profile.
        profile: String,
    },
    /// What is there is no key.
    #[error("the key of {profile}: {error}")]
    Credentials {
        /// The profile.
        profile: String,
        /// What is wrong with it.
        #[source]
        error: CredentialsError,
    },
    /// Its region is none.
    #[error("the region of {profile}: {error}")]
    Region {
        /// The profile.
        profile: String,
        /// What is wrong with it.
        #[source]
        error: RegionError,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "# of two accounts
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key=a/b+c=   # not of the secret

[ second ]
AWS_ACCESS_KEY_ID=AKIASECOND
aws_secret_access_key = #not-a-comment
aws_session_token = token
  region = indented
[half]
aws_access_key_id = AKIAHALF
";
    const CONFIG: &str = "[default]\nregion = eu-west-1\naws_access_key_id = OTHER
[profile second]\nregion = us-west-2\n[profile half]\naws_secret_access_key = rest
[profile lost]\nregion = us east\naws_access_key_id = A\naws_secret_access_key = s\n";

    fn find(
        name: Option<&str>,
        variables: &[(&str, &str)],
    ) -> Result<(String, String, Option<String>, Option<String>), String> {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".aws")).unwrap();
        fs::write(home.path().join(".aws/credentials"), CREDENTIALS).unwrap();
        fs::write(home.path().join(".aws/config"), CONFIG).unwrap();
        let profile = Profile::find(name, |variable| {
            let found = variables.iter().find(|(other, _)| *other == variable);
            match (found, variable) {
                (Some((_, value)), _) => Some((*value).to_owned()),
                (None, "HOME") => Some(home.path().to_str()?.to_owned()),
                _ => None,
            }
        });
        let Profile { credentials, region } = profile.map_err(|error| error.to_string())?;
        let Credentials { access_key, secret_key, session_token } = credentials;
        Ok((access_key, secret_key, session_token, region.map(|region| region.to_string())))
    }

    fn found(
        key: &str,
        secret: &str,
        token: Option<&str>,
        region: Option<&str>,
    ) -> Result<(String, String, Option<String>, Option<String>), String> {
        Ok((key.into(), secret.into(), token.map(Into::into), region.map(Into::into)))
    }

    #[test]
    fn profiles_are_in_two_files() {
        let default = found("AKIADEFAULT", "a/b+c=", None, Some("eu-west-1"));
        assert_eq!(find(None, &[]), default);
        assert_eq!(find(Some("default"), &[]), default);
        let second = found("AKIASECOND", "#not-a-comment", Some("token"), Some("us-west-2"));
        assert_eq!(find(Some("second"), &[]), second);
        assert_eq!(find(None, &[("AWS_PROFILE", "second")]), second);
        assert_eq!(find(Some("half"), &[]), found("AKIAHALF", "rest", None, None));
    }

    #[test]
    fn the_environment_is_a_profile_without_a_name() {
        let variables = [
            ("AWS_ACCESS_KEY_ID", "AKIAENV"),
            ("AWS_SECRET_ACCESS_KEY", "env"),
            ("AWS_SESSION_TOKEN", ""),
        ];
        assert_eq!(find(None, &variables), found("AKIAENV", "env", None, None));
        assert_eq!(find(Some("default"), &variables).unwrap().0, "AKIADEFAULT");
        assert_eq!(find(None, &variables[..1]).unwrap().0, "AKIADEFAULT", "half of it is nothing");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let missing = find(Some("other"), &[]).unwrap_err();
        assert!(
            missing.contains("profile \"other\": put them into ~/.aws/credentials"),
            "{missing}"
        );
        let elsewhere = [("AWS_CONFIG_FILE", "/nowhere")];
        assert!(find(Some("half"), &elsewhere).unwrap_err().contains("profile \"half\""));
        let unreadable = find(None, &[("AWS_CONFIG_FILE", "/")]).unwrap_err();
        assert!(unreadable.starts_with("cannot read /: "), "{unreadable}");
        let region = find(Some("lost"), &[]).unwrap_err();
        assert_eq!(region, "the region of lost: not the name of a region, such as us-east-1");
        let nobody = Profile::find(None, |_| None).unwrap_err().to_string();
        assert!(nobody.contains("profile \"default\""), "{nobody}");
    }
}
