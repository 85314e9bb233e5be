//! The player's controls: without a script they are not shown, and the transcript is read as it is.

use maud::{Markup, html};

pub(crate) fn bar() -> Markup {
    html! {
        section #player.player aria-label="Player" hidden {
            div.buttons {
                button type="button" data-do="turn-back" title="Previous turn (←)" { (sign("M3 2h2v12H3zM14 2v12L6 8z")) span.visually-hidden { "Previous turn" } }
                button.play type="button" data-do="play" title="Play or pause (space)" { (sign("M3 1.5v13L14 8z")) (sign("M3 2h4v12H3zM9 2h4v12H9z")) span.word { "Play" } }
                button type="button" data-do="turn-on" title="Next turn (→)" { (sign("M11 2h2v12h-2zM2 2v12l8-6z")) span.visually-hidden { "Next turn" } }
                button type="button" data-do="call-back" title="Previous tool call (k)" { (sign("M9 2v12L1 8zM10 6h5v4h-5z")) span.visually-hidden { "Previous tool call" } }
                button type="button" data-do="call-on" title="Next tool call (j)" { (sign("M7 2v12l8-6zM1 6h5v4H1z")) span.visually-hidden { "Next tool call" } }
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

/// A picture of what a button does, in the button's own colour.
fn sign(path: &str) -> Markup {
    html! { svg.sign viewBox="0 0 16 16" aria-hidden="true" focusable="false" { path d=(path) {} } }
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
