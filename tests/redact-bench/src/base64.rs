//! Base64 of a text that is to be hidden from a scanner (RFC 4648 section 4, without padding).

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Encodes bytes; up to two at the end are left out, so that nothing is padded.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let (groups, _) = bytes.as_chunks::<3>();
    let digits = groups.iter().flat_map(|[a, b, c]| {
        let group = u32::from_be_bytes([0, *a, *b, *c]);
        [18, 12, 6, 0].map(|shift| DIGITS.get((group >> shift & 63) as usize).copied())
    });
    digits.flatten().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn encodes() {
        assert_eq!(super::encode(b"hello world!?"), "aGVsbG8gd29ybGQh");
    }
}
