//! Local paths as the agent needs them: absolute, the last name never followed if it is a link.

use std::path::{Component, Path, PathBuf};

use crannog_agent_api::request::PutSource;
use crannog_agent_api::{Code, Failure};

/// Absolute. `..` is resolved on the disk, because the folder before it may be a link.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    let failure = |error: &std::io::Error| local(path, error);
    let whole = std::path::absolute(path).map_err(|error| failure(&error))?;
    let resolved = if !whole.components().any(|part| part == Component::ParentDir) {
        whole
    } else if let (Some(parent), Some(name)) = (whole.parent(), whole.file_name()) {
        parent.canonicalize().map_err(|error| failure(&error))?.join(name)
    } else {
        whole.canonicalize().map_err(|error| failure(&error))?
    };
    if resolved.to_str().is_none() {
        let failure =
            Failure::new(Code::Usage, "this name is not Unicode").object(path.display().to_string());
        return Err(failure.hint("rename the file; names in a drive are Unicode"));
    }
    Ok(resolved)
}

/// A source of `put`: with a slash (or a dot) at its end its contents are meant.
pub(crate) fn source(path: &Path) -> Result<PutSource, Failure> {
    let text = path.as_os_str().as_encoded_bytes();
    let contents = text.ends_with(b"/") || text.ends_with(b"/.") || path.file_name().is_none();
    // Collecting the parts drops the slash.
    let mut path: PathBuf = absolute(path)?.components().collect();
    // The contents of a link to a folder are the folder's.
    if contents && path.is_symlink() && path.is_dir() {
        path = absolute(&path.canonicalize().map_err(|error| local(&path, &error))?)?;
    }
    Ok(PutSource { path, contents })
}

/// The local disk refused.
pub(crate) fn local(object: impl AsRef<Path>, error: &std::io::Error) -> Failure {
    let code = match error.kind() {
        std::io::ErrorKind::NotFound => Code::NotFound,
        _ => Code::LocalIo,
    };
    Failure::new(code, error.to_string()).object(object.as_ref().display().to_string())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use super::{absolute, source};

    #[test]
    fn links_stay_links() {
        let scratch = tempfile::tempdir().unwrap();
        let top = scratch.path().canonicalize().unwrap();
        std::fs::create_dir_all(top.join("real/inner")).unwrap();
        std::os::unix::fs::symlink("real/inner", top.join("link")).unwrap();
        assert_eq!(absolute(&top.join("link")).unwrap(), top.join("link"));
        assert_eq!(absolute(&top.join("link/../x")).unwrap(), top.join("real/x"));
        assert_eq!(absolute(&top.join("link/..")).unwrap(), top.join("real"));
        assert_eq!(
            absolute(Path::new("x")).unwrap(),
            std::env::current_dir().unwrap().join("x")
        );
        assert!(absolute(&top.join("missing/../x")).is_err());
        assert!(absolute(Path::new(OsStr::from_bytes(b"\xff"))).is_err());
    }

    #[test]
    fn contents_of_a_link_are_those_of_its_folder() {
        let scratch = tempfile::tempdir().unwrap();
        let top = scratch.path().canonicalize().unwrap();
        std::fs::create_dir(top.join("real")).unwrap();
        std::os::unix::fs::symlink("real", top.join("link")).unwrap();
        std::os::unix::fs::symlink("nothing", top.join("broken")).unwrap();
        let source = |name: &str| {
            source(Path::new(&format!("{}/{name}", top.display())))
                .unwrap()
                .path
        };
        assert_eq!(source("link"), top.join("link"));
        assert_eq!(source("link/"), top.join("real"));
        assert_eq!(source("broken/"), top.join("broken"));
    }

    #[test]
    fn contents() {
        let contents = |text: &str| {
            source(Path::new(text))
                .map(|source| (source.path, source.contents))
                .unwrap()
        };
        assert_eq!(contents("/etc"), ("/etc".into(), false));
        let (path, slash) = contents("/etc/");
        assert_eq!((path.as_os_str(), slash), (OsStr::new("/etc"), true));
        assert!(contents(".").1 && contents("/etc/.").1 && contents("..").1 && !contents("./x..").1);
    }
}
