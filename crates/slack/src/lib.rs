//! Slack messages.
