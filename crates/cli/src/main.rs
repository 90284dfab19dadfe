//! The `spacecraft` command.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// The simulated cloud and the rendering of charts make many small values; this allocator is quicker with them, and gives more memory back, than the system's.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    spacecraft_cli::run()
}
