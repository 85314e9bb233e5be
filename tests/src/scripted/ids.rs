//! The ids of one exchange, all made from its request's number, so that a test which knows one of
//! them knows the others: request 7 answers with `req_01…07`, `msg_01…07` and `toolu_01…0701`.
//!
//! Number 0 is never served: it stands in fixtures, where loading puts the real number.

#[derive(Clone, Copy)]
pub(super) struct Ids {
    pub(super) number: u64,
}

/// What stands in a fixture for [`Ids::message`].
pub(super) const FIXTURE_MESSAGE: &str = "msg_010000000000000000000000";
/// What stands in a fixture for the part of [`Ids::tool`] before the tool's own two digits.
pub(super) const FIXTURE_TOOL: &str = "toolu_0100000000000000000000";

impl Ids {
    pub(super) fn request(self) -> String {
        format!("req_01{:022}", self.number)
    }

    pub(super) fn message(self) -> String {
        format!("msg_01{:022}", self.number)
    }

    /// The id of the message's `nth` tool call, from 1.
    pub(super) fn tool(self, nth: usize) -> String {
        format!("{}{nth:02}", self.tool_stem())
    }

    pub(super) fn tool_stem(self) -> String {
        format!("toolu_01{:020}", self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixtures_carry_number_zero() {
        let zero = Ids { number: 0 };
        assert_eq!(zero.message(), FIXTURE_MESSAGE);
        assert_eq!(zero.tool_stem(), FIXTURE_TOOL);
    }
}
