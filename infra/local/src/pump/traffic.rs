//! Who goes first: a visitor who waits for an answer, or work that nobody watches.
//!
//! On one machine the pumps take engine and processor from the requests that feed them. So while requests are being answered, the calls of
//! functions that no visitor waits for go one by one: one for every second request that was answered, and each after a short wait at the
//! latest.
//! In calm nothing waits, so a single mail is in the inbox at once; who waits when calm comes goes then, and not when the wait is over.
//! When deployed there is nothing to share, and nothing of this.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use tokio::sync::Notify;

/// Answers for each turn. A submission with a mail causes some 16 calls and is itself 2, so with fewer the visitors hardly notice the
/// difference between going first and not.
const ANSWERS: usize = 2;
/// The longest wait of one call. A batch makes up to some hundred calls, one after the other, within its function's time-out.
const LONGEST: Duration = Duration::from_millis(50);
/// Calm is when nobody has asked for so long: between two requests of a busy visitor there is none.
const CALM: Duration = Duration::from_millis(5);

/// Counts the requests that are being answered. Clones count together.
#[derive(Clone)]
pub struct Traffic(Arc<Inner>);

struct Inner {
    requests: AtomicUsize,
    answers: AtomicUsize,
    last_answer: Mutex<Option<Instant>>,
    next: Notify,
    longest: Duration,
    /// Between two looks whether it is calm.
    look: Duration,
}

impl Default for Traffic {
    fn default() -> Self {
        Self::waiting_up_to(LONGEST, CALM)
    }
}

/// One request; it is done when this is dropped.
pub struct Passing(Arc<Inner>);

impl Traffic {
    fn waiting_up_to(longest: Duration, look: Duration) -> Self {
        Self(Arc::new(Inner {
            requests: AtomicUsize::new(0),
            answers: AtomicUsize::new(0),
            last_answer: Mutex::default(),
            next: Notify::new(),
            longest,
            look,
        }))
    }

    /// A request is being answered from now on.
    pub fn pass(&self) -> Passing {
        self.0.requests.fetch_add(1, Ordering::SeqCst);
        Passing(Arc::clone(&self.0))
    }

    /// Returns when it is the turn of somebody whom no visitor waits for.
    pub async fn turn(&self) {
        let start = Instant::now();
        while !self.is_calm() {
            let left = self.0.longest.saturating_sub(start.elapsed());
            if left.is_zero() {
                return;
            }
            let answered = tokio::time::timeout(left.min(self.0.look), self.0.next.notified());
            if answered.await.is_ok() {
                return;
            }
        }
    }

    /// A connector whose calls wait for their turn.
    pub fn before(&self, connector: SharedHttpConnector) -> SharedHttpConnector {
        SharedHttpConnector::new(InTurn(self.clone(), connector))
    }

    fn is_calm(&self) -> bool {
        let last = self.0.last_answer.lock();
        let last = *last.unwrap_or_else(PoisonError::into_inner);
        self.0.requests.load(Ordering::SeqCst) == 0
            && last.is_none_or(|last| last.elapsed() >= CALM)
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        let last = self.0.last_answer.lock();
        *last.unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.0.requests.fetch_sub(1, Ordering::SeqCst);
        if (self.0.answers.fetch_add(1, Ordering::SeqCst) + 1).is_multiple_of(ANSWERS) {
            self.0.next.notify_one();
        }
    }
}

struct InTurn(Traffic, SharedHttpConnector);

impl fmt::Debug for InTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InTurn")
    }
}

impl HttpConnector for InTurn {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self(traffic, connector) = self;
        if traffic.is_calm() {
            return connector.call(request);
        }
        let (traffic, connector) = (traffic.clone(), connector.clone());
        HttpConnectorFuture::new(async move {
            traffic.turn().await;
            connector.call(request).await
        })
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[tokio::test]
    async fn work_goes_freely_in_calm_and_once_for_every_second_answer_in_traffic() {
        let hour = Duration::from_hours(1);
        let traffic = Traffic::waiting_up_to(hour, hour);
        traffic.turn().await;
        let mut passing: Vec<Passing> = (0..5).map(|_| traffic.pass()).collect();
        let mut context = Context::from_waker(Waker::noop());
        let [mut first, mut second] = [Box::pin(traffic.turn()), Box::pin(traffic.turn())];
        assert_eq!(first.as_mut().poll(&mut context), Poll::Pending);
        assert_eq!(second.as_mut().poll(&mut context), Poll::Pending);
        passing.truncate(4);
        assert_eq!(first.as_mut().poll(&mut context), Poll::Pending);
        passing.truncate(3);
        assert_eq!(first.as_mut().poll(&mut context), Poll::Ready(()));
        assert_eq!(second.as_mut().poll(&mut context), Poll::Pending);
        passing.truncate(1);
        assert_eq!(second.as_mut().poll(&mut context), Poll::Ready(()));
    }

    #[tokio::test]
    async fn a_request_that_takes_forever_holds_nothing_up() {
        let traffic = Traffic::waiting_up_to(Duration::ZERO, CALM);
        let _passing = traffic.pass();
        traffic.turn().await;
    }

    #[tokio::test]
    async fn who_waits_when_calm_comes_goes_then() {
        let traffic = Traffic::waiting_up_to(Duration::from_hours(1), CALM);
        let passing = traffic.pass();
        let mut turn = Box::pin(traffic.turn());
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(turn.as_mut().poll(&mut context), Poll::Pending);
        // One answer only: nobody is called for it.
        drop(passing);
        turn.await;
        assert!(traffic.is_calm());
    }
}
