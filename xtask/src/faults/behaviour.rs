//! The misbehaviour of the suite's receivers. Each misbehaves once for each delivery while the load runs; then it is
//! healed and answers 200.

/// A receiver's behaviour, which is also the path of its URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Behaviour {
    /// 200 at once.
    Ok,
    /// One delivery in fifty gets a 500, a reset, or no response, the first time.
    Flaky,
    /// 200 after two seconds.
    Slow,
    /// The connection is reset.
    Reset,
    /// The connection is closed without a response.
    Hangup,
    /// 200, then the connection is closed in the middle of the body.
    MidBody,
    /// 200 and a byte of the body a second, for ever.
    Drip,
    /// 200 and a body without an end.
    Endless,
    /// Bytes that are not HTTP.
    Garbage,
    /// 200 with NUL and bad UTF-8 in the body and bytes above ASCII in the headers.
    Bytes,
    /// A redirect to the address of a cloud's metadata.
    Redirect,
    /// 410: the endpoint is disabled.
    Gone,
    /// 429 or 503 with `Retry-After`.
    Busy,
    /// 200 half a second before the request's deadline.
    Late,
    /// No response.
    Mute,
    /// Connections are not accepted.
    Deaf,
}

impl Behaviour {
    /// The behaviours of the hostile tenant's receivers.
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

    /// Whether its endpoint is disabled during the run, so that later events are not for it.
    pub(super) fn ends(self) -> bool {
        self == Behaviour::Gone
    }
}
