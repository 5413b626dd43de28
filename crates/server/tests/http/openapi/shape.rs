//! Reads the notation of `x-borsh`, and walks bytes by it.

use serde_json::Value;

/// What a text in the notation means.
#[derive(Debug)]
pub(super) enum Shape {
    Bytes(usize),
    Bool,
    String,
    Vec(Box<Shape>),
    Option(Box<Shape>),
    Fields(Vec<Shape>),
    Variants(Vec<Shape>),
    Named(String),
}

impl Shape {
    pub(super) fn parse(text: &str) -> Self {
        let mut words = Words(text);
        let shape = words.shape();
        assert_eq!(words.peek(), "", "{text}");
        shape
    }

    /// The names that it refers to.
    pub(super) fn names(&self) -> Vec<&str> {
        match self {
            Self::Bytes(_) | Self::Bool | Self::String => vec![],
            Self::Vec(of) | Self::Option(of) => of.names(),
            Self::Fields(of) | Self::Variants(of) => of.iter().flat_map(Self::names).collect(),
            Self::Named(name) => vec![name],
        }
    }

    /// What is left of the bytes behind one value; nothing if they do not begin with one.
    pub(super) fn walk<'a>(&self, schemas: &Value, bytes: &'a [u8]) -> Option<&'a [u8]> {
        match self {
            Self::Bytes(count) => bytes.get(*count..),
            Self::Bool => bytes
                .split_first()
                .filter(|(flag, _)| **flag < 2)
                .map(|(_, rest)| rest),
            Self::String => {
                let (text, rest) = counted(bytes)?;
                let (text, rest) = rest.split_at_checked(text)?;
                std::str::from_utf8(text).ok().map(|_| rest)
            }
            Self::Vec(of) => {
                let (count, rest) = counted(bytes)?;
                (0..count).try_fold(rest, |rest, _| of.walk(schemas, rest))
            }
            Self::Option(of) => match bytes.split_first()? {
                (0, rest) => Some(rest),
                (1, rest) => of.walk(schemas, rest),
                _ => None,
            },
            Self::Fields(all) => all.iter().try_fold(bytes, |rest, one| one.walk(schemas, rest)),
            Self::Variants(all) => {
                let (which, rest) = bytes.split_first()?;
                all.get(usize::from(*which))?.walk(schemas, rest)
            }
            Self::Named(name) => Self::parse(schemas[name]["x-borsh"].as_str()?).walk(schemas, bytes),
        }
    }
}

fn counted(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (count, rest) = bytes.split_first_chunk()?;
    Some((usize::try_from(u32::from_le_bytes(*count)).ok()?, rest))
}

/// The notation, word by word.
struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    fn peek(&self) -> &'a str {
        let text = self.0.trim_start();
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = match text.find(|c| !word(c)) {
            Some(0) => 1,
            Some(end) => end,
            None => text.len(),
        };
        &text[..end]
    }

    fn next(&mut self) -> &'a str {
        let word = self.peek();
        self.0 = &self.0.trim_start()[word.len()..];
        word
    }

    fn eat(&mut self, word: &str) {
        assert_eq!(self.next(), word, "before {:?}", self.0);
    }

    fn shape(&mut self) -> Shape {
        match self.next() {
            "[" => {
                let count = self.next().parse().unwrap();
                self.eat("]");
                Shape::Bytes(count)
            }
            "(" => {
                self.eat(")");
                Shape::Fields(vec![])
            }
            "{" => self.fields(),
            "u8" => Shape::Bytes(1),
            "u32" => Shape::Bytes(4),
            "u64" | "i64" => Shape::Bytes(8),
            "bool" => Shape::Bool,
            "String" => Shape::String,
            "Vec" => Shape::Vec(Box::new(self.inner("<", ">"))),
            "Option" => Shape::Option(Box::new(self.inner("<", ">"))),
            "0" => self.variants(),
            name => {
                assert!(name.starts_with(|c: char| c.is_ascii_uppercase()), "{name:?}");
                Shape::Named(name.to_owned())
            }
        }
    }

    fn inner(&mut self, open: &str, close: &str) -> Shape {
        self.eat(open);
        let shape = self.shape();
        self.eat(close);
        shape
    }

    fn fields(&mut self) -> Shape {
        let mut fields = vec![];
        loop {
            self.next();
            self.eat(":");
            fields.push(self.shape());
            match self.next() {
                "," => {}
                "}" => return Shape::Fields(fields),
                other => panic!("{other:?} after a field"),
            }
        }
    }

    fn variants(&mut self) -> Shape {
        let mut variants = vec![];
        loop {
            self.next();
            variants.push(match self.peek() {
                "(" => self.inner("(", ")"),
                "{" => self.shape(),
                _ => Shape::Fields(vec![]),
            });
            if self.peek() != "|" {
                return Shape::Variants(variants);
            }
            self.eat("|");
            self.eat(&variants.len().to_string());
        }
    }
}

#[test]
fn only_whole_values_are_walked() {
    let none = Value::Null;
    let shape =
        Shape::parse("{ a: Vec<[2]>, b: Option<String>, c: 0 Some(u8) | 1 Other { d: bool } | 2 None }");
    let good = [1, 0, 0, 0, 9, 9, 1, 2, 0, 0, 0, b'h', b'i', 1, 1];
    assert_eq!(shape.walk(&none, &good), Some([].as_slice()));
    for end in 0..good.len() {
        assert_eq!(shape.walk(&none, &good[..end]), None, "{end} bytes");
    }
    let mut bad = good;
    bad[14] = 2;
    assert_eq!(shape.walk(&none, &bad), None, "no bool");
}
