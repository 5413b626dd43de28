//! The words of a command that takes things from some places to another: sources, then a destination. They are one list for
//! `clap`, so that options may stand between them.

use std::ffi::OsString;

use crannog_agent_api::{Code, Failure, RemotePath};

/// Everything but the last, and the last.
pub(crate) fn split<T>(mut places: Vec<T>) -> Result<(Vec<T>, T), Failure> {
    match places.pop() {
        Some(target) if !places.is_empty() => Ok((places, target)),
        _ => Err(Failure::new(Code::Usage, "a destination is needed")
            .hint("name what, then where to; `crannog help COMMAND` has examples")),
    }
}

/// A word that must be a remote path.
pub(crate) fn remote(word: &OsString) -> Result<RemotePath, Failure> {
    let text = word.to_string_lossy();
    let wrong = || Failure::new(Code::Usage, "this is no remote path").object(text.clone());
    let path = word.to_str().and_then(|text| text.parse().ok());
    path.ok_or_else(|| wrong().hint("write /path or drive:/path"))
}

#[cfg(test)]
mod tests {
    use crannog_agent_api::Code;

    use super::{remote, split};

    #[test]
    fn the_last_is_where_to() {
        assert_eq!(split(vec![1, 2, 3]).unwrap(), (vec![1, 2], 3));
        for few in [vec![], vec![1]] {
            assert_eq!(split(few).unwrap_err().code, Code::Usage);
        }
    }

    #[test]
    fn remote_words() {
        assert_eq!(remote(&"photos:/x".into()).unwrap().to_string(), "photos:/x");
        assert_eq!(remote(&"relative".into()).unwrap_err().code, Code::Usage);
    }
}
