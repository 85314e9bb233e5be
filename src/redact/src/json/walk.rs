//! Goes through a JSON text once, without recursion, and shows each string to a visitor.

use super::{DEPTH, Fault, InvalidJson, string};
use std::ops::Range;

/// What is done with what a walk meets.
pub trait Visitor {
    /// A member's name or a string value. `content` is its place between the quotes.
    fn string(&mut self, place: &Place<'_>, content: Range<usize>, is_escaped: bool);
    /// A number, `true`, `false` or `null`.
    fn scalar(&mut self, place: &Place<'_>, at: Range<usize>);
    /// An object or list begins.
    fn begin(&mut self, place: &Place<'_>);
    /// The innermost object or list ends.
    fn end(&mut self, place: &Place<'_>);
}

/// Where in the text the walk is.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// From the outermost object or list to the innermost.
    pub stack: &'a [Frame],
    /// The string is a member's name.
    pub is_name: bool,
}

/// An object or a list on the way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// An object, and the content of the name of the member that the walk is in.
    Object(Range<usize>),
    /// A list, and the index that the walk is at.
    List(usize),
}

/// Walks through a text.
///
/// # Errors
/// [`InvalidJson`]: the visitor has seen what stands before the fault.
pub fn walk(text: &[u8], visitor: &mut impl Visitor) -> Result<(), InvalidJson> {
    let mut walk = Walk { text, at: 0, stack: Vec::new() };
    walk.value(visitor)?;
    walk.white();
    match walk.peek() {
        None => Ok(()),
        Some(_) => Err(walk.fault(Fault::Grammar)),
    }
}

struct Walk<'t> {
    text: &'t [u8],
    at: usize,
    stack: Vec<Frame>,
}

impl Walk<'_> {
    fn value(&mut self, visitor: &mut impl Visitor) -> Result<(), InvalidJson> {
        loop {
            // A value stands here.
            self.white();
            let is_open = match self.peek() {
                Some(b'{') => self.open(visitor, Frame::Object(0..0), b'}')?,
                Some(b'[') => self.open(visitor, Frame::List(0), b']')?,
                Some(b'"') => {
                    let (content, is_escaped) = self.string()?;
                    visitor.string(&self.place(false), content, is_escaped);
                    false
                }
                Some(_) => {
                    let at = self.scalar()?;
                    visitor.scalar(&self.place(false), at);
                    false
                }
                None => return Err(self.fault(Fault::Cut)),
            };
            // Behind a value: out of what ends, and on to the next.
            let is_first = is_open;
            loop {
                self.white();
                let Some(frame) = self.stack.last_mut() else { return Ok(()) };
                let closing = match frame {
                    Frame::Object(_) => b'}',
                    Frame::List(_) => b']',
                };
                match self.text.get(self.at) {
                    Some(b) if *b == closing && !is_first => {
                        self.at = self.at.saturating_add(1);
                        visitor.end(&self.place(false));
                        self.stack.pop();
                        continue;
                    }
                    Some(b',') if !is_first => {
                        self.at = self.at.saturating_add(1);
                        if let Frame::List(index) = frame {
                            *index = index.saturating_add(1);
                        }
                    }
                    Some(_) if is_first => {}
                    Some(_) => return Err(self.fault(Fault::Grammar)),
                    None => return Err(self.fault(Fault::Cut)),
                }
                if closing == b'}' {
                    self.name(visitor)?;
                }
                break;
            }
        }
    }

    /// Enters an object or list; false when it is empty, and left already.
    fn open(
        &mut self,
        visitor: &mut impl Visitor,
        frame: Frame,
        closing: u8,
    ) -> Result<bool, InvalidJson> {
        if self.stack.len() >= DEPTH {
            return Err(self.fault(Fault::TooDeep));
        }
        visitor.begin(&self.place(false));
        self.at = self.at.saturating_add(1);
        self.stack.push(frame);
        self.white();
        if self.peek() != Some(closing) {
            return Ok(true);
        }
        self.at = self.at.saturating_add(1);
        visitor.end(&self.place(false));
        self.stack.pop();
        Ok(false)
    }

    fn name(&mut self, visitor: &mut impl Visitor) -> Result<(), InvalidJson> {
        self.white();
        if self.peek() != Some(b'"') {
            let why = if self.peek().is_none() { Fault::Cut } else { Fault::Grammar };
            return Err(self.fault(why));
        }
        let (content, is_escaped) = self.string()?;
        if let Some(Frame::Object(name)) = self.stack.last_mut() {
            *name = content.clone();
        }
        visitor.string(&self.place(true), content, is_escaped);
        self.white();
        if self.peek() != Some(b':') {
            let why = if self.peek().is_none() { Fault::Cut } else { Fault::Grammar };
            return Err(self.fault(why));
        }
        self.at = self.at.saturating_add(1);
        Ok(())
    }

    fn string(&mut self) -> Result<(Range<usize>, bool), InvalidJson> {
        let start = self.at.saturating_add(1);
        let (end, is_escaped) = string::end(self.text, start)?;
        self.at = end.saturating_add(1);
        Ok((start..end, is_escaped))
    }

    fn scalar(&mut self) -> Result<Range<usize>, InvalidJson> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let is_part =
            |byte: &&u8| !matches!(**byte, b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t');
        let length = rest.iter().take_while(is_part).count();
        let scalar = rest.get(..length).unwrap_or_default();
        let is_one = matches!(scalar, b"true" | b"false" | b"null") || is_number(scalar);
        if !is_one {
            let is_cut = length == rest.len();
            return Err(self.fault(if is_cut { Fault::Cut } else { Fault::Grammar }));
        }
        let start = self.at;
        self.at = self.at.saturating_add(length);
        Ok(start..self.at)
    }

    fn white(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let is_white = |byte: &&u8| matches!(**byte, b' ' | b'\n' | b'\r' | b'\t');
        self.at = self.at.saturating_add(rest.iter().take_while(is_white).count());
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn place(&self, is_name: bool) -> Place<'_> {
        Place { stack: &self.stack, is_name }
    }

    fn fault(&self, why: Fault) -> InvalidJson {
        InvalidJson { at: self.at, why }
    }
}

/// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
fn is_number(bytes: &[u8]) -> bool {
    fn digits(bytes: &[u8]) -> Option<&[u8]> {
        let count = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 { None } else { bytes.get(count..) }
    }
    let rest = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let rest = match rest {
        [b'0', rest @ ..] => Some(rest),
        _ => digits(rest),
    };
    let Some(mut rest) = rest else { return false };
    if let [b'.', fraction @ ..] = rest {
        match digits(fraction) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = match exponent {
            [b'+' | b'-', exponent @ ..] => exponent,
            _ => exponent,
        };
        match digits(exponent) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    rest.is_empty()
}
