//! Lines with texts from elsewhere: names, labels, messages of servers.

/// Writes a line in which nothing can steer the terminal or end the line early, whatever its arguments
/// hold. What is printed without colours goes out by this alone.
macro_rules! line {
    ($out:expr, $($text:tt)*) => {
        ::std::writeln!($out, "{}", ::flow::print::escape(&::std::format!($($text)*)))
    };
}

pub(crate) use line;
