//! Again, later: for errors that pass by themselves. Nobody who lied is asked again.

use std::future::Future;
use std::time::Duration;

use tokio::time::sleep;

use super::error::TransportError;

/// How often, and how long between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Attempts in all; at least one is made.
    pub attempts: u32,
    /// Longest pause after the first attempt. Each further one may be twice as long.
    pub first: Duration,
    /// Longest pause of all, unless the server asks for a longer one.
    pub ceiling: Duration,
}

impl Policy {
    /// For calls that someone waits for: about ten seconds in all.
    pub const PROMPT: Self = Self {
        attempts: 6,
        first: Duration::from_millis(300),
        ceiling: Duration::from_secs(5),
    };
    /// For work in the background: until it is cancelled.
    pub const PATIENT: Self = Self {
        attempts: u32::MAX,
        first: Duration::from_millis(500),
        ceiling: Duration::from_secs(60),
    };

    /// The pause after `failed` failures, without jitter.
    fn pause(&self, failed: u32) -> Duration {
        let factor = 1_u32.checked_shl(failed.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.ceiling)
    }
}

/// Calls `op` until it succeeds, fails for good, or the policy's attempts are used up. Pauses grow exponentially, with
/// jitter between half and all of each; `retry-after` is obeyed. Cancelled by dropping the future: every call is
/// idempotent, so nothing is left half done.
pub async fn retry<T, F>(policy: Policy, mut op: impl FnMut() -> F) -> Result<T, TransportError>
where
    F: Future<Output = Result<T, TransportError>>,
{
    let mut failed = 0_u32;
    loop {
        let error = match op().await {
            Err(error) if error.is_transient() => error,
            result => return result,
        };
        failed = failed.saturating_add(1);
        if failed >= policy.attempts {
            return Err(error);
        }
        let pause = policy.pause(failed);
        let pause = rand::random_range(pause / 2..=pause);
        // sleep: backoff with jitter
        sleep(error.retry_after().map_or(pause, |asked| asked + pause)).await;
    }
}

#[cfg(test)]
mod tests {
    use crannog_core::check::Check;
    use crannog_proto::ErrorCode;
    use tokio::time::Instant;

    use super::*;
    use crate::transport::Obstacle;

    async fn attempts(policy: Policy, mut errors: Vec<TransportError>) -> (u32, Result<(), TransportError>) {
        errors.reverse();
        let mut count = 0;
        let result = retry(policy, || {
            count += 1;
            let next = errors.pop();
            async move { next.map_or(Ok(()), Err) }
        })
        .await;
        (count, result)
    }

    #[tokio::test(start_paused = true)]
    async fn transient_errors_are_retried_with_growing_pauses() {
        let start = Instant::now();
        let errors = vec![
            TransportError::TimedOut,
            TransportError::unreachable(Obstacle::Broken),
            TransportError::TimedOut,
        ];
        let (count, result) = attempts(Policy::PROMPT, errors).await;
        assert!(result.is_ok());
        assert_eq!(count, 4);
        let waited = start.elapsed();
        assert!(
            waited >= Duration::from_millis(1050) && waited <= Duration::from_millis(2110),
            "{waited:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_end() {
        let policy = Policy {
            attempts: 3,
            ..Policy::PROMPT
        };
        let errors = (0..10).map(|_| TransportError::TimedOut).collect();
        let (count, result) = attempts(policy, errors).await;
        assert_eq!(count, 3);
        assert!(matches!(result, Err(TransportError::TimedOut)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_liar_is_asked_once() {
        let (count, result) = attempts(
            Policy::PATIENT,
            vec![TransportError::misbehaved(Check::Blob, "blob", [])],
        )
        .await;
        assert_eq!(count, 1);
        assert!(matches!(
            result,
            Err(TransportError::Misbehaved {
                check: Check::Blob,
                ..
            })
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn retry_after_is_obeyed() {
        let start = Instant::now();
        let busy = TransportError::Server {
            code: ErrorCode::TooManyRequests,
            ids: Vec::new(),
            retry_after: Some(Duration::from_secs(17)),
        };
        let (count, _) = attempts(Policy::PROMPT, vec![busy]).await;
        assert_eq!(count, 2);
        assert!(start.elapsed() >= Duration::from_secs(17));
    }

    #[test]
    fn pauses_stay_below_the_ceiling() {
        assert_eq!(Policy::PROMPT.pause(1), Duration::from_millis(300));
        assert_eq!(Policy::PROMPT.pause(2), Duration::from_millis(600));
        assert_eq!(Policy::PATIENT.pause(40), Duration::from_secs(60));
        assert_eq!(Policy::PATIENT.pause(u32::MAX), Duration::from_secs(60));
    }
}
