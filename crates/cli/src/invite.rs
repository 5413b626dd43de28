//! What the operator hands over: a server's address and an invite.

use crannog_agent_api::{Code, Failure, Secret};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::ask;

/// How an address begins.
const SCHEME: &str = "crannog://";

/// Server and invite.
#[derive(Debug)]
pub(crate) struct Invitation {
    pub(crate) server: Option<String>,
    pub(crate) invite: Secret,
}

#[derive(Deserialize)]
struct Document {
    invite: Zeroizing<String>,
    server: Option<String>,
}

impl Invitation {
    /// Reads what a person types or pastes at a terminal, of a document as many lines as it has.
    pub(crate) fn ask() -> Result<Self, Failure> {
        let mut text = ask::secret("Invite")?;
        while is_begun(&text.0) {
            let more = ask::secret("Invite, next line")?;
            if more.0.is_empty() {
                break;
            }
            text = Secret(Zeroizing::new(format!("{}\n{}", &*text.0, &*more.0)));
        }
        Self::parse(&text.0)
    }

    /// Reads what `crannogd invite create` prints: JSON with `invite` and `server`, or a line for each, in any order.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        if text.trim_start().starts_with('{') {
            let document: Document = serde_json::from_str(text).map_err(|_| wrong())?;
            return Ok(Self {
                server: document.server,
                invite: Secret(document.invite),
            });
        }
        let (mut server, mut invite) = (None, None);
        for line in text
            .lines()
            .map(|line| strip_label(line.trim()))
            .filter(|line| !line.is_empty())
        {
            let place = if line.starts_with(SCHEME) {
                &mut server
            } else {
                &mut invite
            };
            if place.replace(line.to_owned()).is_some() {
                return Err(wrong());
            }
        }
        Ok(Self {
            server,
            invite: Secret::new(invite.ok_or_else(wrong)?),
        })
    }
}

/// The beginning of a document, and not its end.
fn is_begun(text: &str) -> bool {
    text.trim_start().starts_with('{')
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_err_and(|error| error.is_eof())
}

/// `invite: X` and `server: X` are `X`.
fn strip_label(line: &str) -> &str {
    ["invite:", "server:"]
        .iter()
        .find_map(|label| line.strip_prefix(label))
        .unwrap_or(line)
        .trim()
}

fn wrong() -> Failure {
    Failure::new(Code::Usage, "this is no invite")
        .hint("save what `crannogd invite create --json` printed, as it is")
}

#[cfg(test)]
mod tests {
    use super::{Invitation, is_begun};

    fn parse(text: &str) -> Option<(Option<String>, String)> {
        Invitation::parse(text)
            .ok()
            .map(|found| (found.server, found.invite.0.to_string()))
    }

    #[test]
    fn a_document_of_several_lines_is_pasted_line_by_line() {
        for (text, begun) in [
            ("{", true),
            ("{\"invite\":\"abc\",", true),
            ("{\"invite\":\"abc\"}", false),
            ("{]", false),
            ("abc", false),
            ("", false),
        ] {
            assert_eq!(is_begun(text), begun, "{text}");
        }
    }

    #[test]
    fn all_forms() {
        let both = Some((Some("crannog://h:1#ab".to_owned()), "abc".to_owned()));
        assert_eq!(
            parse(r#"{"invite":"abc","server":"crannog://h:1#ab","uses":1}"#),
            both
        );
        assert_eq!(parse("crannog://h:1#ab\nabc\n"), both);
        assert_eq!(parse("\n abc\r\ncrannog://h:1#ab"), both);
        assert_eq!(parse("invite: abc\nserver: crannog://h:1#ab\n"), both);
        assert_eq!(parse("abc"), Some((None, "abc".to_owned())));
        for wrong in [
            "",
            "crannog://h:1#ab",
            "a\nb",
            "{}",
            "{",
            "crannog://a\ncrannog://b\nx",
        ] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }
}
