//! The ids that the kernel shows in place of those that have none here (user_namespaces(7)).

use std::fs;

use crate::peer::{GroupId, UserId};

/// What they are unless somebody changed them.
const USUAL: u32 = 65534;

#[derive(Debug, Clone, Copy)]
pub(super) struct Overflow {
    user: u32,
    group: u32,
}

impl Overflow {
    /// Read once: the sandbox may close over the files.
    pub(super) fn of_this_system() -> Self {
        let read = |path| {
            let text = fs::read_to_string(path).unwrap_or_default();
            text.trim().parse().unwrap_or(USUAL)
        };
        Self {
            user: read("/proc/sys/kernel/overflowuid"),
            group: read("/proc/sys/kernel/overflowgid"),
        }
    }

    /// KEY-008: `None` for the overflow id.
    pub(super) fn user(self, number: u32) -> Option<UserId> {
        (number != self.user).then(|| UserId::from_number(number))
    }

    /// KEY-008: `None` for the overflow id.
    pub(super) fn group(self, number: u32) -> Option<GroupId> {
        (number != self.group).then(|| GroupId::from_number(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_008_an_overflow_id_is_nobody() {
        let overflow = Overflow {
            user: 65534,
            group: 70,
        };
        assert_eq!(overflow.user(65534), None);
        assert_eq!(overflow.user(70), Some(UserId::from_number(70)));
        assert_eq!(overflow.group(70), None);
        assert_eq!(overflow.group(0), Some(GroupId::from_number(0)));
    }
}
