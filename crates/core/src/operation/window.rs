use std::future::Future;

use futures::StreamExt;
use futures::stream::FuturesUnordered;

use crate::error::Result;

/// Runs `work` for every item with at most `width` at a time, each place taken again as soon as it is free. After the first failure, and
/// once `may_start` says no, nothing new is started; what is under way is finished.
///
/// # Errors
///
/// The first failure, or what `may_start` said.
pub(super) async fn sliding_window<I, T, F>(
    items: impl IntoIterator<Item = I>,
    width: usize,
    may_start: impl Fn() -> Result<()>,
    work: impl Fn(I) -> F,
    mut done: impl FnMut(T),
) -> Result<()>
where
    F: Future<Output = Result<T>>,
{
    let mut items = items.into_iter();
    let mut running = FuturesUnordered::new();
    let mut failure = None;
    loop {
        while failure.is_none() && running.len() < width.max(1) {
            if let Err(error) = may_start() {
                failure = Some(error);
                break;
            }
            match items.next() {
                Some(item) => running.push(work(item)),
                None => break,
            }
        }
        match running.next().await {
            Some(Ok(value)) => done(value),
            Some(Err(error)) => failure = failure.or(Some(error)),
            None => return failure.map_or(Ok(()), Err),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::error::{Error, Meaning};

    fn failed() -> Error {
        Error::new(Meaning::Other, "work", "", "failed")
    }

    #[tokio::test]
    async fn at_most_the_width_is_under_way_and_everything_is_done() {
        let (now, most) = (Cell::new(0), Cell::new(0));
        let mut finished = 0;
        let work = |_: u32| async {
            now.set(now.get() + 1);
            most.set(most.get().max(now.get()));
            tokio::task::yield_now().await;
            now.set(now.get() - 1);
            Ok(())
        };
        sliding_window(0..50, 7, || Ok(()), work, |()| finished += 1).await.unwrap();
        assert_eq!((finished, most.get()), (50, 7));
    }

    #[tokio::test]
    async fn after_a_failure_nothing_new_starts_and_what_runs_is_finished() {
        let started = Cell::new(0);
        let mut finished = 0;
        let work = |item: u32| {
            started.set(started.get() + 1);
            async move {
                if item == 2 {
                    Err(failed())
                } else {
                    tokio::task::yield_now().await;
                    Ok(())
                }
            }
        };
        let result = sliding_window(0..100, 4, || Ok(()), work, |()| finished += 1).await;
        assert!(result.is_err());
        assert_eq!(finished + 1, started.get(), "what was started was not finished");
        assert!(started.get() < 10);
    }
}
