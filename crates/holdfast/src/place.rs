//! Where things are: the data folder and the configuration file.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::engine::VOLUMES_NAME;
use crate::failure::{Failure, FailureCode};

/// The folder with policies, beside the configuration file unless that names another.
const POLICIES_NAME: &str = "policies";

/// The data folder and the configuration in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The data folder.
    pub data: PathBuf,
    /// The configuration file, if one was named or exists where one is looked for.
    pub config_file: Option<PathBuf>,
}

/// What decides about places, read from the environment once.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Whether the program runs as root.
    pub is_root: bool,
    /// `$HOME`
    pub home: Option<PathBuf>,
    /// `$XDG_DATA_HOME`
    pub data_home: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME`
    pub config_home: Option<PathBuf>,
}

impl Surroundings {
    /// Those of this process.
    #[must_use]
    pub fn read() -> Self {
        // The XDG specification has relative paths ignored.
        let path = |name| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        Self {
            is_root: rustix::process::geteuid().is_root(),
            home: path("HOME"),
            data_home: path("XDG_DATA_HOME"),
            config_home: path("XDG_CONFIG_HOME"),
        }
    }

    /// The data folder when none is named.
    pub fn default_data(&self) -> Result<PathBuf, Failure> {
        if self.is_root {
            return Ok("/var/lib/holdfast".into());
        }
        let base = self
            .data_home
            .clone()
            .or_else(|| Some(self.home.as_ref()?.join(".local/share")));
        base.map(|base| base.join("holdfast")).ok_or_else(|| {
            Failure::usage("there is no home folder to keep data in").hint("name a data folder with `--data DIR`")
        })
    }

    /// Where a configuration file is looked for when none is named.
    #[must_use]
    pub fn default_config(&self) -> Option<PathBuf> {
        if self.is_root {
            return Some("/etc/holdfast/holdfast.toml".into());
        }
        let base = self
            .config_home
            .clone()
            .or_else(|| Some(self.home.as_ref()?.join(".config")));
        base.map(|base| base.join("holdfast/holdfast.toml"))
    }
}

impl Place {
    /// From what was named and what surrounds the program.
    pub fn resolve(data: Option<&Path>, config: Option<&Path>, around: &Surroundings) -> Result<Self, Failure> {
        let data = match data {
            Some(data) => std::path::absolute(data).map_err(|error| Failure::io("find the working folder", &error))?,
            None => around.default_data()?,
        };
        let config_file = match config {
            Some(file) => Some(file.to_owned()),
            None => around.default_config().filter(|file| file.exists()),
        };
        Ok(Self { data, config_file })
    }

    /// Reads the configuration file, or takes the defaults where there is none.
    pub fn config(&self) -> Result<Config, Failure> {
        let Some(file) = &self.config_file else {
            return Ok(Config::default());
        };
        let mut config = Config::read(file)?;
        let beside = file.parent().map(|folder| folder.join(POLICIES_NAME));
        config.respond.policies = config.respond.policies.or(beside);
        Ok(config)
    }

    /// What is suspicious about a configuration without making it unusable: sections of volumes that don't exist, whose
    /// settings nothing follows. Nothing can be said where the data folder can't be looked into.
    #[must_use]
    pub fn warnings(&self, config: &Config) -> Vec<String> {
        let folder = self.data.join(VOLUMES_NAME);
        if !folder.is_dir() {
            return Vec::new();
        }
        let missing = config.volumes_named().filter(|name| !folder.join(name).exists());
        missing
            .map(|name| {
                format!(
                    "[volume.{name}] names no volume in `{}`: nothing follows it until one of that name is made",
                    self.data.display()
                )
            })
            .collect()
    }

    /// Makes the data folder, for its owner only. One that belongs to another user is refused: files made in it
    /// by root would be out of reach for the daemon that runs as that user.
    pub fn prepare(&self) -> Result<(), Failure> {
        use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
        let shown = self.data.display();
        let failed = |error: std::io::Error| Failure::io(format!("make the data folder `{shown}`"), &error);
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.data)
            .map_err(failed)?;
        let metadata = std::fs::metadata(&self.data).map_err(failed)?;
        let (owner, user) = (metadata.uid(), rustix::process::geteuid().as_raw());
        if owner != user {
            return Err(Failure::refused(format!(
                "the data folder `{shown}` belongs to user `{owner}`, not `{user}`"
            ))
            .hint("start its daemon (then any command works for root too), or run the command as that user"));
        }
        if metadata.permissions().mode() & 0o022 != 0 {
            return Err(
                Failure::refused(format!("others may write to the data folder `{shown}`"))
                    .hint(format!("`chmod 700 {shown}`")),
            );
        }
        Ok(())
    }

    /// A failure of a command that needs a data folder which doesn't exist.
    #[must_use]
    pub fn missing(&self) -> Failure {
        Failure::new(
            FailureCode::NotFound,
            format!("there is no data folder at `{}`", self.data.display()),
        )
        .hint("`holdfast up` makes one; `--data DIR` names another")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> Surroundings {
        Surroundings {
            is_root: false,
            home: Some("/home/u".into()),
            data_home: None,
            config_home: None,
        }
    }

    #[test]
    fn users_and_root_have_places_of_their_own() {
        assert_eq!(user().default_data(), Ok("/home/u/.local/share/holdfast".into()));
        assert_eq!(
            user().default_config(),
            Some("/home/u/.config/holdfast/holdfast.toml".into())
        );
        let root = Surroundings {
            is_root: true,
            ..user()
        };
        assert_eq!(root.default_data(), Ok("/var/lib/holdfast".into()));
        assert_eq!(root.default_config(), Some("/etc/holdfast/holdfast.toml".into()));
        let xdg = Surroundings {
            data_home: Some("/d".into()),
            config_home: Some("/c".into()),
            ..user()
        };
        assert_eq!(xdg.default_data(), Ok("/d/holdfast".into()));
        assert_eq!(xdg.default_config(), Some("/c/holdfast/holdfast.toml".into()));
        assert!(Surroundings::default().default_data().is_err());
    }

    #[test]
    fn what_is_named_is_used() {
        let place = Place::resolve(Some(Path::new("/x")), Some(Path::new("c.toml")), &user()).unwrap();
        assert_eq!(
            place,
            Place {
                data: "/x".into(),
                config_file: Some("c.toml".into())
            }
        );
        let place = Place::resolve(None, None, &user()).unwrap();
        assert_eq!(place.config_file, None);
    }
}
