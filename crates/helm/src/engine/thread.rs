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

/// Does something with each of `shares` at the same time: the first one on this thread, each other on one of its own. Answers in their order;
/// what a thread that cannot be started should do is done here.
pub(super) fn on_each<'s, S: Sync, T: Send>(
    shares: &mut dyn Iterator<Item = &'s [S]>,
    work: impl Fn(&'s [S]) -> Vec<T> + Sync,
) -> Vec<Vec<T>> {
    let Some(own) = shares.next() else { return Vec::new() };
    let work = &work;
    std::thread::scope(|scope| {
        let others: Vec<_> = shares
            .map(|share| {
                let builder = std::thread::Builder::new().stack_size(STACK_BYTES);
                (share, builder.spawn_scoped(scope, move || work(share)).ok())
            })
            .collect();
        let mut done = vec![work(own)];
        for (share, handle) in others {
            let result = handle.and_then(|handle| handle.join().ok());
            done.push(result.unwrap_or_else(|| work(share)));
        }
        done
    })
}
