//! A corpus as it is read: bodies, and the strings in them.

use crate::problem::Problem;
use serde_json::Value;
use std::io::{self, Read};

/// Shorter strings hold nothing, and the redactor passes them over.
const LEAST: usize = 3;

/// Request bodies, and every string in them as it reads once its escapes are resolved.
pub(crate) struct Corpus {
    pub(crate) bodies: Vec<String>,
    pub(crate) texts: Vec<String>,
}

impl Corpus {
    pub(crate) fn new(bodies: Vec<String>) -> Result<Self, Problem> {
        let mut texts = Vec::new();
        for body in &bodies {
            gather(serde_json::from_str(body)?, &mut texts);
        }
        Ok(Self { bodies, texts })
    }

    /// Bytes of JSON.
    pub(crate) fn raw(&self) -> usize {
        self.bodies.iter().map(String::len).sum()
    }

    /// Bytes of text.
    pub(crate) fn plain(&self) -> usize {
        self.texts.iter().map(String::len).sum()
    }
}

/// Reads a corpus from standard input, a body a line.
pub(crate) fn read() -> Result<Corpus, Problem> {
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    Corpus::new(text.lines().map(str::to_owned).collect())
}

fn gather(value: Value, texts: &mut Vec<String>) {
    let mut keep = |text: String| {
        if text.len() >= LEAST {
            texts.push(text);
        }
    };
    match value {
        Value::String(text) => keep(text),
        Value::Array(values) => values.into_iter().for_each(|value| gather(value, texts)),
        Value::Object(members) => {
            for (name, value) in members {
                if name.len() >= LEAST {
                    texts.push(name);
                }
                gather(value, texts);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
