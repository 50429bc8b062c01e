//! The numbers that an authority gives its certificates.

use std::str::FromStr;

/// The number of a certificate: its bytes, without zeros in front, which differ from form to form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Serial(Vec<u8>);

/// Text that is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a certificate's number is written as 1–40 hexadecimal digits, like `4f00c2` or `4F:00:C2`"
)]
pub(super) struct SerialError;

impl Serial {
    /// How many bytes it has at most (RFC 5280, 4.1.2.2).
    const MOST: usize = 20;

    pub(super) fn of(bytes: &[u8]) -> Self {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        Self(bytes.get(zeros..).unwrap_or_default().to_vec())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for Serial {
    type Err = SerialError;

    fn from_str(text: &str) -> Result<Self, SerialError> {
        let digits = text.replace(':', "");
        let is_whole = digits.len() <= 2 * Self::MOST
            && !digits.is_empty()
            && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !is_whole {
            return Err(SerialError);
        }
        let even = format!("{}{digits}", if digits.len() % 2 == 1 { "0" } else { "" });
        let pairs = (0..even.len()).step_by(2).map(|at| even.get(at..at + 2));
        let bytes = pairs.map(|pair| u8::from_str_radix(pair.unwrap_or_default(), 16));
        let bytes: Result<Vec<u8>, _> = bytes.collect();
        Ok(Self::of(&bytes.map_err(|_| SerialError)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_in_each_form_in_which_it_is_printed() {
        for text in ["4f00c2", "4F00C2", "04f00c2", "4F:00:C2", "00:4f:00:c2"] {
            let read: Serial = text.parse().unwrap();
            assert_eq!(read.bytes(), [0x4f, 0x00, 0xc2], "{text}");
        }
        assert_eq!("f".parse::<Serial>().unwrap(), Serial::of(&[0, 15]));
        for bad in ["", ":", "4g", "+4", "é", &"1".repeat(41)] {
            assert_eq!(bad.parse::<Serial>(), Err(SerialError), "{bad}");
        }
    }
}
