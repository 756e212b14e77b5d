//! A limit that is left only when an eighth is free: so that who waits at it isn't woken for each byte.

#[derive(Debug)]
pub(super) struct Level {
    most: usize,
    is_reached: bool,
}

impl Level {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            is_reached: false,
        }
    }

    /// Whether it was reached, and not left since.
    pub(super) fn is_reached(&self) -> bool {
        self.is_reached
    }

    /// Takes note of what is held now: whether it is left by that.
    pub(super) fn is_freed(&mut self, held: usize) -> bool {
        if held >= self.most {
            self.is_reached = true;
            return false;
        }
        let is_left = held < self.most - self.most / 8;
        is_left && std::mem::take(&mut self.is_reached)
    }
}
