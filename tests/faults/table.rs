//! What is expected, one row a cell: the fault, the moment at which it strikes, and what the
//! upstream received, the client received and the ledger holds in the end.
//!
//! The words are those of README's table, whose legend explains them. `a/b` is either: whether the
//! last bytes of an Envoy that ends at once still leave it, or of a response that is cut as it
//! comes have been taken, is chance. What must hold in every cell
//! stands in `promises.rs`, not here.

use crate::bench::Kind;
use Action::*;
use Moment::*;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Action {
    SinkKilled,
    SinkFrozen,
    SinkSlow,
    SinkRefusing,
    SinkRestarted,
    DiskFull,
    DiskFullMidCommit,
    NetworkCut,
    AnswerLost,
    EnvoyKilled,
    EnvoyTerminated,
    EnvoyDrained,
    VmPanicked,
    ClientGone,
    UpstreamCut,
}

/// How far the exchange has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moment {
    /// Nothing was sent.
    Before,
    /// The `opened` part is on its way.
    Opened,
    /// The request is upstream, the response has not begun.
    Acknowledged,
    /// Text is with the client, and more is to come.
    Streaming,
    /// The part of a tool call is on its way, the call waits for it.
    ToolHeld,
    /// The `closed` part is on its way, the last event waits for it.
    Closing,
    /// The client has everything.
    After,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) action: Action,
    pub(crate) moment: Moment,
    pub(crate) upstream: &'static str,
    pub(crate) client: &'static str,
    pub(crate) ledger: &'static str,
}

const fn row(
    action: Action,
    moment: Moment,
    upstream: &'static str,
    client: &'static str,
    ledger: &'static str,
) -> Row {
    Row { action, moment, upstream, client, ledger }
}

#[rustfmt::skip]
pub(crate) const TABLE: &[Row] = &[
    row(DiskFullMidCommit, Before,       "nothing", "503",   "refused"),
    row(DiskFullMidCommit, Opened,       "nothing", "503",   "refused"),
    row(DiskFullMidCommit, Acknowledged, "request", "error", "record_failed"),
    row(DiskFullMidCommit, Streaming,    "request", "error", "record_failed"),
    row(DiskFullMidCommit, ToolHeld,     "cut",     "error", "record_failed"),
    row(DiskFullMidCommit, Closing,      "request", "error", "record_failed"),
    row(DiskFullMidCommit, After,        "request", "whole", "complete"),

    row(DiskFull,          Before,       "nothing", "503",   "refused"),
    row(DiskFull,          Opened,       "nothing", "503",   "refused"),
    row(DiskFull,          Acknowledged, "request", "error", "record_failed"),
    row(DiskFull,          Streaming,    "request", "error", "record_failed"),
    row(DiskFull,          ToolHeld,     "cut",     "error", "record_failed"),
    row(DiskFull,          Closing,      "request", "error", "record_failed"),
    row(DiskFull,          After,        "request", "whole", "complete"),

    row(SinkKilled,        Before,       "nothing", "503",   "refused"),
    row(SinkKilled,        Opened,       "nothing", "503",   "refused"),
    row(SinkKilled,        Acknowledged, "request", "error", "record_failed"),
    row(SinkKilled,        Streaming,    "request", "error", "record_failed"),
    row(SinkKilled,        ToolHeld,     "cut",     "error", "record_failed"),
    row(SinkKilled,        Closing,      "request", "error", "record_failed"),
    row(SinkKilled,        After,        "request", "whole", "complete"),

    row(SinkFrozen,        Before,       "nothing", "503",   "refused"),
    row(SinkFrozen,        Opened,       "nothing", "503",   "refused"),
    row(SinkFrozen,        Acknowledged, "request", "error", "record_failed"),
    row(SinkFrozen,        Streaming,    "request", "error", "record_failed"),
    row(SinkFrozen,        ToolHeld,     "cut",     "error", "record_failed"),
    row(SinkFrozen,        Closing,      "request", "error", "record_failed"),
    row(SinkFrozen,        After,        "request", "whole", "complete"),

    row(SinkSlow,          Before,       "request", "whole", "complete"),
    row(SinkSlow,          Opened,       "request", "whole", "complete"),
    row(SinkSlow,          Acknowledged, "request", "whole", "complete"),
    row(SinkSlow,          Streaming,    "request", "whole", "complete"),
    row(SinkSlow,          ToolHeld,     "request", "whole", "complete"),
    row(SinkSlow,          Closing,      "request", "whole", "complete"),
    row(SinkSlow,          After,        "request", "whole", "complete"),

    row(SinkRefusing,      Before,       "nothing", "503",   "refused"),
    row(SinkRefusing,      Opened,       "nothing", "503",   "refused"),
    row(SinkRefusing,      Acknowledged, "request", "error", "record_failed"),
    row(SinkRefusing,      Streaming,    "request", "error", "record_failed"),
    row(SinkRefusing,      ToolHeld,     "cut",     "error", "record_failed"),
    row(SinkRefusing,      Closing,      "request", "error", "record_failed"),
    row(SinkRefusing,      After,        "request", "whole", "complete"),

    row(SinkRestarted,     Before,       "request", "whole", "complete"),
    row(SinkRestarted,     Opened,       "request", "whole", "complete"),
    row(SinkRestarted,     Acknowledged, "request", "whole", "complete"),
    row(SinkRestarted,     Streaming,    "request", "whole", "complete"),
    row(SinkRestarted,     ToolHeld,     "request", "whole", "complete"),
    row(SinkRestarted,     Closing,      "request", "whole", "complete"),
    row(SinkRestarted,     After,        "request", "whole", "complete"),

    row(NetworkCut,        Before,       "nothing", "503",   "refused"),
    row(NetworkCut,        Opened,       "nothing", "503",   "refused"),
    row(NetworkCut,        Acknowledged, "request", "error", "record_failed"),
    row(NetworkCut,        Streaming,    "request", "error", "record_failed"),
    row(NetworkCut,        ToolHeld,     "cut",     "error", "record_failed"),
    row(NetworkCut,        Closing,      "request", "error", "record_failed"),
    row(NetworkCut,        After,        "request", "whole", "complete"),

    row(AnswerLost,        Opened,       "nothing", "503",   "refused"),
    row(AnswerLost,        ToolHeld,     "cut",     "error", "record_failed"),
    row(AnswerLost,        Closing,      "request", "error", "record_failed"),

    row(EnvoyKilled,       Before,       "nothing", "none",  "nothing"),
    row(EnvoyKilled,       Opened,       "nothing", "none",  "open"),
    row(EnvoyKilled,       Acknowledged, "cut",     "none",  "open"),
    row(EnvoyKilled,       Streaming,    "cut",     "cut",   "open"),
    row(EnvoyKilled,       ToolHeld,     "cut",     "cut",   "open"),
    row(EnvoyKilled,       Closing,      "request", "cut",   "complete"),
    row(EnvoyKilled,       After,        "request", "whole", "complete"),

    row(EnvoyTerminated,   Before,       "nothing", "none",  "nothing"),
    row(EnvoyTerminated,   Opened,       "nothing", "none",  "open/client_gone"),
    row(EnvoyTerminated,   Acknowledged, "cut",     "none",  "open/client_gone"),
    row(EnvoyTerminated,   Streaming,    "cut",     "cut",   "open/client_gone"),
    row(EnvoyTerminated,   ToolHeld,     "cut",     "cut",   "open/client_gone"),
    row(EnvoyTerminated,   Closing,      "request", "cut",   "complete/client_gone"),
    row(EnvoyTerminated,   After,        "request", "whole", "complete"),

    row(EnvoyDrained,      Before,       "nothing", "none",  "nothing"),
    row(EnvoyDrained,      Opened,       "request", "whole", "complete"),
    row(EnvoyDrained,      Acknowledged, "request", "whole", "complete"),
    row(EnvoyDrained,      Streaming,    "request", "whole", "complete"),
    row(EnvoyDrained,      ToolHeld,     "request", "whole", "complete"),
    row(EnvoyDrained,      Closing,      "request", "whole", "complete"),
    row(EnvoyDrained,      After,        "request", "whole", "complete"),

    row(VmPanicked,        Before,       "nothing", "503",   "nothing"),
    row(VmPanicked,        Opened,       "nothing", "waits", "open"),
    row(VmPanicked,        Acknowledged, "request/cut", "503",   "open"),
    row(VmPanicked,        Streaming,    "request/cut", "cut",   "open"),
    row(VmPanicked,        ToolHeld,     "request/cut", "cut",   "open"),
    row(VmPanicked,        Closing,      "request", "waits", "complete"),
    row(VmPanicked,        After,        "request", "whole", "complete"),

    row(ClientGone,        Before,       "nothing", "gone",  "refused"),
    row(ClientGone,        Opened,       "nothing", "gone",  "client_gone"),
    row(ClientGone,        Acknowledged, "cut",     "gone",  "client_gone"),
    row(ClientGone,        Streaming,    "cut",     "gone",  "client_gone"),
    row(ClientGone,        ToolHeld,     "cut",     "gone",  "client_gone"),
    row(ClientGone,        Closing,      "request", "gone",  "client_gone"),

    row(UpstreamCut,       Opened,       "nothing", "503",   "upstream_failed"),
    row(UpstreamCut,       Acknowledged, "cut",     "503",   "upstream_failed"),
    row(UpstreamCut,       Streaming,    "cut",     "cut",   "upstream_failed"),
    row(UpstreamCut,       ToolHeld,     "cut",     "cut",   "upstream_failed"),
    row(UpstreamCut,       Closing,      "request", "whole", "complete"),
];

impl Action {
    pub(crate) fn name(self) -> &'static str {
        match self {
            SinkKilled => "sink: kill -9",
            SinkFrozen => "sink frozen",
            SinkSlow => "sink slow",
            SinkRefusing => "sink refuses",
            SinkRestarted => "sink restarted",
            DiskFull => "disk full",
            DiskFullMidCommit => "disk full in mid-commit",
            NetworkCut => "network cut",
            AnswerLost => "acknowledgement lost",
            EnvoyKilled => "Envoy: kill -9",
            EnvoyTerminated => "Envoy: SIGTERM",
            EnvoyDrained => "Envoy drained",
            VmPanicked => "worker's VM panics",
            ClientGone => "client goes away",
            UpstreamCut => "Claude cut off",
        }
    }

    /// The fault is the sink's, or that of the way to it.
    pub(crate) fn is_sinks(self) -> bool {
        self < AnswerLost
    }

    /// The stream that runs does not outlive it.
    pub(crate) fn ends_streams(self) -> bool {
        matches!(self, EnvoyKilled | EnvoyTerminated | ClientGone | UpstreamCut)
    }

    /// The bench that it strikes.
    pub(crate) fn bench(self) -> Kind {
        match self {
            VmPanicked => Kind::Trapped,
            SinkSlow | SinkRestarted => Kind::Patient,
            _ => Kind::Common,
        }
    }

    /// No request passes this gateway any more.
    pub(crate) fn ends_gateway(self) -> bool {
        matches!(self, EnvoyKilled | EnvoyTerminated | EnvoyDrained)
    }
}

impl Moment {
    pub(crate) const ALL: [Self; 7] =
        [Before, Opened, Acknowledged, Streaming, ToolHeld, Closing, After];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Before => "before `opened`",
            Opened => "`opened` in flight",
            Acknowledged => "acknowledged",
            Streaming => "in mid-stream",
            ToolHeld => "tool call held",
            Closing => "`closed` in flight",
            After => "after `closed`",
        }
    }
}
