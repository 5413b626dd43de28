//! What a look at something found.

use serde::{Serialize, Serializer};

use crate::failure::Failure;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) state: State,
    pub(super) object: String,
    pub(super) text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) check: Option<String>,
}

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Ok,
    Warning,
    Broken,
}

impl State {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Broken => "broken",
        }
    }
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Finding {
    pub(super) fn ok(object: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(State::Ok, object, text)
    }

    pub(super) fn warning(object: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(State::Warning, object, text)
    }

    pub(super) fn broken(object: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(State::Broken, object, text)
    }

    /// What could not be done.
    pub(super) fn failed(object: &str, failure: &Failure) -> Self {
        let mut text = failure.message.clone();
        if let Some(hint) = &failure.hint {
            text.push_str(&format!("; {hint}"));
        }
        Self {
            check: failure.check.clone(),
            ..Self::broken(failure.object.as_deref().unwrap_or(object), text)
        }
    }

    #[must_use]
    pub(super) fn check(mut self, check: &str) -> Self {
        self.check = Some(check.to_owned());
        self
    }

    fn new(state: State, object: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            state,
            object: object.into(),
            text: text.into(),
            check: None,
        }
    }
}
