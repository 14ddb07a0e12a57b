//! A look into a guest's memory, for those who check that a secret never gets there. A host that serves has no
//! observer, and then the engine is not even built to allow one.

use wasmtime::Store;

/// Is shown what a guest had in its memory: for checkers and tests, never for a host that serves.
///
/// An engine that allows the look compiles a component anew, with instrumentation, and copies its code for each
/// instance: calls take several times as long. Limits are kept as ever.
pub trait MemoryObserver: Send + Sync {
    /// Called once for each linear memory of an instance when its call, or its `identify`, ends: with an answer,
    /// by a trap, at a limit, or because the caller went away. `bytes` is the whole memory as the guest left it.
    fn memory(&self, bytes: &[u8]);
}

/// Shows every linear memory in the store, each once: adapters and shims import the program's own.
pub(crate) fn show<T>(store: &mut Store<T>, observer: &dyn MemoryObserver) {
    let mut shown = Vec::new();
    for instance in store.debug_all_instances() {
        let mut index = 0;
        while let Some(memory) = instance.debug_memory(&mut *store, index) {
            let bytes = memory.data(&*store);
            if !shown.contains(&bytes.as_ptr()) {
                shown.push(bytes.as_ptr());
                observer.memory(bytes);
            }
            index += 1;
        }
    }
}
