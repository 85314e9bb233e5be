//! What is asked: two kinds of exchange, each over one connection and over many.

use clap::ValueEnum;

/// A kind of exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Case {
    /// 2 KB JSON up, 2 KB JSON down.
    Small,
    /// 200 KB JSON up, 300 server-sent events down.
    Large,
}

impl Case {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Large => "large",
        }
    }
}

/// A kind of exchange over so many connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) case: Case,
    pub(crate) connections: usize,
}

impl Cell {
    pub(crate) const MOST_CONNECTIONS: usize = 32;

    pub(crate) const ALL: [Self; 4] = [
        Self { case: Case::Small, connections: 1 },
        Self { case: Case::Small, connections: Self::MOST_CONNECTIONS },
        Self { case: Case::Large, connections: 1 },
        Self { case: Case::Large, connections: Self::MOST_CONNECTIONS },
    ];

    /// The most Envoy CPU per request that Hansard may cost, as a multiple of no filter.
    pub(crate) fn aim(self) -> f64 {
        match (self.case, self.connections) {
            (Case::Small, 1) => 3.0,
            (Case::Small, _) => 2.2,
            (Case::Large, _) => 1.3,
        }
    }

    /// The most that Hansard may add to the time to the first event, milliseconds at p50. Over
    /// many connections that time is the time in queues before busy cores: no aim.
    pub(crate) fn first_event_aim_ms(self) -> Option<f64> {
        (self == Self { case: Case::Large, connections: 1 }).then_some(1.0)
    }

    pub(crate) fn title(self) -> String {
        let connections = if self.connections == 1 { "connection" } else { "connections" };
        format!("{}, {} {connections}", self.case.name(), self.connections)
    }
}
