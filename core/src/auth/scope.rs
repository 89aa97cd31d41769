//! The catalogue of scopes, the permissions of API keys. Which key has which scopes is not known here.

macro_rules! scopes {
    ($($variant:ident $name:literal $doc:literal;)*) => {
        /// A permission of an API key.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Scope { $(#[doc = $doc] $variant,)* }

        impl Scope {
            /// All scopes: the preset *full*.
            pub(crate) const ALL: &'static [Scope] = &[$(Scope::$variant,)*];

            /// Name in the API and in the store.
            pub(crate) const fn name(self) -> &'static str { match self { $(Scope::$variant => $name,)* } }

            pub(crate) fn from_name(name: &str) -> Option<Scope> { match name { $($name => Some(Scope::$variant),)* _ => None } }
        }
    };
}

scopes! {
    TicketsRead "tickets:read" "Read tickets and agents.";
    TicketsWrite "tickets:write" "Open and change tickets.";
    MessagesRead "messages:read" "Read messages.";
    MessagesWrite "messages:write" "Write internal notes.";
    TagsRead "tags:read" "Read tags.";
    TagsWrite "tags:write" "Put tags on tickets and take them off.";
    InboxesRead "inboxes:read" "Read inboxes.";
    EventsRead "events:read" "Read events.";
    WebhooksRead "webhooks:read" "Read webhook endpoints and deliveries.";
    WebhooksManage "webhooks:manage" "Manage webhook endpoints and deliveries, and read them.";
    AuditRead "audit:read" "Read the audit log.";
}

impl Scope {
    /// Parses a stored list: names separated by spaces.
    pub(crate) fn parse_list(text: &str) -> Vec<Scope> {
        text.split(' ').filter_map(Scope::from_name).collect()
    }

    /// Formats a list for the store.
    pub(crate) fn list(scopes: &[Scope]) -> String {
        scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(" ")
    }
}
