//! The player's controls: without a script they are not shown, and the transcript is read as it is.

use maud::{Markup, html};

pub(crate) fn bar() -> Markup {
    html! {
        section #player.player aria-label="Player" hidden {
            div.buttons {
                button type="button" data-do="turn-back" title="Previous turn (←)" { span aria-hidden="true" { "⏮" } span.visually-hidden { "Previous turn" } }
                button.play type="button" data-do="play" title="Play or pause (space)" { span.sign aria-hidden="true" { "▶" } span.word { "Play" } }
                button type="button" data-do="turn-on" title="Next turn (→)" { span aria-hidden="true" { "⏭" } span.visually-hidden { "Next turn" } }
                button type="button" data-do="call-back" title="Previous tool call (k)" { span aria-hidden="true" { "⇤" } span.visually-hidden { "Previous tool call" } }
                button type="button" data-do="call-on" title="Next tool call (j)" { span aria-hidden="true" { "⇥" } span.visually-hidden { "Next tool call" } }
            }
            label.scrub { span.visually-hidden { "Position" } input #scrub type="range" min="0" max="1000" value="0" step="any"; }
            p #clock.clock { "0:00" }
            label.speed { span.visually-hidden { "Speed" }
                select #speed {
                    @for (value, word) in [("0.5", "0.5×"), ("1", "1×"), ("2", "2×"), ("4", "4×"), ("8", "8×"), ("16", "16×")] {
                        option value=(value) selected[value == "1"] { (word) }
                    }
                }
            }
            label.idle { input #idle type="checkbox" checked; " Skip idle" }
            button type="button" data-do="all" title="Show the whole transcript (Esc)" { "Show all" }
            button type="button" data-do="help" title="Keyboard (?)" { span aria-hidden="true" { "?" } span.visually-hidden { "Keyboard help" } }
            p #said.visually-hidden role="status" aria-live="polite" {}
        }
    }
}

pub(crate) fn help() -> Markup {
    let keys: [(&str, &str); 10] = [
        ("Space", "play or pause"),
        ("← →", "previous or next turn"),
        ("k j", "previous or next tool call"),
        ("< >", "slower or faster"),
        ("i", "skip idle time, or not"),
        ("Home End", "first or last turn"),
        ("Esc", "show the whole transcript"),
        ("/", "search"),
        ("?", "this help"),
        ("Tab", "everything else"),
    ];
    html! {
        dialog #help aria-labelledby="help-title" {
            h2 #help-title { "Keyboard" }
            dl {
                @for (key, what) in keys { div { dt { @for part in key.split(' ') { kbd { (part) } " " } } dd { (what) } } }
            }
            p { label { input #shortcuts type="checkbox" checked; " Single-key shortcuts" } }
            form method="dialog" { button.primary { "Close" } }
        }
    }
}
