//! Header lines in one text: a proxy makes many, and two allocations for each line would be most of what a record
//! costs.

/// Header lines, in order: names in lower case, and values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    text: String,
    /// Where the name and the value of each line end in it.
    ends: Vec<[usize; 2]>,
}

impl Lines {
    /// None, with room for so many lines of so many bytes.
    pub fn with_capacity(lines: usize, bytes: usize) -> Self {
        Self {
            text: String::with_capacity(bytes),
            ends: Vec::with_capacity(lines),
        }
    }

    /// Adds a line. What isn't text of its value is replaced by U+FFFD.
    pub fn push(&mut self, name: &str, value: &[u8]) {
        let begin = self.text.len();
        self.text.push_str(name);
        self.text[begin..].make_ascii_lowercase();
        let name_end = self.text.len();
        self.text.push_str(&String::from_utf8_lossy(value));
        self.ends.push([name_end, self.text.len()]);
    }

    /// All lines.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut begin = 0;
        self.ends.iter().map(move |[name_end, end]| {
            let line = (&self.text[begin..*name_end], &self.text[*name_end..*end]);
            begin = *end;
            line
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes that they take.
    pub(super) fn bytes(&self) -> usize {
        self.text.len() + size_of_val(&*self.ends)
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> FromIterator<(N, V)> for Lines {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(lines: I) -> Self {
        let mut all = Self::default();
        for (name, value) in lines {
            all.push(name.as_ref(), value.as_ref());
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_they_were_pushed() {
        let lines: Lines = [("Host", &b"be"[..]), ("x-Empty", b""), ("", b"\xffA")]
            .into_iter()
            .collect();
        let all: Vec<_> = lines.iter().collect();
        assert_eq!(all, [("host", "be"), ("x-empty", ""), ("", "\u{fffd}A")]);
        assert_eq!(lines.len(), 3);
        assert!(!lines.is_empty() && Lines::default().is_empty());
    }
}
