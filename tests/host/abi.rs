//! The numbers of the proxy-wasm ABI 0.2.1 that the filter uses, and its form of a header map.

/// `proxy_status_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub(crate) enum Status {
    Ok = 0,
    NotFound = 1,
    BadArgument = 2,
    SerializationFailure = 3,
    ParseFailure = 4,
    Empty = 7,
    InternalFailure = 10,
}

/// The two directions of a stream, by `proxy_stream_type_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Request,
    Response,
}

/// `proxy_buffer_type_t`, as far as the filter reads or writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Buffer {
    Body(Way),
    HttpCallBody,
    GrpcMessage,
    PluginConfiguration,
}

/// `proxy_map_type_t`, likewise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Map {
    Headers(Way),
    HttpCallHeaders,
}

/// What a callback of a stream asks for, once `send_local_response` has had its say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Continue,
    /// StopIteration with headers and trailers, StopIterationAndBuffer with data.
    Pause,
    /// An answer of the filter's own is under way: StopIterationNoBuffer with data.
    Stop,
}

impl Way {
    pub(crate) fn of(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Request),
            1 => Some(Self::Response),
            _ => None,
        }
    }
}

impl Buffer {
    pub(crate) fn of(number: u32) -> Option<Self> {
        match number {
            0 | 1 => Way::of(number).map(Self::Body),
            4 => Some(Self::HttpCallBody),
            5 => Some(Self::GrpcMessage),
            7 => Some(Self::PluginConfiguration),
            _ => None,
        }
    }
}

impl Map {
    pub(crate) fn of(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Headers(Way::Request)),
            2 => Some(Self::Headers(Way::Response)),
            6 => Some(Self::HttpCallHeaders),
            _ => None,
        }
    }
}

/// Header fields in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Headers(pub(crate) Vec<(String, String)>);

impl Headers {
    pub(crate) fn new(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect())
    }

    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| key != name);
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.0.push((name.into(), value.into()));
    }

    /// The host's form: a count, both lengths of each pair, both texts of each pair with a NUL.
    pub(crate) fn pack(&self) -> Vec<u8> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let number = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
        let mut bytes = number(self.0.len()).to_vec();
        for (key, value) in &self.0 {
            bytes.extend(number(key.len()));
            bytes.extend(number(value.len()));
        }
        for text in self.0.iter().flat_map(|(key, value)| [key, value]) {
            bytes.extend(text.as_bytes());
            bytes.push(0);
        }
        bytes
    }

    /// Reads the same form.
    pub(crate) fn unpack(bytes: &[u8]) -> Self {
        if bytes.len() < 4 {
            return Self::default();
        }
        let number = |at: usize| {
            usize::try_from(u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())).unwrap()
        };
        let count = number(0);
        let mut at = 4 + count * 8;
        let mut text = |len: usize| {
            let text = String::from_utf8(bytes[at..at + len].to_vec()).unwrap();
            at += len + 1;
            text
        };
        let pairs = (0..count).map(|pair| (text(number(4 + pair * 8)), text(number(8 + pair * 8))));
        Self(pairs.collect())
    }
}
