//! Go's text/template, fmt, YAML and JSON in Rust, to the byte.
