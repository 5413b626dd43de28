//! People as they are shown everywhere: never without saying whether somebody verified them.

use crannog_agent_api::answer::Person;

use crate::sanitise::line;

/// `bob (not verified), phone`; `you, laptop`.
pub(crate) fn person(person: &Person) -> String {
    let who = if person.me {
        "you".to_owned()
    } else {
        format!("{} ({})", line(&person.name), mark(person.verified))
    };
    match person.device.as_str() {
        "" => who,
        device => format!("{who}, {}", line(device)),
    }
}

/// Did somebody verify her root?
pub(crate) fn mark(verified: bool) -> &'static str {
    if verified { "verified" } else { "not verified" }
}

/// Her ten words, and what to do with them.
pub(crate) fn words(name: &str, words: &str, verified: bool) -> String {
    let advice = if verified {
        "verified\n"
    } else {
        "not verified: compare the words with her\n"
    };
    format!("{}'s words: {}\n{advice}", line(name), line(words))
}

#[cfg(test)]
mod tests {
    use crannog_agent_api::answer::Person;

    use super::{person, words};

    #[test]
    fn people() {
        let bob = Person {
            name: "bob\x1b".into(),
            account: "07".into(),
            device: "pho\nne".into(),
            me: false,
            verified: false,
        };
        assert_eq!(person(&bob), "bob\\u{1b} (not verified), pho\\nne");
        let bob = Person {
            device: String::new(),
            verified: true,
            ..bob
        };
        assert_eq!(person(&bob), "bob\\u{1b} (verified)");
        assert_eq!(person(&Person { me: true, ..bob }), "you");
    }

    #[test]
    fn words_come_with_advice() {
        assert_eq!(
            words("bob", "one two", false),
            "bob's words: one two\nnot verified: compare the words with her\n"
        );
        assert_eq!(words("bob", "one two", true), "bob's words: one two\nverified\n");
    }
}
