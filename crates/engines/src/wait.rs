//! Waiting for a condition, with a deadline.

use std::time::Duration;

use tokio::time::Instant;

/// Checks often at first, as most waits are short, and then less, to leave the machine alone.
const CHECK_EVERY_MIN: Duration = Duration::from_millis(2);
const CHECK_EVERY_MAX: Duration = Duration::from_millis(25);

/// Runs `check` until it answers with a value or `within` has passed; then the answer is `None`.
pub async fn wait_until<T, F>(within: Duration, mut check: impl FnMut() -> F) -> Option<T>
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + within;
    let mut pause = CHECK_EVERY_MIN;
    loop {
        let answer = tokio::time::timeout_at(deadline, check()).await.ok().flatten();
        if answer.is_some() || Instant::now() >= deadline {
            return answer;
        }
        tokio::time::sleep_until(deadline.min(Instant::now() + pause)).await;
        pause = (pause * 3 / 2).min(CHECK_EVERY_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_with_the_condition_or_with_its_deadline() {
        let start = Instant::now();
        let after =
            |delay: Duration| move || async move { (start.elapsed() >= delay).then_some(7) };
        let soon = wait_until(Duration::from_secs(1), after(Duration::from_millis(100))).await;
        assert_eq!(soon, Some(7));
        let never = wait_until(Duration::from_secs(1), after(Duration::from_secs(60))).await;
        assert_eq!(never, None);
        assert!(start.elapsed() < Duration::from_secs(2));
    }
}
