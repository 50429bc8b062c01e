//! Files with objects: YAML documents or JSON.

use std::io::{Error, ErrorKind, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde_json::Value;
use trunkline_netmaster_api::ClientError;
use trunkline_types::{Selector, chain};

use crate::failure::Failure;

/// The objects of a file. Whether they make sense is for netmaster to say.
pub(crate) struct Manifests {
    file: PathBuf,
    objects: Vec<Value>,
}

/// How many bytes a file may have: far more than netmaster takes in one request, and few enough for
/// memory.
const SIZE_MAX: u64 = 64 << 20;

impl Manifests {
    /// Reads `file`, or standard input if it is `-`.
    pub(crate) fn read(file: &Path) -> Result<Self, Failure> {
        let text = read(file)?;
        let objects = objects(&text)
            .map_err(|why| Failure::Usage(format!("`{}` cannot be read: {why}", file.display())))?;
        Ok(Self {
            file: file.to_owned(),
            objects,
        })
    }

    pub(crate) fn objects(&self) -> &[Value] {
        &self.objects
    }

    /// The same failure; if it is about objects of the file, with all of those.
    pub(crate) fn placed(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Netmaster(ClientError::Refused(problem)) if !problem.objects.is_empty() => {
                Failure::Objects(self.file.clone(), "object", problem)
            }
            other => other,
        }
    }
}

/// The text of a file, or of standard input if it is `-`.
pub(crate) fn read(file: &Path) -> Result<String, Failure> {
    let failed = |error| Failure::Unreadable(file.to_owned(), error);
    let text = if file == Path::new("-") {
        within(std::io::stdin().lock(), SIZE_MAX)
    } else {
        within(std::fs::File::open(file).map_err(failed)?, SIZE_MAX)
    };
    text.map_err(failed)?.ok_or_else(|| {
        Failure::Usage(format!(
            "`{}` has more than {} MiB, so none of it is read: divide it into several files",
            file.display(),
            SIZE_MAX >> 20
        ))
    })
}

/// All that `from` has; none if that is more than `most` bytes. A part of it would be another text.
fn within(from: impl Read, most: u64) -> Result<Option<String>, Error> {
    let mut bytes = Vec::new();
    // The byte beyond says that there is more.
    let read = from.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(read).is_ok_and(|read| read > most) {
        return Ok(None);
    }
    let text = String::from_utf8(bytes);
    text.map(Some)
        .map_err(|error| Error::new(ErrorKind::InvalidData, error.utf8_error()))
}

/// The objects of a text: JSON values one after the other, or YAML documents; each an object, a
/// list of them, or what `netctl export -o json` prints.
fn objects(text: &str) -> Result<Vec<Value>, String> {
    let documents = match json(text) {
        Some(documents) => documents,
        None => yaml(text)?,
    };
    let mut objects = Vec::new();
    for (place, document) in documents.into_iter().enumerate() {
        match document {
            Value::Null => {}
            Value::Array(items) => objects.extend(items),
            Value::Object(mut fields) if !fields.contains_key("kind") => {
                match fields.remove("objects") {
                    Some(Value::Array(items)) => objects.extend(items),
                    _ => {
                        return Err(format!(
                            "document {} has no `kind`: begin it with one, like `kind: network`",
                            place + 1
                        ));
                    }
                }
            }
            object => objects.push(object),
        }
    }
    match objects.is_empty() {
        true => {
            Err("there is no object in it: begin one with its kind, like `kind: network`".into())
        }
        false => Ok(objects),
    }
}

/// The JSON values that a text is; none if it is something else.
fn json(text: &str) -> Option<Vec<Value>> {
    let values = serde_json::Deserializer::from_str(text).into_iter::<serde_norway::Value>();
    let values: Result<Vec<_>, _> = values.collect();
    // This kind of value minds a field that is there twice.
    values
        .ok()?
        .into_iter()
        .map(|value| serde_json::to_value(value).ok())
        .collect()
}

fn yaml(text: &str) -> Result<Vec<Value>, String> {
    let documents = serde_norway::Deserializer::from_str(text).map(|document| {
        let value = serde_norway::Value::deserialize(document).map_err(|error| chain(&error))?;
        serde_json::to_value(value).map_err(|error| chain(&error))
    });
    documents.collect()
}

/// Labels that objects must have.
pub(crate) fn parsed_selector(text: &str) -> Result<Selector, String> {
    text.parse().map_err(|error| chain(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<String> {
        let objects = objects(text).unwrap().into_iter();
        objects
            .map(|object| object["kind"].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn objects_are_documents_lists_or_an_export() {
        for text in [
            "kind: network\nname: a\n---\n---\nkind: subnet\nname: b\n",
            "- kind: network\n- kind: subnet\n",
            "objects:\n- kind: network\n- kind: subnet\n",
            r#"{"kind": "network"} {"kind": "subnet"}"#,
            r#"[{"kind": "network"}, {"kind": "subnet"}]"#,
            r#"{"revision": 7, "objects": [{"kind": "network"}, {"kind": "subnet"}]}"#,
            "# A comment\n{kind: network}\n---\n{kind: subnet}",
        ] {
            assert_eq!(kinds(text), ["network", "subnet"], "{text}");
        }
    }

    #[test]
    fn a_text_is_read_wholly_or_not_at_all() {
        let read = |text: &str| within(text.as_bytes(), 4).unwrap();
        assert_eq!(read("abcd").as_deref(), Some("abcd"));
        assert_eq!(read("abcde"), None);
        // The limit is in the midst of a character.
        assert_eq!(read("abcdé"), None);
        assert_eq!(read(""), Some(String::new()));
    }

    #[test]
    fn what_is_no_object_is_refused_with_its_place() {
        for (text, part) in [
            ("", "there is no object in it"),
            ("---\n---\n", "there is no object in it"),
            ("name: a\n", "document 1 has no `kind`"),
            ("kind: network\n---\nname: a\n", "document 2 has no `kind`"),
            ("kind: network\nname: a\nname: b\n", "duplicate entry"),
            (
                r#"{"kind": "network", "name": "a", "name": "b"}"#,
                "duplicate entry",
            ),
            ("kind: [", "line "),
        ] {
            let error = objects(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
