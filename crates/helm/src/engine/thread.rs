//! Room on the stack for templates that call one another deeply.

use super::RenderError;

/// Levels of nesting that a rendering may reach. Helm allows a template to include itself 1000 times; each time can be a
/// dozen levels of conditions, loops and parentheses.
pub(super) const MAX_DEPTH: usize = 20_000;

/// Stack for [`MAX_DEPTH`] levels; pages that are not touched cost nothing.
const STACK_BYTES: usize = MAX_DEPTH * if cfg!(debug_assertions) { 24 * 1024 } else { 12 * 1024 };

/// Runs something on a thread of its own with a stack for deep recursion.
pub(super) fn with_deep_stack<T: Send>(
    run: impl FnOnce() -> Result<T, RenderError> + Send,
) -> Result<T, RenderError> {
    std::thread::scope(|scope| {
        let spawned = std::thread::Builder::new()
            .name("chart rendering".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, run);
        let handle = spawned.map_err(|error| {
            RenderError::new(format!("no thread to render the chart on could be started: {error}"))
        })?;
        handle.join().unwrap_or_else(|_| Err(RenderError::new("rendering the chart was aborted by a fault")))
    })
}
