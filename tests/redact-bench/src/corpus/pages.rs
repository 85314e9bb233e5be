//! Files, read on and on in pieces of whole lines.

use crate::source::File;

/// A reader of files; behind the last one it begins anew.
pub(crate) struct Pages {
    files: Vec<File>,
    file: usize,
    /// Where the next piece begins, in bytes and lines.
    at: usize,
    line: usize,
}

/// A piece of a file.
pub(crate) struct Page<'p> {
    pub(crate) path: &'p str,
    /// The number of its first line, from 1.
    pub(crate) line: usize,
    pub(crate) text: &'p str,
}

impl Pages {
    pub(crate) fn new(files: Vec<File>) -> Self {
        Self { files, file: 0, at: 0, line: 1 }
    }

    /// The next lines of a file, about so many bytes: fewer where it ends, more where a line is
    /// long.
    pub(crate) fn take(&mut self, bytes: usize) -> Page<'_> {
        if self.files.get(self.file).is_none_or(|file| self.at >= file.text.len()) {
            self.file = (self.file + 1) % self.files.len().max(1);
            (self.at, self.line) = (0, 1);
        }
        let Some(file) = self.files.get(self.file) else {
            return Page { path: "", line: 1, text: "" };
        };
        let rest = file.text.get(self.at..).unwrap_or_default();
        let mut length = 0;
        for line in rest.split_inclusive('\n') {
            if length > 0 && length + line.len() > bytes {
                break;
            }
            length += line.len();
        }
        let text = rest.get(..length).unwrap_or_default();
        let page = Page { path: &file.path, line: self.line, text };
        self.at += length;
        self.line += text.lines().count();
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_whole_and_files_follow_each_other() {
        let file = |path: &str, text: &str| File { path: path.into(), text: text.into() };
        let mut pages = Pages::new(vec![file("a", "one\ntwo\nthree\n"), file("b", "four\n")]);
        let mut take = |bytes: usize| {
            let page = pages.take(bytes);
            (page.path.to_owned(), page.line, page.text.to_owned())
        };
        assert_eq!(take(9), ("a".into(), 1, "one\ntwo\n".into()));
        assert_eq!(take(2), ("a".into(), 3, "three\n".into()));
        assert_eq!(take(9), ("b".into(), 1, "four\n".into()));
        assert_eq!(take(4), ("a".into(), 1, "one\n".into()));
    }
}
