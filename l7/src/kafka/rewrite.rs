//! Messages changed on their way: elements of their outermost array dropped, altered or added; all else
//! stays as it was sent.

use super::answer;
use super::error::ReadError;
use super::judge::{Head, Rules};
use super::key::ApiKey;
use super::request::Places;
use super::schema::{self, Api, Role};
use super::walk::{Found, Walk};

/// Writes an element of which the bytes and the topic are given, or leaves it out by answering false.
type Alter<'a> = &'a mut dyn FnMut(&mut Vec<u8>, &[u8], Option<&str>) -> bool;

/// A frame with other elements. `start`: where in the frame the walk began that found the places.
/// `added` is written after them.
fn splice(
    frame: &[u8],
    start: usize,
    places: &Places,
    flexible: bool,
    alter: Alter<'_>,
    added: &[Vec<u8>],
) -> Result<Vec<u8>, ReadError> {
    let place = |at: u64| {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        start.saturating_add(at)
    };
    let part = |from: u64, to: u64| {
        frame
            .get(place(from)..place(to))
            .ok_or(ReadError::Truncated)
    };
    let mut kept = Vec::with_capacity(frame.len());
    let mut number = added.len();
    let ends = places.elements.iter().skip(1).map(|(at, _)| *at);
    for ((from, name), to) in places.elements.iter().zip(ends.chain([places.end])) {
        if alter(&mut kept, part(*from, to)?, name.as_deref()) {
            number = number.saturating_add(1);
        }
    }
    let before = frame
        .get(..place(places.length.0))
        .ok_or(ReadError::Truncated)?;
    let mut out = before.to_vec();
    answer::count(&mut out, flexible, number);
    out.extend_from_slice(&kept);
    for element in added {
        out.extend_from_slice(element);
    }
    let after = frame.get(place(places.end)..).ok_or(ReadError::Truncated)?;
    out.extend_from_slice(after);
    Ok(answer::close(out))
}

/// A metadata request without the topics that may not be asked for. `start`: where its walk began.
pub(super) fn metadata_request(
    frame: &[u8],
    start: usize,
    places: &Places,
    flexible: bool,
    allowed: &dyn Fn(&str) -> bool,
) -> Result<Vec<u8>, ReadError> {
    let mut alter = |out: &mut Vec<u8>, element: &[u8], name: Option<&str>| {
        let keep = name.is_some_and(allowed);
        if keep {
            out.extend_from_slice(element);
        }
        keep
    };
    splice(frame, start, places, flexible, &mut alter, &[])
}

/// Bytes of a frame before an answer's body: length and correlation id.
const ANSWER_BODY: usize = 8;

/// Where the elements of an answer's outermost array stand, with the topics of those that are wanted.
fn places(
    api: &Api,
    version: i16,
    frame: &[u8],
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Places, ReadError> {
    let body = frame.get(ANSWER_BODY..).ok_or(ReadError::Truncated)?;
    let flexible = api.is_flexible(version);
    let tags_first = flexible && ApiKey(api.key) != ApiKey::API_VERSIONS;
    let size = body.len() as u64;
    let mut walk = Walk::new(api.response, version, flexible, tags_first, size);
    let mut places = Places::default();
    walk.feed(body, &mut |found| {
        match found {
            Found::Array {
                level: 1, from, to, ..
            } => places.length = (from, to),
            Found::Item { level: 1, at } => places.elements.push((at, None)),
            Found::End { level: 1, at } => places.end = at,
            Found::Text(Role::Topic, Some(name)) if wanted(name) => {
                if let Some((_, of)) = places.elements.last_mut() {
                    *of = Some(name.to_owned());
                }
            }
            Found::Array { .. }
            | Found::Item { .. }
            | Found::End { .. }
            | Found::Text(..)
            | Found::Int(..)
            | Found::Uuid(..) => {}
        }
        Ok(())
    })?;
    Ok(places)
}

/// A metadata answer with those topics alone that its request may see, and with a refusal of each topic
/// of `refused`.
pub(super) fn metadata_answer(
    api: &Api,
    head: &Head,
    rules: &Rules,
    refused: &[String],
    frame: &[u8],
) -> Result<Vec<u8>, ReadError> {
    let version = head.api_version;
    let allowed = |name: &str| rules.topic(head, name).is_some();
    let places = places(api, version, frame, &allowed)?;
    let added: Vec<Vec<u8>> = refused
        .iter()
        .map(|name| answer::refused_topic(api, version, name))
        .collect();
    let mut alter = |out: &mut Vec<u8>, element: &[u8], name: Option<&str>| {
        if name.is_some() {
            out.extend_from_slice(element);
        }
        name.is_some()
    };
    let flexible = api.is_flexible(version);
    splice(frame, ANSWER_BODY, &places, flexible, &mut alter, &added)
}

/// An answer about versions, with those alone that are read here. `allows_all`: a rule allows everything, so
/// that only those kinds are cut which must be read to follow the connection.
pub(super) fn api_versions_answer(
    api: &Api,
    version: i16,
    allows_all: bool,
    frame: &[u8],
) -> Result<Vec<u8>, ReadError> {
    // A broker that doesn't know the version answers in version 0, and the client asks again.
    let error = frame.get(ANSWER_BODY..ANSWER_BODY.saturating_add(2));
    if error == Some(&schema::code::UNSUPPORTED_VERSION.to_be_bytes()) {
        return Ok(frame.to_vec());
    }
    let places = places(api, version, frame, &|_| false)?;
    let mut alter = |out: &mut Vec<u8>, element: &[u8], _: Option<&str>| {
        let Some((&[k0, k1, o0, o1, n0, n1], rest)) = element.split_first_chunk::<6>() else {
            return false;
        };
        let key = i16::from_be_bytes([k0, k1]);
        let offered = match (ApiKey(key), schema::find(key)) {
            // Whether an answer comes must be read, and the answer to this kind of request.
            (ApiKey::PRODUCE | ApiKey::API_VERSIONS, Some(known)) if allows_all => known.newest,
            _ if allows_all => i16::MAX,
            (_, Some(known)) => known.offered,
            (_, None) => return false,
        };
        let mut oldest = i16::from_be_bytes([o0, o1]);
        let newest = i16::from_be_bytes([n0, n1]).min(offered);
        // What follows a handshake of version 0 are frames without a header.
        if ApiKey(key) == ApiKey::SASL_HANDSHAKE {
            oldest = oldest.max(1);
        }
        if oldest > newest {
            return false;
        }
        for number in [key, oldest, newest] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(rest);
        true
    };
    let flexible = api.is_flexible(version);
    splice(frame, ANSWER_BODY, &places, flexible, &mut alter, &[])
}
