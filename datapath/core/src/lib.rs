//! Empty for now.
#![no_std]
