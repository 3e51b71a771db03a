//! Who did what: the entries of the audit log.

use crate::protocol::time::Timestamp;
use crate::storage::audit::NewEvent;

/// Who acts, and from where. Comes from the edge and ends in the audit log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Actor {
    /// `user:ID`, `client:ID`, `cli`, `setup` or `system`.
    pub name: String,
    pub ip: Option<String>,
    /// The code that is on the page and in the log.
    pub request_code: Option<String>,
    /// Why, where whoever acts has to say so. Stands in every entry of the act.
    pub because: Option<String>,
}

impl Actor {
    /// A person.
    pub fn user(id: &str) -> Self {
        Self { name: format!("user:{id}"), ..Self::default() }
    }

    /// A client acting for itself.
    pub fn client(id: &str) -> Self {
        Self { name: format!("client:{id}"), ..Self::default() }
    }

    /// The operator at the command line.
    pub fn cli() -> Self {
        Self { name: "cli".into(), ..Self::default() }
    }

    /// Countersign itself.
    pub fn system() -> Self {
        Self { name: "system".into(), ..Self::default() }
    }

    /// The same origin, but somebody else.
    pub fn acting_as(&self, name: String) -> Self {
        Self { name, ..self.clone() }
    }

    /// The same actor, with a reason.
    pub fn because(self, reason: &str) -> Self {
        Self { because: Some(reason.to_owned()), ..self }
    }

    /// An entry about something this actor did.
    pub fn event(&self, action: &str, at: Timestamp) -> NewEvent {
        NewEvent {
            at: at.as_unix(),
            actor: self.name.clone(),
            action: action.to_owned(),
            result: "ok".into(),
            ip: self.ip.clone(),
            request_code: self.request_code.clone(),
            details: self.because.as_ref().map(|reason| format!("reason: {reason}")),
            ..NewEvent::default()
        }
    }
}

/// Fills in an entry, one word at a time.
pub trait EventExt: Sized {
    /// What it was done to, as `noun:ID`.
    fn target(self, target: impl Into<String>) -> Self;
    /// The user it is about.
    fn user(self, id: &str) -> Self;
    /// The client it is about.
    fn client(self, id: &str) -> Self;
    /// A result other than `ok`.
    fn result(self, result: &str) -> Self;
    /// What else is worth knowing; never a secret.
    fn details(self, details: impl Into<String>) -> Self;
}

impl EventExt for NewEvent {
    fn target(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    fn user(mut self, id: &str) -> Self {
        self.user_id = Some(id.to_owned());
        self
    }

    fn client(mut self, id: &str) -> Self {
        self.client_id = Some(id.to_owned());
        self
    }

    fn result(mut self, result: &str) -> Self {
        result.clone_into(&mut self.result);
        self
    }

    fn details(mut self, details: impl Into<String>) -> Self {
        let details = details.into();
        self.details = match self.details {
            Some(before) => Some(format!("{before}; {details}")),
            None => Some(details),
        };
        self
    }
}
