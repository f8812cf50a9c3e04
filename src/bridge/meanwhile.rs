//! Something that is done beside something else, for as long as that takes.

use std::sync::atomic::{AtomicBool, Ordering};

/// Does the work, and beside it what ends soon after its flag says that the work is done.
pub(super) fn meanwhile<T, U: Send>(
    beside: impl FnOnce(&AtomicBool) -> U + Send,
    work: impl FnOnce() -> T,
) -> (T, Option<U>) {
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| beside(&is_done));
        let result = work();
        is_done.store(true, Ordering::Relaxed);
        (result, thread.join().ok())
    })
}
