//! What the sources of a crate say: their modules, and the paths in them.

use std::collections::BTreeMap;
use std::path::Path;

/// Names from the root, which is empty.
pub(crate) type Module = Vec<String>;

/// The sources of a crate, by module.
pub(crate) type Sources = BTreeMap<Module, String>;

pub(crate) fn sources(directory: &Path) -> Sources {
    fn read(directory: &Path, module: &Module, sources: &mut Sources) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let mut module = module.clone();
            if path.is_dir() {
                module.push(name);
                read(&path, &module, sources);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                match name.as_str() {
                    "main" => continue,
                    "lib" => {}
                    _ => module.push(name),
                }
                sources.insert(module, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut sources = Sources::new();
    read(&directory.join("src"), &Module::new(), &mut sources);
    sources
}

/// The source without comments, texts and tests.
pub(crate) fn code(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    for line in source.lines() {
        let mut in_text = false;
        let mut before = '\0';
        let mut chars = line.chars().peekable();
        while let Some(char) = chars.next() {
            match char {
                '\\' if in_text => {
                    chars.next();
                }
                '"' if before != '\'' => in_text = !in_text,
                '/' if !in_text && chars.peek() == Some(&'/') => break,
                char if !in_text => code.push(char),
                _ => {}
            }
            before = char;
        }
        code.push('\n');
    }
    // Modules of tests stand at the end, or in files of their own.
    match code.find("#[cfg(test)]\nmod tests {") {
        Some(tests) => code[..tests].to_owned(),
        None => code,
    }
}

/// Modules for tests only, in files of their own.
pub(crate) fn tests_of(module: &Module, code: &str) -> Vec<Module> {
    let mut lines = code.lines().map(str::trim).peekable();
    let mut tests = Vec::new();
    while let Some(line) = lines.next() {
        let next = lines.peek().and_then(|next| next.strip_prefix("mod "));
        if let (true, Some(name)) = (line.starts_with("#[cfg(test)]"), next) {
            let mut module = module.clone();
            module.push(name.trim_end_matches(';').to_owned());
            tests.push(module);
        }
    }
    tests
}

/// The paths of a `use` tree.
fn tree(text: &str, before: &[String], paths: &mut Vec<Vec<String>>) {
    let mut depth = 0;
    let mut parts = vec![String::new()];
    for char in text.chars() {
        match char {
            ',' if depth == 0 => parts.push(String::new()),
            char => {
                depth += match char {
                    '{' => 1,
                    '}' => -1,
                    _ => 0,
                };
                parts.last_mut().unwrap().push(char);
            }
        }
    }
    for part in parts {
        let part = part.trim();
        let (plain, inner) = match part.split_once('{') {
            Some((plain, inner)) => (plain, inner.strip_suffix('}')),
            None => (part, None),
        };
        let mut path = before.to_vec();
        let plain = plain.split(" as ").next().unwrap();
        let names = plain.split("::").map(str::trim);
        path.extend(names.filter(|name| !name.is_empty()).map(str::to_owned));
        match inner {
            Some(inner) => tree(inner, &path, paths),
            None if path.is_empty() => {}
            None => paths.push(path),
        }
    }
}

/// Imports of a source, and those that it passes on.
pub(crate) fn uses(code: &str) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let (mut imports, mut passed_on) = (Vec::new(), Vec::new());
    for (at, _) in code.match_indices("use ") {
        let line = code[..at].rfind('\n').map_or(0, |end| end + 1);
        let visibility = code[line..at].trim();
        let plain = visibility.is_empty();
        if !(plain || visibility.starts_with("pub")) {
            continue;
        }
        let end = code[at..].find(';').map_or(code.len(), |end| at + end);
        let into = if plain { &mut imports } else { &mut passed_on };
        tree(&code[at + "use ".len()..end].replace('\n', " "), &[], into);
    }
    (imports, passed_on)
}

/// Paths in the code that begin at the root, or at a module above.
pub(crate) fn paths(code: &str) -> Vec<Vec<String>> {
    let name = |char: char| char.is_alphanumeric() || char == '_';
    let mut found = Vec::new();
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in code.match_indices(start) {
            if code[..at].ends_with(|char| name(char) || char == ':') {
                continue;
            }
            let end = code[at..].find(|char| !name(char) && char != ':');
            let path = &code[at..end.map_or(code.len(), |end| at + end)];
            let names = path.split("::").filter(|name| !name.is_empty());
            found.push(names.map(str::to_owned).collect());
        }
    }
    found
}
