//! Texts of others in Markdown, for tickets and comments on change requests.

use super::escape;

/// A text that means nothing to Markdown or HTML.
pub fn text(text: &str) -> String {
    let mut safe = String::new();
    for letter in escape(text).chars() {
        match letter {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            // `@name` would call somebody.
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '!' | '@' => {
                safe.push('\\');
                safe.push(letter);
            }
            letter => safe.push(letter),
        }
    }
    safe
}

/// A name as code. There are no ticks in names of objects and files that are read; others lose them.
pub fn code(text: &str) -> String {
    format!("`{}`", escape(text).replace('`', "'"))
}

/// A block of code. Nothing in it ends it.
pub fn block(language: &str, text: &str) -> String {
    let ticks = |line: &str| line.trim_start().chars().take_while(|c| *c == '`').count();
    let longest = text.lines().map(ticks).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let mut block = format!("{fence}{language}\n");
    for line in text.lines() {
        block += &escape(line);
        block.push('\n');
    }
    block + &fence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_others_becomes_markup() {
        assert_eq!(
            text("*a* [x](http://y) <b> @all `c` # d"),
            "\\*a\\* \\[x\\](http://y) &lt;b&gt; \\@all \\`c\\` \\# d"
        );
        assert_eq!(code("a`b"), "`a'b`");
    }

    #[test]
    fn nothing_in_a_block_ends_it() {
        let shown = block("yaml", "a: 1\n  ```\nb: 2");
        assert_eq!(shown, "````yaml\na: 1\n  ```\nb: 2\n````");
        assert_eq!(block("yaml", "a: 1"), "```yaml\na: 1\n```");
    }
}
