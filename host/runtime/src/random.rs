//! `wasi:random` for guests: the kernel's generator, a little at a time.

use aws_lc_rs::rand;
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};

/// The generator. All three interfaces give strong randomness: that costs nothing that matters.
pub(crate) struct Random {
    /// Most bytes of one request ([`crate::Limits::random_bytes`]).
    pub(crate) most_bytes: u64,
}

impl Random {
    fn bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        let most = self.most_bytes;
        if length > most {
            wasmtime::bail!("{length} random bytes were asked for at once; at most {most} are given");
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        rand::fill(&mut bytes).map_err(|_| wasmtime::format_err!("the random generator failed"))?;
        Ok(bytes)
    }

    fn number(&mut self) -> wasmtime::Result<u64> {
        let mut bytes = [0; 8];
        rand::fill(&mut bytes).map_err(|_| wasmtime::format_err!("the random generator failed"))?;
        Ok(u64::from_ne_bytes(bytes))
    }
}

impl random::Host for Random {
    fn get_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.bytes(length)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.number()
    }
}

impl insecure::Host for Random {
    fn get_insecure_random_bytes(&mut self, length: u64) -> wasmtime::Result<Vec<u8>> {
        self.bytes(length)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.number()
    }
}

impl insecure_seed::Host for Random {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((self.number()?, self.number()?))
    }
}
