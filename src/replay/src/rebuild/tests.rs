//! Recorded sessions of Claude Code, and each kind of turn by itself.

mod echoes;
mod kinds;
mod recorded;
