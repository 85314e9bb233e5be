//! A gzip stream with no compression to speak of: every byte as a literal in deflate's fixed
//! Huffman code (RFC 1951, 3.2.6; RFC 1952). The result is legal, and its bytes are shifted by a
//! few bits, so that a reader who ignores `content-encoding` finds no text in it.

pub(super) fn gzip(plain: &[u8]) -> Vec<u8> {
    // Magic, deflate, no flags, no time, no extra flags, unknown system.
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut bits = Bits { out: &mut out, byte: 0, used: 0 };
    bits.put(0b110, 3); // last block; type 01, low bit first
    for &byte in plain {
        match u32::from(byte) {
            literal @ 0..=143 => bits.put(0x30 + literal, 8),
            literal => bits.put(0x190 + literal - 144, 9),
        }
    }
    bits.put(0, 7); // end of block
    bits.finish();
    out.extend(crc32(plain).to_le_bytes());
    // RFC 1952: the length modulo 2^32.
    out.extend(plain.len().to_le_bytes().into_iter().take(4));
    out
}

/// Bits fill a byte from its low end; a Huffman code goes in from its high end.
struct Bits<'a> {
    out: &'a mut Vec<u8>,
    byte: u8,
    used: u8,
}

impl Bits<'_> {
    fn put(&mut self, code: u32, length: u32) {
        for place in (0..length).rev() {
            let bit = u8::from(code >> place & 1 == 1);
            self.byte |= bit << self.used;
            self.used += 1;
            if self.used == 8 {
                self.flush();
            }
        }
    }

    fn finish(&mut self) {
        if self.used > 0 {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.out.push(self.byte);
        (self.byte, self.used) = (0, 0);
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_known_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn an_empty_stream_is_the_known_one() {
        let known = [31, 139, 8, 0, 0, 0, 0, 0, 0, 255, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(gzip(b""), known);
    }
}
