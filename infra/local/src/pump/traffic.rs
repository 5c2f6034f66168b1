//! Who goes first: a visitor who waits for an answer, or work that nobody watches.
//!
//! On one machine the pumps take the processor from the requests that feed them. So while requests are being answered, a pump rests after
//! each delivery for a while that grows with the delivery, and wakes as soon as the last request is done. In calm it never rests,
//! so a single mail is in the inbox at once. When deployed there is nothing to share, and nothing of this.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

/// How much longer than its delivery a pump rests.
const FACTOR: u32 = 2;
/// The longest rest.
const LONGEST: Duration = Duration::from_millis(500);

/// Counts the requests that are being answered. Clones count together.
#[derive(Clone, Default)]
pub struct Traffic(Arc<Inner>);

#[derive(Default)]
struct Inner {
    requests: AtomicUsize,
    calm: Notify,
}

/// One request; it is done when this is dropped.
pub struct Passing(Arc<Inner>);

impl Traffic {
    /// A request is being answered from now on.
    pub fn pass(&self) -> Passing {
        self.0.requests.fetch_add(1, Ordering::SeqCst);
        Passing(Arc::clone(&self.0))
    }

    /// Rests after a delivery that took `took`, unless there is nobody to let go first.
    pub async fn rest(&self, took: Duration) {
        let calm = self.0.calm.notified();
        if self.0.requests.load(Ordering::SeqCst) > 0 {
            let _ = tokio::time::timeout((took * FACTOR).min(LONGEST), calm).await;
        }
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        if self.0.requests.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.calm.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[tokio::test]
    async fn a_pump_rests_only_while_requests_are_being_answered() {
        let traffic = Traffic::default();
        let hour = Duration::from_hours(1);
        traffic.rest(hour).await;
        let (one, other) = (traffic.pass(), traffic.pass());
        let mut rest = Box::pin(traffic.rest(hour));
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(rest.as_mut().poll(&mut context), Poll::Pending);
        drop(one);
        assert_eq!(rest.as_mut().poll(&mut context), Poll::Pending);
        drop(other);
        assert_eq!(rest.as_mut().poll(&mut context), Poll::Ready(()));
    }
}
