//! What is compared: six Envoys that differ in nothing but one filter.

/// One Envoy's filter chain, before the router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    /// No filter, and no access log either: what the second witness costs.
    Bare,
    /// No filter: what every ratio is against.
    NoFilter,
    /// A wasm filter that does nothing: what the runtime costs.
    Noop,
    /// A Lua filter that reads both bodies: what operators know.
    Lua,
    /// Hansard; the record rides on Envoy's access log.
    AccessLog,
    /// Hansard; every part is acknowledged before data passes.
    Acknowledged,
}

impl Variant {
    pub(crate) const ALL: [Self; 6] =
        [Self::Bare, Self::NoFilter, Self::Noop, Self::Lua, Self::AccessLog, Self::Acknowledged];

    /// For files, progress and JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::NoFilter => "no_filter",
            Self::Noop => "noop_wasm",
            Self::Lua => "lua",
            Self::AccessLog => "access_log",
            Self::Acknowledged => "acknowledged",
        }
    }

    /// For the table.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Bare => "no filter, no access log",
            Self::NoFilter => "no filter",
            Self::Noop => "wasm filter that does nothing",
            Self::Lua => "Lua filter that reads both bodies",
            Self::AccessLog => "Hansard, `access_log`",
            Self::Acknowledged => "**Hansard, `acknowledged`**",
        }
    }

    /// The `record.delivery` of its policy, when it records.
    pub(crate) fn delivery(self) -> Option<&'static str> {
        match self {
            Self::AccessLog => Some("access_log"),
            Self::Acknowledged => Some("acknowledged"),
            Self::Bare | Self::NoFilter | Self::Noop | Self::Lua => None,
        }
    }
}
