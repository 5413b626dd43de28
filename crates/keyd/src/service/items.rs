//! One item, or each of a batch, in order.

use crannog_keyd_client::{Item, ItemFault, Items, Outcome, Outcomes, Refusal};
use crannog_keyd_keys::KeyError;
use tokio::task::yield_now;

use super::limits::SlowTurn;
use super::refusal;

/// So many items are worked off before others have their turn on this thread.
const TURN: usize = 64;

/// Does `work` to each item: here where items take microseconds, on a thread of its own where it has a turn to be slow, which it keeps
/// even if nobody waits for the answer any more.
pub(super) async fn each<T, R>(
    items: Items<T>,
    turn: Option<SlowTurn>,
    mut work: impl FnMut(T) -> Result<R, KeyError> + Send + 'static,
) -> Result<Outcomes<R>, Refusal>
where
    T: Send + 'static,
    R: Send + 'static,
{
    if let Some(turn) = turn {
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            all(items, work)
        });
        let done = done.await;
        return done.unwrap_or_else(|_| Err(refusal::of_key(&KeyError::Internal)));
    }
    match items {
        Items::Batch(items) => {
            let mut outcomes = Vec::with_capacity(items.len());
            for (at, item) in items.into_iter().enumerate() {
                if at % TURN == TURN - 1 {
                    yield_now().await;
                }
                outcomes.push(one(item, &mut work));
            }
            Ok(Outcomes::Batch(outcomes))
        }
        single => all(single, work),
    }
}

fn all<T, R>(
    items: Items<T>,
    mut work: impl FnMut(T) -> Result<R, KeyError>,
) -> Result<Outcomes<R>, Refusal> {
    match items {
        Items::One(item) => match work(item) {
            Ok(done) => Ok(Outcomes::One(done)),
            Err(error) => Err(refusal::of_key(&error)),
        },
        Items::Batch(items) => {
            let outcomes = items.into_iter().map(|item| one(item, &mut work)).collect();
            Ok(Outcomes::Batch(outcomes))
        }
    }
}

fn one<T, R>(item: Item<T>, work: &mut impl FnMut(T) -> Result<R, KeyError>) -> Outcome<R> {
    Outcome {
        reference: item.reference,
        result: match item.item {
            Ok(item) => work(item).map_err(|error| refusal::of_item(&error)),
            Err(wrong) => Err(ItemFault {
                text: wrong.to_string(),
                by_service: false,
            }),
        },
    }
}

/// The items that are whole.
pub(super) fn whole<T>(items: &Items<T>) -> Box<dyn Iterator<Item = &T> + Send + '_>
where
    T: Sync,
{
    match items {
        Items::One(item) => Box::new(std::iter::once(item)),
        Items::Batch(items) => Box::new(items.iter().filter_map(|item| item.item.as_ref().ok())),
    }
}

/// Those that succeeded.
pub(super) fn succeeded<T>(outcomes: &Outcomes<T>) -> Box<dyn Iterator<Item = &T> + Send + '_>
where
    T: Sync,
{
    match outcomes {
        Outcomes::One(done) => Box::new(std::iter::once(done)),
        Outcomes::Batch(outcomes) => Box::new(outcomes.iter().filter_map(|one| one.result.as_ref().ok())),
    }
}

/// How many failed.
pub(super) fn failed<T>(outcomes: &Outcomes<T>) -> u64 {
    match outcomes {
        Outcomes::One(_) => 0,
        Outcomes::Batch(outcomes) => outcomes.iter().filter(|one| one.result.is_err()).count() as u64,
    }
}
