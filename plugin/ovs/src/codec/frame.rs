//! Where one message ends and the next begins.

use super::ProtocolError;

/// A bridge with 10,000 ports takes about 8 MB.
const MAX_MESSAGE: usize = 32 << 20;

/// Cuts a stream of bytes into JSON objects, however the bytes arrive.
///
/// JSON-RPC 1.0 puts nothing between messages, so their ends are found by counting braces outside
/// of strings. Each byte is looked at once: a large message in many pieces costs no more than in
/// one.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    buffer: Vec<u8>,
    /// How much of `buffer` has been looked at.
    scanned: usize,
    /// Open braces.
    depth: usize,
    in_string: bool,
    /// The last byte was a backslash inside a string.
    escaped: bool,
}

impl Decoder {
    /// Takes in what has arrived.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole message; `None` until more has arrived. After an error the stream is of no
    /// more use.
    pub(crate) fn next_message(&mut self) -> Result<Option<Vec<u8>>, ProtocolError> {
        while let Some(&byte) = self.buffer.get(self.scanned) {
            self.scanned += 1;
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => self.in_string = false,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'{' => self.depth += 1,
                b'}' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        let rest = self.buffer.split_off(self.scanned);
                        self.scanned = 0;
                        return Ok(Some(std::mem::replace(&mut self.buffer, rest)));
                    }
                }
                b'"' if self.depth > 0 => self.in_string = true,
                b' ' | b'\t' | b'\r' | b'\n' => {}
                other if self.depth == 0 => return Err(ProtocolError::NotAnObject(other)),
                _ => {}
            }
        }
        if self.buffer.len() > MAX_MESSAGE {
            return Err(ProtocolError::TooLong(MAX_MESSAGE));
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(pieces: &[&[u8]]) -> Vec<String> {
        let mut decoder = Decoder::default();
        let mut messages = Vec::new();
        for piece in pieces {
            decoder.push(piece);
            while let Some(message) = decoder.next_message().unwrap() {
                messages.push(String::from_utf8(message).unwrap().trim().to_owned());
            }
        }
        messages
    }

    const TWO: &[u8] =
        br#"{"a":"}{ \" \\","b":{"c":["\\\"}"]}} {"d":"\u007d \\\\\"{","e":"\xc3\xa9"}"#;

    #[test]
    fn a_stream_split_at_any_byte_gives_the_same_messages() {
        let whole = decode(&[TWO]);
        assert_eq!(whole.len(), 2, "{whole:?}");
        for at in 0..=TWO.len() {
            let (head, tail) = TWO.split_at(at);
            assert_eq!(decode(&[head, tail]), whole, "split at {at}");
        }
        let bytes: Vec<&[u8]> = TWO.chunks(1).collect();
        assert_eq!(decode(&bytes), whole);
    }

    #[test]
    fn a_stream_that_is_not_of_objects_is_refused() {
        for hostile in [
            "}",
            "[1]",
            "null",
            "\"{\"",
            "{}]",
            "\0",
            "HTTP/1.1 400 Bad Request",
        ] {
            let mut decoder = Decoder::default();
            decoder.push(hostile.as_bytes());
            let end = loop {
                match decoder.next_message() {
                    Ok(Some(_)) => {}
                    end => break end,
                }
            };
            assert!(
                matches!(end, Err(ProtocolError::NotAnObject(_))),
                "{hostile}: {end:?}"
            );
        }
    }

    #[test]
    fn a_message_without_end_is_refused_at_the_limit() {
        let mut decoder = Decoder::default();
        decoder.push(b"{\"a\":\"");
        let megabyte = vec![b'}'; 1 << 20];
        let refused = (0..=32).find_map(|_| {
            decoder.push(&megabyte);
            decoder.next_message().err()
        });
        assert!(
            matches!(refused, Some(ProtocolError::TooLong(MAX_MESSAGE))),
            "{refused:?}"
        );
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes: Vec<u8>) {
            let mut decoder = Decoder::default();
            decoder.push(&bytes);
            while let Ok(Some(_)) = decoder.next_message() {}
        }

        #[test]
        fn any_strings_survive_framing(texts in prop::collection::vec(any::<String>(), 0..6), piece in 1usize..9) {
            let messages: Vec<String> =
                texts.iter().map(|text| serde_json::json!({ "t": text }).to_string()).collect();
            let stream = messages.concat();
            let pieces: Vec<&[u8]> = stream.as_bytes().chunks(piece).collect();
            prop_assert_eq!(decode(&pieces), messages);
        }
    }
}
