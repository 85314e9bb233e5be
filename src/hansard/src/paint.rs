//! Colour, when a person looks: standard output is a terminal and `NO_COLOR` is unset.

use std::env;
use std::fmt::{self, Display};
use std::io::{self, IsTerminal};

/// Whether to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Ansi,
}

impl Paint {
    pub(crate) fn of_stdout() -> Self {
        // https://no-color.org: set, and not empty.
        let unwanted = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if io::stdout().is_terminal() && !unwanted { Self::Ansi } else { Self::Plain }
    }

    pub(crate) fn bold<T: Display>(self, text: T) -> Painted<T> {
        self.with("1", text)
    }

    pub(crate) fn dim<T: Display>(self, text: T) -> Painted<T> {
        self.with("2", text)
    }

    pub(crate) fn red<T: Display>(self, text: T) -> Painted<T> {
        self.with("31", text)
    }

    pub(crate) fn green<T: Display>(self, text: T) -> Painted<T> {
        self.with("32", text)
    }

    pub(crate) fn yellow<T: Display>(self, text: T) -> Painted<T> {
        self.with("33", text)
    }

    pub(crate) fn cyan<T: Display>(self, text: T) -> Painted<T> {
        self.with("36", text)
    }

    /// The colour of an exchange's or session's status.
    pub(crate) fn status(self, status: &str) -> Painted<&str> {
        match status {
            "complete" => self.green(status),
            "open" => self.cyan(status),
            "refused" => self.red(status),
            _ => self.yellow(status),
        }
    }

    fn with<T: Display>(self, code: &'static str, text: T) -> Painted<T> {
        Painted { code: (self == Self::Ansi).then_some(code), text }
    }
}

/// Text in its colour; padding applies to the text alone.
pub(crate) struct Painted<T> {
    code: Option<&'static str>,
    text: T,
}

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => {
                write!(f, "\u{1b}[{code}m")?;
                self.text.fmt(f)?;
                f.write_str("\u{1b}[0m")
            }
            None => self.text.fmt(f),
        }
    }
}
