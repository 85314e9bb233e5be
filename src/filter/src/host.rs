//! The one file that speaks to Envoy.
//!
//! Every host call returns its status here: the SDK's wrappers panic on a status they do not
//! expect, and a panic kills every stream of the worker. The two exceptions are the calls whose
//! answers the SDK must route ([`grpc_call`], [`http_call`]); Envoy answers those with statuses
//! that the SDK takes (envoy `source/extensions/common/wasm/context.cc`, `grpcCall`, `httpCall`).
//!
//! Memory that the host returns was allocated through `proxy_on_memory_allocate`, as a boxed slice
//! of exactly that length; it is owned from here on.

#![expect(unsafe_code, reason = "host calls are foreign functions")]

use hansard_core::http::Headers;
use proxy_wasm::hostcalls;
use std::ptr::{null, null_mut};
use std::time::Duration;

/// A status that is not `Ok`, as the host gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status(u32);

/// The two directions of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Request,
    Response,
}

/// Buffers that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Buffer {
    Body(Side),
    HttpCallBody,
    /// The message that answers a gRPC call.
    GrpcMessage,
    PluginConfiguration,
}

/// Header maps that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Map {
    Headers(Side),
    HttpCallHeaders,
}

/// Log levels that are used.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Level {
    Info = 2,
    Warn = 3,
    Error = 4,
}

impl Side {
    /// `proxy_stream_type_t`.
    fn stream(self) -> u32 {
        match self {
            Self::Request => 0,
            Self::Response => 1,
        }
    }
}

impl Buffer {
    /// `proxy_buffer_type_t`.
    fn number(self) -> u32 {
        match self {
            Self::Body(side) => side.stream(),
            Self::HttpCallBody => 4,
            Self::GrpcMessage => 5,
            Self::PluginConfiguration => 7,
        }
    }
}

impl Map {
    /// `proxy_map_type_t`.
    fn number(self) -> u32 {
        match self {
            Self::Headers(Side::Request) => 0,
            Self::Headers(Side::Response) => 2,
            Self::HttpCallHeaders => 6,
        }
    }
}

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, data: *const u8, size: usize) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_get_buffer_bytes(
        kind: u32,
        start: usize,
        max: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_set_buffer_bytes(
        kind: u32,
        start: usize,
        size: usize,
        data: *const u8,
        data_size: usize,
    ) -> u32;
    fn proxy_get_header_map_pairs(kind: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_replace_header_map_value(
        kind: u32,
        key: *const u8,
        key_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(kind: u32, key: *const u8, key_size: usize) -> u32;
    fn proxy_get_property(
        path: *const u8,
        path_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_set_property(
        path: *const u8,
        path_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_continue_stream(stream: u32) -> u32;
    fn proxy_close_stream(stream: u32) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_register_shared_queue(name: *const u8, name_size: usize, queue: *mut u32) -> u32;
    fn proxy_enqueue_shared_queue(queue: u32, value: *const u8, value_size: usize) -> u32;
    fn proxy_dequeue_shared_queue(queue: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, metric: *mut u32) -> u32;
    fn proxy_increment_metric(metric: u32, offset: i64) -> u32;
}

fn ok(status: u32) -> Result<(), Status> {
    if status == 0 { Ok(()) } else { Err(Status(status)) }
}

/// Runs a call that returns memory. No memory is an empty text.
fn owned(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Vec<u8>, Status> {
    let mut data = null_mut();
    let mut size = 0;
    ok(call(&raw mut data, &raw mut size))?;
    if data.is_null() || size == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: the host allocated exactly `size` bytes through `proxy_on_memory_allocate`, a boxed
    // slice of this allocator, filled them, and gave them away.
    Ok(unsafe { Vec::from_raw_parts(data, size, size) })
}

/// Writes a line to Envoy's log. Never anything of a request or response.
pub(crate) fn log(level: Level, text: &str) {
    // SAFETY: the pointer and the length are those of a live slice, which the host only reads.
    let _unlogged = unsafe { proxy_log(level as u32, text.as_ptr(), text.len()) };
}

/// Unix milliseconds.
pub(crate) fn now() -> Result<u64, Status> {
    let mut nanoseconds = 0;
    // SAFETY: the host writes one u64 to the place it is given.
    ok(unsafe { proxy_get_current_time_nanoseconds(&raw mut nanoseconds) })?;
    Ok(nanoseconds / 1_000_000)
}

/// Asks for a root callback every so often.
pub(crate) fn tick_every(milliseconds: u32) -> Result<(), Status> {
    // SAFETY: no memory is shared.
    ok(unsafe { proxy_set_tick_period_milliseconds(milliseconds) })
}

/// Copies bytes out of a buffer.
pub(crate) fn read(buffer: Buffer, start: usize, most: usize) -> Result<Vec<u8>, Status> {
    if most == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: see `owned`.
    owned(|data, size| unsafe { proxy_get_buffer_bytes(buffer.number(), start, most, data, size) })
}

/// Replaces a body from an offset on. Envoy takes a write at the start or behind the end, nowhere in
/// between (`Buffer::copyFrom`), so what stands before the offset is written along.
pub(crate) fn write(side: Side, start: usize, bytes: &[u8]) -> Result<(), Status> {
    if start == 0 {
        return overwrite(side, bytes);
    }
    let mut whole = read(Buffer::Body(side), 0, start)?;
    if whole.len() != start {
        return Err(Status(u32::MAX));
    }
    whole.extend_from_slice(bytes);
    overwrite(side, &whole)
}

/// Replaces a whole body.
fn overwrite(side: Side, bytes: &[u8]) -> Result<(), Status> {
    let kind = Buffer::Body(side).number();
    // SAFETY: the pointer and the length are those of a live slice, which the host only reads.
    ok(unsafe { proxy_set_buffer_bytes(kind, 0, usize::MAX, bytes.as_ptr(), bytes.len()) })
}

/// Copies a header map. Values that are not UTF-8 are replaced, as a record shows them.
pub(crate) fn headers(map: Map) -> Result<Headers, Status> {
    // SAFETY: see `owned`.
    let bytes =
        owned(|data, size| unsafe { proxy_get_header_map_pairs(map.number(), data, size) })?;
    unpack(&bytes).ok_or(Status(u32::MAX))
}

/// The host's form of a map: a count, then both lengths of each pair, then both texts of each
/// pair, each with a NUL; numbers are little-endian u32.
fn unpack(bytes: &[u8]) -> Option<Headers> {
    if bytes.is_empty() {
        return Some(Headers::default());
    }
    let number = |at: usize| {
        let four = bytes.get(at..at.checked_add(4)?)?;
        usize::try_from(u32::from_le_bytes(four.try_into().ok()?)).ok()
    };
    let count = number(0)?;
    let mut texts_at = count.checked_mul(8)?.checked_add(4)?;
    let mut text = |len: usize| {
        let end = texts_at.checked_add(len)?;
        let text = String::from_utf8_lossy(bytes.get(texts_at..end)?).into_owned();
        texts_at = end.checked_add(1)?;
        Some(text)
    };
    let mut pairs = Vec::new();
    for pair in 0..count {
        let lengths_at = 4 + pair * 8;
        let key = text(number(lengths_at)?)?;
        pairs.push((key, text(number(lengths_at + 4)?)?));
    }
    Some(Headers(pairs))
}

fn pack(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = (pairs.len() as u32).to_le_bytes().to_vec();
    for (key, value) in pairs {
        bytes.extend_from_slice(&(key.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
    }
    for text in pairs.iter().flat_map(|(key, value)| [key, value]) {
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
    }
    bytes
}

/// Sets a header field in place of all of its name.
pub(crate) fn set_header(side: Side, key: &str, value: &str) -> Result<(), Status> {
    // SAFETY: the pointers and lengths are those of live slices, which the host only reads.
    ok(unsafe {
        proxy_replace_header_map_value(
            Map::Headers(side).number(),
            key.as_ptr(),
            key.len(),
            value.as_ptr(),
            value.len(),
        )
    })
}

/// Removes every header field of a name.
pub(crate) fn remove_header(side: Side, key: &str) -> Result<(), Status> {
    // SAFETY: the pointer and the length are those of a live slice, which the host only reads.
    ok(unsafe {
        proxy_remove_header_map_value(Map::Headers(side).number(), key.as_ptr(), key.len())
    })
}

/// Reads a property; `None` when it is absent or unreadable.
pub(crate) fn property(path: &[&str]) -> Option<Vec<u8>> {
    let path = path.join("\0");
    // SAFETY: the pointer and the length are those of a live slice; see also `owned`.
    owned(|data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) }).ok()
}

/// A property that is text.
pub(crate) fn text_property(path: &[&str]) -> Option<String> {
    property(path)
        .filter(|bytes| !bytes.is_empty())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// A property that is a little-endian u64.
pub(crate) fn number_property(path: &[&str]) -> Option<u64> {
    property(path)?.try_into().ok().map(u64::from_le_bytes)
}

/// Sets filter state of the present stream: `wasm.` and the name.
pub(crate) fn set_filter_state(name: &str, value: &[u8]) -> Result<(), Status> {
    // SAFETY: the pointers and lengths are those of live slices, which the host only reads.
    ok(unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// Answers the client in place of the upstream.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Result<(), Status> {
    let headers = pack(headers);
    // SAFETY: the pointers and lengths are those of live slices (or null and 0), only read.
    ok(unsafe {
        proxy_send_local_response(
            u32::from(status),
            null(),
            0,
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            -1,
        )
    })
}

/// Lets a paused side of the effective stream go on.
pub(crate) fn resume(side: Side) -> Result<(), Status> {
    // SAFETY: no memory is shared.
    ok(unsafe { proxy_continue_stream(side.stream()) })
}

/// Resets the effective stream.
pub(crate) fn close(side: Side) -> Result<(), Status> {
    // SAFETY: no memory is shared.
    ok(unsafe { proxy_close_stream(side.stream()) })
}

/// Makes a context the one that host calls are about.
pub(crate) fn act_for(context: u32) -> Result<(), Status> {
    // SAFETY: no memory is shared.
    ok(unsafe { proxy_set_effective_context(context) })
}

/// Opens a queue whose items wake the root.
pub(crate) fn open_queue(name: &str) -> Result<u32, Status> {
    let mut queue = 0;
    // SAFETY: the name is a live slice, only read; the host writes one u32 to the place given.
    ok(unsafe { proxy_register_shared_queue(name.as_ptr(), name.len(), &raw mut queue) })?;
    Ok(queue)
}

/// Puts an item into a queue.
pub(crate) fn enqueue(queue: u32, item: u32) -> Result<(), Status> {
    let bytes = item.to_le_bytes();
    // SAFETY: the pointer and the length are those of a live array, which the host only reads.
    ok(unsafe { proxy_enqueue_shared_queue(queue, bytes.as_ptr(), bytes.len()) })
}

/// Takes the next item of a queue; `None` when it is empty.
pub(crate) fn dequeue(queue: u32) -> Option<u32> {
    // SAFETY: see `owned`.
    let item = owned(|data, size| unsafe { proxy_dequeue_shared_queue(queue, data, size) }).ok()?;
    item.try_into().ok().map(u32::from_le_bytes)
}

/// Defines a counter of Envoy's.
pub(crate) fn counter(name: &str) -> Option<u32> {
    let mut metric = 0;
    // SAFETY: the name is a live slice, only read; the host writes one u32 to the place given.
    ok(unsafe { proxy_define_metric(0, name.as_ptr(), name.len(), &raw mut metric) }).ok()?;
    Some(metric)
}

/// Counts.
pub(crate) fn count(metric: Option<u32>, by: u64) {
    if let (Some(metric), Ok(by)) = (metric, i64::try_from(by)) {
        // SAFETY: no memory is shared.
        let _uncounted = unsafe { proxy_increment_metric(metric, by) };
    }
}

/// Sends one access-log message to the sink. The answer comes to the effective context.
pub(crate) fn grpc_call(cluster: &str, message: &[u8], timeout_ms: u64) -> Result<u32, Status> {
    hostcalls::dispatch_grpc_call(
        cluster,
        "envoy.service.accesslog.v3.AccessLogService",
        "StreamAccessLogs",
        Vec::new(),
        Some(message),
        Duration::from_millis(timeout_ms),
    )
    .map_err(|status| Status(status as u32))
}

/// Gets a path over a cluster. The answer comes to the effective context.
pub(crate) fn http_call(cluster: &str, authority: &str, path: &str) -> Result<u32, Status> {
    let headers = vec![
        (":method", "GET"),
        (":path", path),
        (":authority", authority),
        ("accept", "application/json"),
    ];
    hostcalls::dispatch_http_call(cluster, headers, None, Vec::new(), Duration::from_secs(8))
        .map_err(|status| Status(status as u32))
}
