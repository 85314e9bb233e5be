//! The `wasi_snapshot_preview1` imports of Rust's standard library: one variable, virtual time,
//! random bytes from a seed, and standard error into the log (that is where a panic speaks).

use crate::world::World;
use wasmi::{Caller, Error, Linker, Memory};

const MODULE: &str = "wasi_snapshot_preview1";
const SUCCESS: u32 = 0;
/// The environment.
const VARIABLE: &[u8] = b"HANSARD_REDACT_KEY=a key for tests alone\0";

pub(crate) fn link(linker: &mut Linker<World>) {
    linker
        .func_wrap(
            MODULE,
            "environ_sizes_get",
            |mut caller: Caller<'_, World>, n: u32, len: u32| {
                put(&mut caller, n, &1_u32.to_le_bytes());
                put(&mut caller, len, &(VARIABLE.len() as u32).to_le_bytes());
                SUCCESS
            },
        )
        .unwrap();
    linker
        .func_wrap(MODULE, "environ_get", |mut caller: Caller<'_, World>, list: u32, text: u32| {
            put(&mut caller, list, &text.to_le_bytes());
            put(&mut caller, text, VARIABLE);
            SUCCESS
        })
        .unwrap();
    linker
        .func_wrap(
            MODULE,
            "clock_time_get",
            |mut caller: Caller<'_, World>, _clock: u32, _precision: u64, time: u32| {
                let nanoseconds = caller.data().now_ms * 1_000_000;
                put(&mut caller, time, &nanoseconds.to_le_bytes());
                SUCCESS
            },
        )
        .unwrap();
    linker
        .func_wrap(MODULE, "random_get", |mut caller: Caller<'_, World>, at: u32, len: u32| {
            let bytes: Vec<u8> = (0..len).map(|_| caller.data_mut().random()).collect();
            put(&mut caller, at, &bytes);
            SUCCESS
        })
        .unwrap();
    linker
        .func_wrap(
            MODULE,
            "fd_write",
            |mut caller: Caller<'_, World>, _fd: u32, vectors: u32, count: u32, written: u32| {
                let mut text = Vec::new();
                for vector in 0..count {
                    let at = number(&caller, vectors + vector * 8) as usize;
                    let len = number(&caller, vectors + vector * 8 + 4) as usize;
                    text.extend_from_slice(&memory(&caller).data(&caller)[at..at + len]);
                }
                let len = u32::try_from(text.len()).unwrap();
                put(&mut caller, written, &len.to_le_bytes());
                caller.data_mut().logs.push(String::from_utf8_lossy(&text).into_owned());
                SUCCESS
            },
        )
        .unwrap();
    linker
        .func_wrap(MODULE, "proc_exit", |_: Caller<'_, World>, code: u32| -> Result<(), Error> {
            Err(Error::new(format!("the filter exits with {code}")))
        })
        .unwrap();
}

fn memory(caller: &Caller<'_, World>) -> Memory {
    caller.data().memory.unwrap()
}

fn put(caller: &mut Caller<'_, World>, at: u32, bytes: &[u8]) {
    memory(caller).write(caller, at as usize, bytes).unwrap();
}

fn number(caller: &Caller<'_, World>, at: u32) -> u32 {
    let at = at as usize;
    u32::from_le_bytes(memory(caller).data(caller)[at..at + 4].try_into().unwrap())
}
