//! A server of HTTP/1.1 that answers every request with a text, whatever it asks for.

use std::io::{self, BufRead as _, BufReader, Read, Write};

/// The most of a request's head that is read.
const HEAD: u64 = 64 << 10;

/// Answers the requests of a connection, until one says that it is the last.
///
/// # Errors
/// The connection is gone.
pub fn talk(stream: impl Read + Write, text: &str) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = Read::take(&mut stream, HEAD);
        let mut is_last = false;
        loop {
            let mut line = String::new();
            if head.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            is_last |= line.eq_ignore_ascii_case("connection: close");
        }
        let length = text.len() + 1;
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{text}\n"
        );
        stream.get_mut().write_all(answer.as_bytes())?;
        stream.get_mut().flush()?;
        if is_last {
            return Ok(());
        }
    }
}
