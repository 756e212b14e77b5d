//! Recipes of the policy language in a running lab: what really happens is what `policy trace` says,
//! and views of what is in force agree with it.

#[path = "../common/mod.rs"]
mod common;
mod explained;
mod pods;
mod recipes;
mod views;
