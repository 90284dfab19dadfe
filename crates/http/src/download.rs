use http::HeaderMap;
use spacecraft_core::{Meaning, Result};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::exchange::{Exchange, Opened};

/// What was written to the end.
#[derive(Debug, Clone)]
pub struct Downloaded {
    /// How many bytes the body had.
    pub bytes: u64,
    /// The headers of the reply.
    pub headers: HeaderMap,
}

pub(crate) async fn copy<W>(
    exchange: &Exchange,
    mut opened: Opened,
    writer: &mut W,
    limit: u64,
) -> Result<Downloaded>
where
    W: AsyncWrite + Unpin + Send,
{
    let mut bytes = 0_u64;
    loop {
        let chunk = opened.reply.chunk().await.map_err(|error| broken_off(exchange, error, bytes))?;
        let Some(chunk) = chunk else { break };
        bytes = bytes.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        if bytes > limit {
            let reason = format!("the body is larger than the {limit} bytes that are taken");
            return Err(exchange.error(Meaning::Invalid, reason));
        }
        writer.write_all(&chunk).await.map_err(|error| unwritten(exchange, error))?;
    }
    writer.flush().await.map_err(|error| unwritten(exchange, error))?;
    let received = usize::try_from(bytes).unwrap_or(usize::MAX);
    exchange.tell(opened.started(), Some(opened.reply.status()), received, "");
    Ok(Downloaded { bytes, headers: opened.reply.headers().clone() })
}

fn broken_off(exchange: &Exchange, error: reqwest::Error, bytes: u64) -> spacecraft_core::Error {
    let reason = format!("the body broke off after {bytes} bytes");
    let meaning = if error.is_timeout() { Meaning::TimedOut } else { Meaning::Unavailable };
    exchange.error(meaning, reason).with_source(error.without_url())
}

fn unwritten(exchange: &Exchange, error: std::io::Error) -> spacecraft_core::Error {
    exchange.error(Meaning::Other, "what was received cannot be written").with_source(error)
}
