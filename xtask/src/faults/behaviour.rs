//! How the receivers of the suite misbehave. Each misbehaves once for a delivery and until the load is over; then it is
//! healed and answers 200.

/// A receiver's way, which is also the path of its URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Behaviour {
    /// 200 at once.
    Ok,
    /// One delivery in fifty is answered 500, reset, or not at all, the first time.
    Flaky,
    /// 200 after two seconds.
    Slow,
    /// The connection is reset.
    Reset,
    /// The connection is closed without an answer.
    Hangup,
    /// 200, then the connection is closed in the middle of the body.
    MidBody,
    /// 200 and a byte of the body a second, for ever.
    Drip,
    /// 200 and a body without an end.
    Endless,
    /// What is no HTTP.
    Garbage,
    /// 200 with NUL and bad UTF-8 in the body and bytes above ASCII in the headers.
    Bytes,
    /// A redirect to the address of a cloud's metadata.
    Redirect,
    /// 410: the endpoint is switched off.
    Gone,
    /// 429 or 503 with `Retry-After`.
    Busy,
    /// 200 half a second before the request's deadline.
    Late,
    /// No answer.
    Mute,
    /// Connections are not accepted.
    Deaf,
}

impl Behaviour {
    /// All that the tenant of hostile receivers has.
    pub(super) const HOSTILE: [Behaviour; 14] = [
        Behaviour::Slow,
        Behaviour::Reset,
        Behaviour::Hangup,
        Behaviour::MidBody,
        Behaviour::Drip,
        Behaviour::Endless,
        Behaviour::Garbage,
        Behaviour::Bytes,
        Behaviour::Redirect,
        Behaviour::Gone,
        Behaviour::Busy,
        Behaviour::Late,
        Behaviour::Mute,
        Behaviour::Deaf,
    ];

    /// Whether its endpoint is switched off on the way, so that later events are not for it.
    pub(super) fn ends(self) -> bool {
        self == Behaviour::Gone
    }
}
