//! Any text is YAML or is refused, and what is read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use spacecraft_gotemplate::{Value, yaml};

fuzz_target!(|text: &str| {
    let Ok(documents) = yaml::documents(text) else { return };
    for document in documents {
        if let Ok(written) = yaml::to_string(&Value::from(document)) {
            let _ = yaml::from_str(&written);
        }
    }
});
