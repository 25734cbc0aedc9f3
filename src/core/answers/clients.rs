//! CLIENT LIST: one line a client, `name=value` after `name=value`.

/// A client's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    fields: Vec<(String, String)>,
}

impl Client {
    /// The value of a field, empty where the server does not tell it.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.fields.iter().find(|(of, _)| of == name).map_or("", |(_, value)| value.as_str())
    }

    /// The number in a field.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name).parse().ok()
    }

    /// All fields, in the server's order.
    #[must_use]
    pub fn fields(&self) -> &[(String, String)] {
        &self.fields
    }
}

/// The clients of a server, as many as are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Clients {
    /// Those that are kept: the first of the reply, which are the oldest.
    pub list: Vec<Client>,
    /// How many there are.
    pub total: usize,
}

/// Reads a reply, and keeps at most so many clients.
#[must_use]
pub fn read_clients(text: &str, most: usize) -> Clients {
    let mut clients = Clients::default();
    for line in text.lines().map(str::trim).filter(|line| line.contains('=')) {
        clients.total += 1;
        if clients.list.len() < most {
            let pairs = line.split(' ').filter_map(|part| part.split_once('='));
            let fields = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            clients.list.push(Client { fields });
        }
    }
    clients
}
