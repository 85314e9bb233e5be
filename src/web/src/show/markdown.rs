//! Markdown as a safe subset: what a model wrote, laid out, with nothing in it that acts.
//!
//! Enters: Markdown, hostile. Leaves: markup of our own elements around escaped text. Raw HTML is
//! shown as text; a link shows where it points and is none; a picture is never loaded.

use super::text::{Text, ready};
use maud::{Markup, Render};
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// Elements within each other, beyond which text goes on without them.
const DEEPEST: usize = 40;

/// Renders Markdown; `code` counts fenced blocks apart only by their own wish.
pub(crate) fn markdown(source: &str) -> Markup {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut page = Page::default();
    for event in Parser::new_ext(source, options) {
        page.event(event);
    }
    while let Some(end) = page.open.pop() {
        page.out.push_str(end);
    }
    ready(page.out)
}

#[derive(Default)]
struct Page {
    out: String,
    /// How to close what is open.
    open: Vec<&'static str>,
    /// Where links and pictures that are open point.
    targets: Vec<String>,
    in_table_head: bool,
}

impl Page {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(end) => self.end(end),
            Event::Text(text)
            | Event::Html(text)
            | Event::InlineHtml(text)
            | Event::FootnoteReference(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text) => self.text(&text),
            Event::Code(code) => {
                self.out.push_str("<code>");
                self.text(&code);
                self.out.push_str("</code>");
            }
            Event::SoftBreak => self.out.push('\n'),
            Event::HardBreak => self.out.push_str("<br>"),
            Event::Rule => self.out.push_str("<hr>"),
            Event::TaskListMarker(done) => self.out.push_str(if done { "☑ " } else { "☐ " }),
        }
    }

    fn text(&mut self, text: &str) {
        Text(text).render_to(&mut self.out);
    }

    fn push(&mut self, start: &str, end: &'static str) {
        let (start, end) = if self.open.len() < DEEPEST { (start, end) } else { ("", "") };
        self.out.push_str(start);
        self.open.push(end);
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => self.push("<p>", "</p>"),
            // A page has headings of its own: recorded ones are below them all, and no landmarks.
            Tag::Heading { level, .. } => {
                let start = match level {
                    HeadingLevel::H1 => "<p class=\"h h1\">",
                    HeadingLevel::H2 => "<p class=\"h h2\">",
                    _ => "<p class=\"h h3\">",
                };
                self.push(start, "</p>");
            }
            Tag::BlockQuote(_) => self.push("<blockquote>", "</blockquote>"),
            Tag::CodeBlock(kind) => {
                if let CodeBlockKind::Fenced(language) = &kind
                    && !language.is_empty()
                    && self.open.len() < DEEPEST
                {
                    self.out.push_str("<p class=\"language\">");
                    self.text(language);
                    self.out.push_str("</p>");
                }
                self.push("<pre class=\"code\" tabindex=\"0\"><code>", "</code></pre>");
            }
            Tag::List(Some(first)) => {
                let start = format!("<ol start=\"{}\">", first.min(999_999));
                self.push(&start, "</ol>");
            }
            Tag::List(None) => self.push("<ul>", "</ul>"),
            Tag::Item => self.push("<li>", "</li>"),
            Tag::Table(_) => {
                self.push("<div class=\"wide\" tabindex=\"0\"><table>", "</table></div>");
            }
            Tag::TableHead => {
                self.in_table_head = true;
                self.push("<thead><tr>", "</tr></thead>");
            }
            Tag::TableRow => self.push("<tr>", "</tr>"),
            Tag::TableCell if self.in_table_head => self.push("<th scope=\"col\">", "</th>"),
            Tag::TableCell => self.push("<td>", "</td>"),
            Tag::Emphasis => self.push("<em>", "</em>"),
            Tag::Strong => self.push("<strong>", "</strong>"),
            Tag::Strikethrough => self.push("<del>", "</del>"),
            Tag::Link { dest_url, .. } => {
                self.targets.push(dest_url.into_string());
                self.push("<span class=\"link\">", "</span>");
            }
            Tag::Image { dest_url, .. } => {
                self.targets.push(dest_url.into_string());
                self.push("<span class=\"picture\">[picture: ", "]</span>");
            }
            Tag::HtmlBlock => self.push("<p class=\"html\">", "</p>"),
            Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Superscript
            | Tag::Subscript
            | Tag::MetadataBlock(_) => self.push("", ""),
        }
    }

    fn end(&mut self, end: TagEnd) {
        if matches!(end, TagEnd::Link | TagEnd::Image)
            && let Some(target) = self.targets.pop()
        {
            self.out.push_str(" <span class=\"target\">(");
            self.text(&target);
            self.out.push_str(")</span>");
        }
        if matches!(end, TagEnd::TableHead) {
            self.in_table_head = false;
        }
        if let Some(end) = self.open.pop() {
            self.out.push_str(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(source: &str) -> String {
        markdown(source).into_string()
    }

    #[test]
    fn the_subset_is_laid_out() {
        for (source, markup) in [
            ("# A *b*", "<p class=\"h h1\">A <em>b</em></p>"),
            ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
            ("3. a", "<ol start=\"3\"><li>a</li></ol>"),
            ("`x<y`", "<p><code>x&lt;y</code></p>"),
            (
                "```rust\nlet a;\n```",
                "<p class=\"language\">rust</p><pre class=\"code\" tabindex=\"0\"><code>let a;\n</code></pre>",
            ),
            ("- [x] done", "<ul><li>☑ done</li></ul>"),
        ] {
            assert_eq!(rendered(source), markup);
        }
        let table = rendered("|a|b|\n|-|-|\n|1|2|");
        assert!(table.contains("<th scope=\"col\">a</th>") && table.contains("<td>2</td>"));
    }

    #[test]
    fn nothing_in_it_acts() {
        for source in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "[click](javascript:alert(1))",
            "[click](data:text/html,<script>alert(1)</script>)",
            "![p](https://evil.example/track.png)",
            "<https://evil.example>",
            "[a]: javascript:alert(1)\n\n[a]",
            "```\"><script>alert(1)</script>\nx\n```",
            "<div><style>*{display:none}</style></div>",
            "<svg/onload=alert(1)>",
            "| <b> |\n|-|\n| <iframe src=x> |",
            "[x](https://a.example \"t\\\" onmouseover=alert(1)\")",
        ] {
            let markup = rendered(source);
            for tag in markup.split('<').skip(1) {
                let name = tag.trim_start_matches('/').split([' ', '>']).next().unwrap();
                let ours = ["p", "span", "pre", "code", "div", "table", "thead", "tr", "th", "td"];
                assert!(ours.contains(&name), "{source}: {markup}");
                let tag = tag.split('>').next().unwrap();
                assert!(!tag.contains("href") && !tag.contains("src="), "{source}: {markup}");
            }
        }
        assert!(rendered("[click](javascript:x)").contains("(javascript:x)"));
    }

    #[test]
    fn depth_is_bounded_and_everything_is_closed() {
        let deep = format!("{}x", "> ".repeat(5_000));
        let markup = rendered(&deep);
        assert!(markup.matches("<blockquote>").count() <= DEEPEST);
        assert_eq!(markup.matches("<blockquote>").count(), markup.matches("</blockquote>").count());
        assert!(markup.contains('x'));
    }
}
