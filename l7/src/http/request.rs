//! A request as it is judged, whoever holds it.

/// Headers by name, whatever the case of its letters: hyper's map, or a list.
pub trait Headers {
    /// The values of all lines with this name, in order, without white space around them.
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]>;

    /// The names of all lines.
    fn names(&self) -> impl Iterator<Item = &str>;
}

impl<N: AsRef<str>, V: AsRef<[u8]>> Headers for [(N, V)] {
    fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.iter()
            .filter(move |(one, _)| one.as_ref().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_ref())
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name.as_ref())
    }
}

/// What is judged of a request.
#[derive(Debug)]
pub struct Request<'a, H: ?Sized> {
    /// As sent.
    pub method: &'a str,
    /// `:authority` or the Host header, port included; of a target in absolute form, the target's.
    pub authority: &'a str,
    /// Path and query, [normalized](super::normalize).
    pub path: &'a [u8],
    /// All headers but those above.
    pub headers: &'a H,
}

impl<H: Headers + ?Sized> Request<'_, H> {
    /// The values of a header, with the names that HTTP/2 has for what isn't one: as Envoy looks them up.
    pub(super) fn values<'a>(&'a self, name: &'a str) -> Vec<&'a [u8]> {
        if name.eq_ignore_ascii_case("host") || name == ":authority" {
            return vec![self.authority.as_bytes()];
        }
        match name {
            ":path" => vec![self.path],
            ":method" => vec![self.method.as_bytes()],
            _ => {
                let values = self.headers.values(name);
                values.map(<[u8]>::trim_ascii).collect()
            }
        }
    }

    /// A header that a server may take for this one: whoever hands headers on as variables (CGI, WSGI, PHP) writes
    /// dashes as underscores.
    pub(super) fn twin(&self, name: &str) -> Option<&str> {
        let folded = |byte: u8| match byte {
            b'_' => b'-',
            byte => byte.to_ascii_lowercase(),
        };
        self.headers.names().find(|one| {
            one.len() == name.len()
                && !one.eq_ignore_ascii_case(name)
                && one.bytes().map(folded).eq(name.bytes().map(folded))
        })
    }
}
