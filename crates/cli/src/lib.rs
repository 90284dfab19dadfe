//! The spacecraft command: arguments, settings, wiring, output.
