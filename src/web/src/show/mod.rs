//! What is shown: values in, markup out. Nothing here reads, decides or remembers.

pub(crate) mod badge;
pub(crate) mod call;
pub(crate) mod diff;
pub(crate) mod files;
pub(crate) mod list;
pub(crate) mod markdown;
pub(crate) mod page;
pub(crate) mod player;
pub(crate) mod raw;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod timeline;
pub(crate) mod turn;
