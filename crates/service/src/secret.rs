//! Secrets in files: what stands in the environment shows in listings of processes and containers.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::limits::MAX_SECRET_BYTES;

/// A secret that is not there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its file cannot be read, or holds none.
    #[error("{what} cannot be read from {path}: {source}")]
    File {
        /// What it is.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Neither the value nor a file was given.
    #[error("{what} is missing: set {variable}, or {variable}_FILE to a file that holds it")]
    Missing {
        /// What it is.
        what: &'static str,
        /// The variable that would hold it.
        variable: &'static str,
    },
}

/// The text of a secret's file, without the white space around it.
///
/// # Errors
/// When the file cannot be read, is empty, or is larger than any secret.
pub fn read(what: &'static str, path: &Path) -> Result<String, Error> {
    let read = || {
        let mut text = String::new();
        File::open(path)?
            .take(MAX_SECRET_BYTES + 1)
            .read_to_string(&mut text)?;
        let found = text.trim();
        if found.is_empty() {
            return Err(io::Error::other("the file is empty"));
        }
        if text.len() as u64 > MAX_SECRET_BYTES {
            return Err(io::Error::other("the file is too large for a secret"));
        }
        Ok(found.to_owned())
    };
    read().map_err(|source| Error::File {
        what,
        path: path.to_owned(),
        source,
    })
}

/// The value as it was given, else out of the file that was named instead.
///
/// # Errors
/// As [`read`].
pub fn optional(
    what: &'static str,
    value: Option<String>,
    file: Option<&Path>,
) -> Result<Option<String>, Error> {
    match (value, file) {
        (Some(value), _) => Ok(Some(value)),
        (None, Some(file)) => read(what, file).map(Some),
        (None, None) => Ok(None),
    }
}

/// The same where there must be one. `variable` is what it would be in the environment.
///
/// # Errors
/// As [`read`], and [`Error::Missing`].
pub fn required(
    what: &'static str,
    variable: &'static str,
    value: Option<String>,
    file: Option<&Path>,
) -> Result<String, Error> {
    optional(what, value, file)?.ok_or(Error::Missing { what, variable })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_file(content: &str) -> Result<String, Error> {
        let path = std::env::temp_dir().join(format!("pressrun-secret-{}", uuid::Uuid::now_v7()));
        std::fs::write(&path, content).expect("written");
        let read = required("the key", "KEY", None, Some(&path));
        std::fs::remove_file(&path).expect("removed");
        read
    }

    #[test]
    fn a_file_is_read_without_its_white_space_and_a_value_goes_first() {
        assert_eq!(of_file(" s3cret\n").expect("read"), "s3cret");
        let given = optional("the key", Some("v".to_owned()), Some(Path::new("/nowhere")));
        assert_eq!(given.expect("given"), Some("v".to_owned()));
        assert_eq!(optional("the key", None, None).expect("none"), None);
    }

    #[test]
    fn what_is_no_secret_is_refused_by_name_and_not_shown() {
        let long = "x".repeat(usize::try_from(MAX_SECRET_BYTES).expect("small") + 1);
        for bad in ["", " \n", &long] {
            let text = of_file(bad).expect_err("no secret").to_string();
            assert!(text.contains("the key") && !text.contains("xxx"), "{text}");
        }
        let missing = required("the key", "KEY", None, None).expect_err("missing");
        assert!(missing.to_string().contains("KEY_FILE"), "{missing}");
        let nowhere = read("the key", Path::new("/nowhere")).expect_err("no file");
        assert!(nowhere.to_string().contains("/nowhere"), "{nowhere}");
    }
}
