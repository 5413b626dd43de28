//! News as one line.

use crannog_agent_api::answer::{News, NewsKind};
use jiff::tz::TimeZone;

use crate::person::person;
use crate::sanitise::line;
use crate::{human, person as people};

/// So many changes stand in a line; JSON has them all.
const MOST: usize = 5;

/// `12:03:11  photos  bob (not verified), phone: put beach.jpg`.
pub(crate) fn news_line(news: &News, zone: TimeZone) -> String {
    let mut parts = vec![human::clock(news.time, zone)];
    parts.extend(news.drive.as_deref().map(line));
    parts.push(match who(news) {
        Some(who) => format!("{who}: {}", what(news)),
        None => what(news),
    });
    parts.join("  ")
}

/// Who did it.
pub(crate) fn who(news: &News) -> Option<String> {
    news.author.as_ref().map(person)
}

/// What happened, in one line.
pub(crate) fn what(news: &News) -> String {
    let mut changes: Vec<String> = news
        .changes
        .iter()
        .take(MOST)
        .map(|change| line(change))
        .collect();
    let left = (news.changes.len() as u64).saturating_sub(MOST as u64) + news.more;
    if left > 0 {
        changes.push(format!("and {left} more"));
    }
    let text = if changes.is_empty() {
        plainly(news.kind).to_owned()
    } else {
        changes.join(", ")
    };
    let check = news
        .check
        .as_deref()
        .map(|check| format!(" ({})", line(check)))
        .unwrap_or_default();
    match news.kind {
        NewsKind::Alarm => format!("ALARM{check}: {text}"),
        NewsKind::Refused => format!("refused{check}: {text}"),
        NewsKind::Change | NewsKind::Invite | NewsKind::Members | NewsKind::Removed => text,
    }
}

fn plainly(kind: NewsKind) -> &'static str {
    match kind {
        NewsKind::Change => "something changed",
        NewsKind::Invite => "an invite came (`crannog invites`)",
        NewsKind::Members => "people or roles changed",
        NewsKind::Removed => "you are no longer a member",
        NewsKind::Alarm => "a check failed",
        NewsKind::Refused => "something that was sent to you",
    }
}

/// Worth a notice: what somebody else did, or nobody.
pub(crate) fn is_worth_a_notice(news: &News) -> bool {
    !news.author.as_ref().is_some_and(|author| author.me)
}

/// What kind of thing it was, and whether she is verified who did it: no name of anybody or anything.
pub(crate) fn discreetly(news: &News) -> String {
    let what = match news.kind {
        NewsKind::Change => {
            let number = (news.changes.len() as u64).saturating_add(news.more);
            format!("{} in a share", human::count(number.max(1), "change"))
        }
        kind => plainly(kind).to_owned(),
    };
    match (&news.author, &news.check) {
        (Some(author), _) => format!("{what}, by somebody {}", people::mark(author.verified)),
        (None, Some(check)) => format!("{what} ({})", line(check)),
        (None, None) => what,
    }
}

#[cfg(test)]
mod tests {
    use crannog_agent_api::answer::{News, NewsKind, Person};
    use jiff::tz::TimeZone;

    use super::{discreetly, is_worth_a_notice, news_line};

    fn news(kind: NewsKind, changes: &[&str]) -> News {
        News {
            kind,
            time: 43_391_999,
            drive: Some("photos".into()),
            journal: Some("0b".into()),
            seq: Some(7),
            author: Some(Person {
                name: "bob".into(),
                account: "07".into(),
                device: "phone".into(),
                me: false,
                verified: false,
            }),
            changes: changes.iter().map(|change| (*change).to_owned()).collect(),
            more: 0,
            check: None,
        }
    }

    fn shown(news: &News) -> String {
        news_line(news, TimeZone::UTC)
    }

    #[test]
    fn lines() {
        assert_eq!(
            shown(&news(NewsKind::Change, &["put beach.jpg"])),
            "12:03:11  photos  bob (not verified), phone: put beach.jpg"
        );
        let mut many = news(NewsKind::Change, &["a", "b\n", "c", "d", "e", "f"]);
        many.more = 3;
        assert_eq!(
            shown(&many),
            "12:03:11  photos  bob (not verified), phone: a, b\\n, c, d, e, and 4 more"
        );
        let alarm = News {
            author: None,
            check: Some("CHK-013".into()),
            ..news(NewsKind::Alarm, &["two pasts"])
        };
        assert_eq!(shown(&alarm), "12:03:11  photos  ALARM (CHK-013): two pasts");
        let refused = News {
            author: None,
            drive: None,
            ..news(NewsKind::Refused, &[])
        };
        assert_eq!(
            shown(&refused),
            "12:03:11  refused: something that was sent to you"
        );
    }

    #[test]
    fn notices_are_about_others() {
        let mut others = news(NewsKind::Change, &["put a", "put b"]);
        assert!(is_worth_a_notice(&others));
        assert_eq!(
            discreetly(&others),
            "2 changes in a share, by somebody not verified"
        );
        others.kind = NewsKind::Invite;
        assert_eq!(
            discreetly(&others),
            "an invite came (`crannog invites`), by somebody not verified"
        );
        if let Some(author) = &mut others.author {
            author.me = true;
        }
        assert!(!is_worth_a_notice(&others));
        let alarm = News {
            author: None,
            check: Some("CHK-013".into()),
            ..news(NewsKind::Alarm, &["two pasts of photos"])
        };
        assert!(is_worth_a_notice(&alarm));
        assert_eq!(discreetly(&alarm), "a check failed (CHK-013)");
    }
}
