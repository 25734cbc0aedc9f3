//! redis.conf text: quoting, generation, reading back, checking.
