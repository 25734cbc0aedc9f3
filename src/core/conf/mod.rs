//! redis.conf text: quoting, generation, reading back, checking.

mod directive_rows;
pub mod directives;
pub mod quote;
