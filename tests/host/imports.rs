//! The `env.proxy_*` imports that the filter may call. Any other traps: the SDK links them, and
//! nothing of ours calls them.

use crate::abi::{Buffer, Headers, Map, Status, Way};
use crate::world::World;
use wasmi::{Caller, Error, Linker, Module};

/// A host call under way: the world, and the caller's memory.
struct Guest<'a>(Caller<'a, World>);

impl Guest<'_> {
    fn world(&mut self) -> &mut World {
        self.0.data_mut()
    }

    fn bytes(&self, at: u32, len: u32) -> Vec<u8> {
        let (at, len) = (at as usize, len as usize);
        let memory = self.0.data().memory.unwrap().data(&self.0);
        memory[at..at + len].to_vec()
    }

    fn text(&self, at: u32, len: u32) -> String {
        String::from_utf8(self.bytes(at, len)).unwrap()
    }

    fn put(&mut self, at: u32, bytes: &[u8]) {
        let memory = self.0.data().memory.unwrap();
        memory.write(&mut self.0, at as usize, bytes).unwrap();
    }

    /// Gives bytes away, in memory that the guest allocates; none are a null pointer.
    fn give(&mut self, bytes: &[u8], data: u32, size: u32) -> Status {
        let mut at = 0;
        if !bytes.is_empty() {
            let allocate = self.0.data().allocate.unwrap();
            at = allocate.call(&mut self.0, u32::try_from(bytes.len()).unwrap()).unwrap();
            self.put(at, bytes);
        }
        self.put(data, &at.to_le_bytes());
        self.put(size, &u32::try_from(bytes.len()).unwrap().to_le_bytes());
        Status::Ok
    }
}

/// Carries a call out, unless it is to fail.
fn host(
    caller: Caller<'_, World>,
    name: &'static str,
    act: impl FnOnce(&mut Guest<'_>) -> Status,
) -> u32 {
    let mut guest = Guest(caller);
    match guest.world().faults.strike(name) {
        Some(status) => status as u32,
        None => act(&mut guest) as u32,
    }
}

/// Defines one import: its name, its parameters, and what it does.
macro_rules! import {
    ($linker:expr, $name:literal, |$guest:ident $(, $arg:ident: $ty:ty)*| $act:expr) => {
        $linker
            .func_wrap("env", $name, |caller: Caller<'_, World> $(, $arg: $ty)*| {
                host(caller, $name, |$guest| $act)
            })
            .unwrap()
    };
}

/// Every import of the module: ours, and traps for the rest.
pub(crate) fn link(linker: &mut Linker<World>, module: &Module) {
    plain(linker);
    data(linker);
    streams(linker);
    calls(linker);
    for import in module.imports() {
        let Some(ty) = import.ty().func() else { continue };
        let name = format!("{}.{}", import.module(), import.name());
        // What is defined already stays: this definition is refused as a duplicate.
        let _defined =
            linker.func_new(import.module(), import.name(), ty.clone(), move |_, _, _| {
                Err(Error::new(format!("unexpected host call {name}")))
            });
    }
}

/// Log, time, metrics, contexts.
fn plain(linker: &mut Linker<World>) {
    import!(linker, "proxy_log", |guest, level: u32, at: u32, len: u32| {
        let line = format!("{level} {}", guest.text(at, len));
        guest.world().logs.push(line);
        Status::Ok
    });
    import!(linker, "proxy_get_current_time_nanoseconds", |guest, time: u32| {
        let nanoseconds = guest.world().now_ms * 1_000_000;
        guest.put(time, &nanoseconds.to_le_bytes());
        Status::Ok
    });
    import!(linker, "proxy_set_tick_period_milliseconds", |guest, period: u32| {
        let acting = guest.world().acting();
        let Some(root) = guest.world().roots.get_mut(&acting) else { return Status::BadArgument };
        root.ticks = period > 0;
        Status::Ok
    });
    import!(linker, "proxy_define_metric", |guest, _kind: u32, at: u32, len: u32, id: u32| {
        let name = guest.text(at, len);
        guest.world().metrics.push((name, 0));
        let number = u32::try_from(guest.world().metrics.len()).unwrap();
        guest.put(id, &number.to_le_bytes());
        Status::Ok
    });
    import!(linker, "proxy_increment_metric", |guest, metric: u32, by: i64| {
        let at = (metric as usize).wrapping_sub(1);
        match (guest.world().metrics.get_mut(at), u64::try_from(by)) {
            (Some((_, value)), Ok(by)) => *value += by,
            _ => return Status::NotFound,
        }
        Status::Ok
    });
    import!(linker, "proxy_set_effective_context", |guest, context: u32| {
        if !guest.world().has_context(context) {
            return Status::BadArgument;
        }
        guest.world().effective = context;
        Status::Ok
    });
}

/// Bodies, headers, properties.
fn data(linker: &mut Linker<World>) {
    import!(
        linker,
        "proxy_get_buffer_bytes",
        |guest, kind: u32, start: u32, most: u32, data: u32, size: u32| {
            let Some(buffer) = Buffer::of(kind) else { return Status::BadArgument };
            let bytes = guest.world().read(buffer, start as usize, most as usize);
            // Envoy leaves both places alone when there is nothing.
            if bytes.is_empty() { Status::Ok } else { guest.give(&bytes, data, size) }
        }
    );
    import!(
        linker,
        "proxy_set_buffer_bytes",
        |guest, kind: u32, start: u32, size: u32, at: u32, len: u32| {
            let Some(Buffer::Body(way)) = Buffer::of(kind) else { return Status::BadArgument };
            let bytes = guest.bytes(at, len);
            match guest.world().acting_stream() {
                Some(stream) => stream.side(way).write(start as usize, size as usize, &bytes),
                None => Status::BadArgument,
            }
        }
    );
    import!(linker, "proxy_get_header_map_pairs", |guest, kind: u32, data: u32, size: u32| {
        let Some(map) = Map::of(kind) else { return Status::BadArgument };
        let bytes = guest.world().headers(map).pack();
        guest.give(&bytes, data, size)
    });
    import!(
        linker,
        "proxy_replace_header_map_value",
        |guest, kind: u32, key: u32, key_len: u32, value: u32, value_len: u32| {
            let (key, value) = (guest.text(key, key_len), guest.text(value, value_len));
            match bound_headers(guest, kind) {
                Some(headers) => headers.set(&key, &value),
                None => return Status::BadArgument,
            }
            Status::Ok
        }
    );
    import!(linker, "proxy_remove_header_map_value", |guest, kind: u32, key: u32, len: u32| {
        let key = guest.text(key, len);
        match bound_headers(guest, kind) {
            Some(headers) => headers.remove(&key),
            None => return Status::BadArgument,
        }
        Status::Ok
    });
    import!(linker, "proxy_get_property", |guest, at: u32, len: u32, data: u32, size: u32| {
        let path = guest.text(at, len);
        match guest.world().property(&path) {
            Some(value) => guest.give(&value, data, size),
            None => Status::NotFound,
        }
    });
    import!(linker, "proxy_set_property", |guest, at: u32, len: u32, value: u32, size: u32| {
        let (name, value) = (guest.text(at, len), guest.bytes(value, size));
        match guest.world().acting_stream() {
            Some(stream) => drop(stream.filter_state.insert(name, value)),
            None => return Status::NotFound,
        }
        Status::Ok
    });
}

fn bound_headers<'a>(guest: &'a mut Guest<'_>, kind: u32) -> Option<&'a mut Headers> {
    let Some(Map::Headers(way)) = Map::of(kind) else { return None };
    guest.world().acting_stream()?.side(way).headers()
}

/// Resume, reset, answer. Envoy carries all three out once the VM has returned.
fn streams(linker: &mut Linker<World>) {
    import!(linker, "proxy_continue_stream", |guest, way: u32| {
        let Some(way) = Way::of(way) else { return Status::BadArgument };
        guest.world().resume(way);
        Status::Ok
    });
    import!(linker, "proxy_close_stream", |guest, way: u32| {
        let Some(_either) = Way::of(way) else { return Status::BadArgument };
        guest.world().close();
        Status::Ok
    });
    import!(
        linker,
        "proxy_send_local_response",
        |guest,
         status: u32,
         _details: u32,
         _details_len: u32,
         body: u32,
         body_len: u32,
         headers: u32,
         headers_len: u32,
         _grpc: u32| {
            let mut all = Headers::new(&[(":status", &status.to_string())]);
            all.0.extend(Headers::unpack(&guest.bytes(headers, headers_len)).0);
            let body = guest.bytes(body, body_len);
            guest.world().answer(all, body);
            Status::Ok
        }
    );
}

/// Queues, and calls to clusters.
fn calls(linker: &mut Linker<World>) {
    import!(linker, "proxy_register_shared_queue", |guest, at: u32, len: u32, id: u32| {
        let name = guest.text(at, len);
        let number = guest.world().register(&name);
        guest.put(id, &number.to_le_bytes());
        Status::Ok
    });
    import!(linker, "proxy_enqueue_shared_queue", |guest, queue: u32, at: u32, len: u32| {
        let item = guest.bytes(at, len);
        guest.world().enqueue(queue, item)
    });
    import!(linker, "proxy_dequeue_shared_queue", |guest, queue: u32, data: u32, size: u32| {
        let Some(queue) = guest.world().queue(queue) else { return Status::NotFound };
        match queue.items.pop_front() {
            Some(item) => guest.give(&item, data, size),
            None => Status::Empty,
        }
    });
    import!(linker, "proxy_grpc_call", |guest,
                                        cluster: u32,
                                        cluster_len: u32,
                                        service: u32,
                                        service_len: u32,
                                        method: u32,
                                        method_len: u32,
                                        _metadata: u32,
                                        _metadata_len: u32,
                                        message: u32,
                                        message_len: u32,
                                        timeout_ms: u32,
                                        id: u32| {
        let (cluster, service) =
            (guest.text(cluster, cluster_len), guest.text(service, service_len));
        let to = format!("{cluster}/{service}/{}", guest.text(method, method_len));
        let message = guest.bytes(message, message_len);
        let call = guest.world().grpc_call(&to, &message, u64::from(timeout_ms));
        guest.put(id, &call.to_le_bytes());
        Status::Ok
    });
    import!(linker, "proxy_http_call", |guest,
                                        cluster: u32,
                                        cluster_len: u32,
                                        headers: u32,
                                        headers_len: u32,
                                        _body: u32,
                                        _body_len: u32,
                                        _trailers: u32,
                                        _trailers_len: u32,
                                        _timeout_ms: u32,
                                        id: u32| {
        if guest.text(cluster, cluster_len) != "idp" {
            return Status::BadArgument;
        }
        let headers = Headers::unpack(&guest.bytes(headers, headers_len));
        let call = guest.world().http_call(headers);
        guest.put(id, &call.to_le_bytes());
        Status::Ok
    });
}
