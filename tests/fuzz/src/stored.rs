//! Values of the store.

use trunkline_netmaster::reading;

/// Of a key, which is the first line, and a value, which is the rest: they are refused with a
/// reason, or are an object that belongs under this key and no other, and is the same when it is
/// written and read again.
///
/// # Panics
///
/// If that is not so.
pub fn stored(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n');
    let (path, value) = data.split_at(end.unwrap_or(data.len()));
    let Ok(path) = std::str::from_utf8(path) else {
        return;
    };
    match reading::stored(path, value) {
        Ok(object) => {
            let written = reading::written(&object);
            let (key, value) = written.unwrap_or_else(|error| panic!("{object:?}: {error}"));
            assert_eq!(key, path);
            let again = reading::stored(&key, &value);
            assert_eq!(again.ok().as_ref(), Some(&object));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
