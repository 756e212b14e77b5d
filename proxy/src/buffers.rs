//! Buffers for bytes on their way, used again. A connection has one only while bytes pass.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// Buffers that nobody uses.
#[derive(Debug)]
pub struct Buffers {
    free: Mutex<Vec<Box<[u8]>>>,
    size: usize,
    most: usize,
}

/// A buffer whose content is whatever it was used for before.
#[derive(Debug)]
pub struct Buffer<'a> {
    bytes: Box<[u8]>,
    buffers: &'a Buffers,
}

impl Buffers {
    /// Of `size` bytes each, of which `most` are kept for the next one.
    pub fn new(size: usize, most: usize) -> Self {
        Self {
            free: Mutex::default(),
            size,
            most,
        }
    }

    /// Takes one.
    pub fn take(&self) -> Buffer<'_> {
        let kept = self
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        Buffer {
            bytes: kept.unwrap_or_else(|| vec![0; self.size].into()),
            buffers: self,
        }
    }
}

impl Deref for Buffer<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for Buffer<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for Buffer<'_> {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        let mut free = self
            .buffers
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if free.len() < self.buffers.most {
            free.push(bytes);
        }
    }
}
