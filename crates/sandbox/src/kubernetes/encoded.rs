//! The form in which objects are kept: JSON, which is compressed once there is much of it. The objects of a fleet are alike line by line, and are held far longer
//! than they are read.

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde_json::Value;

/// An object as JSON, whole.
#[derive(Debug)]
pub(crate) struct Encoded {
    form: Form,
    length: usize,
}

#[derive(Debug)]
enum Form {
    Plain(Bytes),
    Compressed(Box<[u8]>),
}

impl Encoded {
    /// An object in its quickest form.
    pub(crate) fn plain(object: &Value) -> Self {
        // Without the room that a growing buffer has, which would be as much again.
        let bytes: Bytes = serde_json::to_vec(object).unwrap_or_default().into_boxed_slice().into();
        Self { length: bytes.len(), form: Form::Plain(bytes) }
    }

    /// An object in its smallest form.
    pub(crate) fn compressed(object: &Value) -> Self {
        let plain = Self::plain(object);
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        let compressed = encoder.write_all(&plain.bytes()).and_then(|()| encoder.finish());
        match compressed {
            Ok(bytes) => Self { form: Form::Compressed(bytes.into_boxed_slice()), ..plain },
            Err(_) => plain,
        }
    }

    /// The JSON.
    pub(crate) fn bytes(&self) -> Bytes {
        match &self.form {
            Form::Plain(bytes) => bytes.clone(),
            Form::Compressed(bytes) => {
                let mut plain = Vec::with_capacity(self.length);
                // What was compressed here decompresses.
                let _ = DeflateDecoder::new(&**bytes).read_to_end(&mut plain);
                plain.into()
            }
        }
    }

    /// The object.
    pub(crate) fn object(&self) -> Value {
        serde_json::from_slice(&self.bytes()).unwrap_or_default()
    }

    /// How many bytes of JSON it is.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// How many bytes of memory it takes.
    pub(crate) fn held(&self) -> usize {
        match &self.form {
            Form::Plain(bytes) => bytes.len(),
            Form::Compressed(bytes) => bytes.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn an_object_is_the_same_in_either_form(texts in proptest::collection::vec(".{0,200}", 0..20)) {
            let object = json!({"data": texts});
            let (plain, compressed) = (Encoded::plain(&object), Encoded::compressed(&object));
            prop_assert_eq!(plain.bytes(), compressed.bytes());
            prop_assert_eq!(plain.len(), compressed.len());
            prop_assert_eq!(compressed.object(), object);
        }
    }

    #[test]
    fn objects_that_repeat_themselves_take_a_fraction_of_their_size() {
        let object = json!({"args": vec!["--listen=/ip4/0.0.0.0/tcp/7513"; 200]});
        let compressed = Encoded::compressed(&object);
        assert!(compressed.held() * 10 < compressed.len(), "{} of {}", compressed.held(), compressed.len());
    }
}
