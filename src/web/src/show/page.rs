//! The frame around every page: head, navigation, main landmark.

use super::text::{Line, plain};
use crate::access::User;
use crate::assets;
use maud::{DOCTYPE, Markup, html};

/// Which entry of the navigation a page belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    Sessions,
    Search,
    Settings,
    None,
}

/// What the frame needs to know.
pub(crate) struct Frame<'a> {
    pub(crate) title: &'a str,
    pub(crate) tab: Tab,
    /// Absent before the login.
    pub(crate) user: Option<&'a User>,
    /// Whether the page has a script of its own.
    pub(crate) class: &'static str,
}

pub(crate) fn page(frame: &Frame<'_>, body: &Markup) -> Markup {
    let entry = |tab: Tab, href: &'static str, word: &'static str| {
        html! { li { a href=(href) aria-current=[(frame.tab == tab).then_some("page")] { (word) } } }
    };
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (plain(frame.title)) " · Hansard" }
                link rel="stylesheet" href=(assets::style());
                link rel="icon" href=(assets::icon()) type="image/svg+xml";
                script src=(assets::script()) defer {}
            }
            body class=(frame.class) {
                a.skip href="#main" { "Skip to content" }
                header.top {
                    a.brand href="/sessions" { span.mark aria-hidden="true" { "H" } span.word { "Hansard" } }
                    @if let Some(user) = frame.user {
                        nav aria-label="Main" {
                            ul {
                                (entry(Tab::Sessions, "/sessions", "Sessions"))
                                (entry(Tab::Search, "/search", "Search"))
                                @if user.role.may_see_settings() { (entry(Tab::Settings, "/settings", "Settings")) }
                            }
                        }
                        form.who action="/logout" method="post" {
                            input type="hidden" name="csrf" value=(user.csrf);
                            span { span.name { (Line(&user.name)) } " " span.role { (user.role.shown()) } }
                            button type="submit" { "Log out" }
                        }
                    }
                }
                main #main tabindex="-1" { (body) }
            }
        }
    }
}

/// A page that says what went wrong, and what to do.
pub(crate) fn problem(title: &str, text: &str, user: Option<&User>) -> Markup {
    let frame = Frame { title, tab: Tab::None, user, class: "plain" };
    page(
        &frame,
        &html! {
            h1 { (title) }
            p { (Line(text)) }
            p { a href="/sessions" { "All sessions" } }
        },
    )
}

/// A piece of a URL's path or query.
pub(crate) fn encoded(piece: &str) -> String {
    let mut out = String::with_capacity(piece.len());
    for byte in piece.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// `?a=b&c=d` of what is given.
pub(crate) fn query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::new();
    for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
        out.push(if out.is_empty() { '?' } else { '&' });
        out.push_str(&format!("{name}={}", encoded(value)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_urls_are_encoded() {
        assert_eq!(encoded("a b/c?d&é\"'<"), "a%20b%2Fc%3Fd%26%C3%A9%22%27%3C");
        assert_eq!(query([("a", "1"), ("b", ""), ("c", "x y")]), "?a=1&c=x%20y");
    }
}
