//! The limit of posts from one network. Knows nothing of forms.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use shared::domain::time::{MINUTE_MS, Timestamp};
use shared::store::RateLimits;

use crate::Deps;

/// Posts that one network may make.
const LIMITS: RateLimits = RateLimits {
    per_minute: 30,
    per_day: 300,
};

/// Networks that are over their limit, until when: an instance does not ask the store again.
pub type Refused = Arc<Mutex<HashMap<String, Timestamp>>>;

/// Seconds until the network may post again, where it is over its limit. A counter out of reach stops nobody.
pub async fn over_limit(deps: &Deps, ip: Option<&str>) -> Option<u64> {
    let ip = ip?;
    let now = deps.clock.now();
    let minute_end = Timestamp((now.0.div_euclid(MINUTE_MS) + 1) * MINUTE_MS);
    let seconds = |until: Timestamp| u64::try_from(until.since(now) / 1000 + 1).unwrap_or(1);
    {
        let mut refused = deps.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.retain(|_, until| *until > now);
        if let Some(until) = refused.get(ip) {
            return Some(seconds(*until));
        }
    }
    match deps.store.count_post(ip, LIMITS, now).await {
        Ok(true) => None,
        Ok(false) => {
            deps.refused
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(ip.to_owned(), minute_end);
            Some(seconds(minute_end))
        }
        Err(error) => {
            tracing::warn!(function = "capture", error = %error, "the limit counter is out of reach");
            None
        }
    }
}
