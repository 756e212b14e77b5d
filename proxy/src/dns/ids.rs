//! Ids of messages: the client's own, and those under which its queries are passed on.

/// An id that can't be guessed, among those that aren't taken: fewer than there are.
pub(super) fn fresh(is_taken: impl Fn(u16) -> bool) -> u16 {
    loop {
        let id = rand::random();
        if !is_taken(id) {
            return id;
        }
    }
}

/// Puts an id into a message.
pub(super) fn set_id(message: &mut [u8], id: u16) {
    if let Some(permit) = message.get_mut(..2) {
        permit.copy_from_slice(&id.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_set_where_there_is_room() {
        let mut message = [1, 2, 3];
        set_id(&mut message, 0xabcd);
        assert_eq!(message, [0xab, 0xcd, 3]);
        set_id(&mut message[..1], 0);
        assert_eq!(message[0], 0xab);
    }

    #[test]
    fn what_is_taken_is_not_given() {
        assert_eq!(fresh(|id| id != 7), 7);
    }
}
