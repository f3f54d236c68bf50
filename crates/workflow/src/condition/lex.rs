//! Text to tokens.

use super::Problem;

/// A token and the column where it starts.
pub(super) struct Token {
    pub(super) column: usize,
    pub(super) kind: TokenKind,
}

#[derive(Debug, PartialEq)]
pub(super) enum TokenKind {
    Number(f64),
    Text(String),
    Name(String),
    Symbol(&'static str),
}

/// Longer symbols first, so that `<=` is not read as `<`.
const SYMBOLS: [&str; 15] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "(", ")", ".", ",",
];

/// All tokens of `source`.
pub(super) fn lex(source: &str) -> Result<Vec<Token>, Problem> {
    let mut tokens = Vec::new();
    let mut rest = source;
    let mut column = 1;
    while let Some(first) = rest.chars().next() {
        if matches!(first, ' ' | '\t' | '\n' | '\r') {
            rest = &rest[1..];
            column += 1;
            continue;
        }
        let (kind, length) = token(rest, first).map_err(|message| Problem { column, message })?;
        tokens.push(Token { column, kind });
        let (read, left) = rest.split_at(length);
        column += read.chars().count();
        rest = left;
    }
    Ok(tokens)
}

/// The token that `rest` begins with, and its length in bytes.
fn token(rest: &str, first: char) -> Result<(TokenKind, usize), String> {
    if let Some(symbol) = SYMBOLS.into_iter().find(|s| rest.starts_with(s)) {
        return Ok((TokenKind::Symbol(symbol), symbol.len()));
    }
    match first {
        '0'..='9' => number(rest),
        'a'..='z' | 'A'..='Z' | '_' => {
            let length = run(rest, |b| b.is_ascii_alphanumeric() || b == b'_');
            Ok((TokenKind::Name(rest[..length].to_owned()), length))
        }
        '"' | '\'' => text(rest, first),
        '=' => Err("`=` means nothing here; equality is `==`".to_owned()),
        '&' | '|' => Err(format!(
            "`{first}` means nothing here; write `{first}{first}`"
        )),
        other => Err(format!(
            "the character `{}` means nothing here",
            other.escape_default()
        )),
    }
}

/// Bytes at the start of `rest` that fit.
fn run(rest: &str, fits: impl Fn(u8) -> bool) -> usize {
    rest.bytes().take_while(|b| fits(*b)).count()
}

fn number(rest: &str) -> Result<(TokenKind, usize), String> {
    let digits = |from: usize| run(&rest[from..], |b| b.is_ascii_digit());
    let mut length = digits(0);
    if rest[length..].starts_with('.') && digits(length + 1) > 0 {
        length += 1 + digits(length + 1);
    }
    if rest[length..].starts_with(['e', 'E']) {
        let sign = usize::from(rest[length + 1..].starts_with(['+', '-']));
        let exponent = digits(length + 1 + sign);
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    match rest[..length].parse::<f64>() {
        Ok(number) if number.is_finite() => Ok((TokenKind::Number(number), length)),
        _ => Err(format!("`{}` is too large for a number", &rest[..length])),
    }
}

fn text(rest: &str, quote: char) -> Result<(TokenKind, usize), String> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            _ if c == quote => return Ok((TokenKind::Text(text), at + 1)),
            '\n' | '\r' => return Err("a text ends on the line where it begins".to_owned()),
            '\\' => match chars.next().map(|(_, escaped)| escaped) {
                Some(c @ ('\\' | '\'' | '"')) => text.push(c),
                Some('n') => text.push('\n'),
                Some('r') => text.push('\r'),
                Some('t') => text.push('\t'),
                _ => return Err(r#"after `\` in a text stands one of \ ' " n r t"#.to_owned()),
            },
            _ => text.push(c),
        }
    }
    Err(format!("the text has no closing {quote}"))
}
