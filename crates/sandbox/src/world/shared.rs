//! One world for several hosts at once, and for hosts that cannot stream.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use http::StatusCode;

use super::World;
use crate::{
    address::ServiceAddress,
    kubernetes::StreamUpdate,
    moment::Moment,
    wire::{Answer, Request, Response},
};

/// A world that can be handed around.
#[derive(Debug, Clone)]
pub struct SharedWorld {
    world: Arc<Mutex<World>>,
}

impl SharedWorld {
    /// Shares a world.
    #[must_use]
    pub fn new(world: World) -> Self {
        Self { world: Arc::new(Mutex::new(world)) }
    }

    /// The world itself, for as long as the guard lives. A host that panicked does not take it away from the others.
    pub fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a call whole, for hosts that cannot keep a response open: a stream gives what it has at this instant and
    /// ends, a tunnel is refused. The call is counted; fault rules are not looked at.
    #[must_use]
    pub fn answer_now(
        &self,
        address: &ServiceAddress,
        request: &Request,
        moment: impl Into<Moment>,
    ) -> Response {
        let moment = moment.into();
        let mut world = self.lock();
        let (number, _) = world.begin_call(address, request);
        let response = match world.handle(address, request, moment) {
            Answer::Full(response) => response,
            Answer::Stream(stream) => {
                let update = world.stream_next(address, stream.identifier, moment);
                world.close_stream(address, stream.identifier);
                let body = joined(stream.first.into_iter().chain(update.lines));
                Response { body, ..stream.head }
            }
            Answer::PortForward(_) => {
                Response::text(StatusCode::BAD_REQUEST, "this host cannot upgrade connections")
            }
        };
        let length = u64::try_from(response.body.len()).unwrap_or(u64::MAX);
        world.end_call(number, address, request, response.status, length);
        response
    }
}

fn joined(lines: impl Iterator<Item = Bytes>) -> Bytes {
    let mut body = BytesMut::new();
    lines.for_each(|line| body.extend_from_slice(&line));
    body.freeze()
}

impl World {
    /// What is new on an open stream of a cluster; a cluster that is gone closes it.
    pub fn stream_next(
        &mut self,
        address: &ServiceAddress,
        identifier: u64,
        moment: impl Into<Moment>,
    ) -> StreamUpdate {
        let hosted = match address {
            ServiceAddress::Kubernetes(cluster) => self.clusters.get_mut(cluster),
            _ => None,
        };
        match hosted {
            Some(hosted) => hosted.stream_next(identifier, moment.into().now),
            None => StreamUpdate { lines: Vec::new(), closed: true },
        }
    }

    /// Forgets a stream whose reader is gone.
    pub fn close_stream(&mut self, address: &ServiceAddress, identifier: u64) {
        if let ServiceAddress::Kubernetes(cluster) = address
            && let Some(hosted) = self.clusters.get_mut(cluster)
        {
            hosted.close_stream(identifier);
        }
    }
}
