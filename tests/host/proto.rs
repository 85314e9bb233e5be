//! Protocol buffers, as much as reading an access-log message takes.

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Reads the fields of a message in their order; `None` when it is not one.
pub(crate) fn fields(mut rest: &[u8]) -> Option<Vec<(u64, Value<'_>)>> {
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let tag = varint(&mut rest)?;
        let value = match tag & 7 {
            0 => Value::Number(varint(&mut rest)?),
            2 => {
                let len = usize::try_from(varint(&mut rest)?).ok()?;
                let (bytes, after) = rest.split_at_checked(len)?;
                rest = after;
                Value::Bytes(bytes)
            }
            _ => return None,
        };
        fields.push((tag >> 3, value));
    }
    Some(fields)
}

/// Every embedded message (or text) of a number, in order.
pub(crate) fn all(message: &[u8], number: u64) -> Option<Vec<&[u8]>> {
    let of_number = fields(message)?.into_iter().filter(|(found, _)| *found == number);
    of_number
        .map(|(_, value)| match value {
            Value::Bytes(bytes) => Some(bytes),
            Value::Number(_) => None,
        })
        .collect()
}

/// The one embedded message (or text) of a number; empty when absent.
pub(crate) fn one(message: &[u8], number: u64) -> Option<&[u8]> {
    match all(message, number)?.as_slice() {
        [] => Some(&[]),
        [bytes] => Some(bytes),
        _ => None,
    }
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}
