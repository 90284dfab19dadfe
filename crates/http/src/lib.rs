//! The one HTTP client of all REST calls: retry, deadlines, redaction, error bodies.
