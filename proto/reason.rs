//! The catalogue of reasons for refusing a call: one enum that defines the gRPC code, the HTTP status, the REST code
//! and the documentation of each. No other file chooses a status code. It knows nothing about any noun.

#[macro_use]
mod table;

use tonic::Code;

/// The default status of a success.
pub const OK: u16 = 200;
/// Status of a success without a body.
pub const NO_CONTENT: u16 = 204;
/// Status of a message of MCP that has no answer.
pub const ACCEPTED: u16 = 202;
/// Status of a message of MCP that cannot be read.
pub const UNREADABLE: u16 = 400;
/// Status of a method that MCP does not have, or not here.
pub const NO_SUCH_METHOD: u16 = 404;
/// Status of a read whose answer the client already has.
pub const NOT_MODIFIED: u16 = 304;
/// Status of a request whose headers are too large to be looked at (RFC 6585 §5).
pub const HEADERS_TOO_LARGE: u16 = 431;

macro_rules! reasons {
    ($($variant:ident $name:literal $rest:literal $code:ident $http:literal $message:literal $doc:literal;)*) => {
        /// Why a call was refused. Clients match on these, so names never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason { $(#[doc = $doc] $variant,)* }

        impl Reason {
            /// Every reason, in the order of the documentation.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant,)*];

            /// Name in `google.rpc.ErrorInfo.reason`.
            pub const fn name(self) -> &'static str { match self { $(Reason::$variant => $name,)* } }

            /// `error.code` of the REST answer.
            pub const fn rest_code(self) -> &'static str { match self { $(Reason::$variant => $rest,)* } }

            /// gRPC status code.
            pub const fn code(self) -> Code { match self { $(Reason::$variant => Code::$code,)* } }

            /// HTTP status of the REST answer.
            pub const fn http_status(self) -> u16 { match self { $(Reason::$variant => $http,)* } }

            /// The default message.
            pub const fn message(self) -> &'static str { match self { $(Reason::$variant => $message,)* } }

            /// Its documentation.
            pub const fn doc(self) -> &'static str { match self { $(Reason::$variant => $doc,)* } }

            /// The reason with this `ErrorInfo.reason`.
            pub fn from_name(name: &str) -> Option<Reason> { match name { $($name => Some(Reason::$variant),)* _ => None } }
        }
    };
}

every_reason!(reasons);

impl Reason {
    /// The reason for a status without our details, which a library or a peer made.
    pub const fn of_code(code: Code) -> Reason {
        match code {
            Code::InvalidArgument | Code::FailedPrecondition => Reason::InvalidRequest,
            Code::Unauthenticated => Reason::MissingApiKey,
            Code::PermissionDenied => Reason::RoleRequired,
            Code::NotFound | Code::Unimplemented => Reason::RouteNotFound,
            Code::Aborted | Code::AlreadyExists => Reason::Conflict,
            Code::ResourceExhausted => Reason::PayloadTooLarge,
            Code::DeadlineExceeded | Code::Cancelled => Reason::Timeout,
            Code::Unavailable => Reason::ServiceUnavailable,
            _ => Reason::InternalError,
        }
    }
}

macro_rules! detail_codes {
    ($($variant:ident $name:literal $doc:literal;)*) => {
        /// The rule that a field violates.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum DetailCode { $(#[doc = $doc] $variant,)* }

        impl DetailCode {
            /// Every code.
            pub const ALL: &'static [DetailCode] = &[$(DetailCode::$variant,)*];

            /// Name in REST details and in `FieldViolation.reason`.
            pub const fn name(self) -> &'static str { match self { $(DetailCode::$variant => $name,)* } }

            /// Its documentation.
            pub const fn doc(self) -> &'static str { match self { $(DetailCode::$variant => $doc,)* } }

            /// The code with this name.
            pub fn from_name(name: &str) -> Option<DetailCode> { match name { $($name => Some(DetailCode::$variant),)* _ => None } }
        }
    };
}

every_detail_code!(detail_codes);

/// Name of a gRPC code, as monitoring shows it.
pub const fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "ok",
        Code::Cancelled => "cancelled",
        Code::Unknown => "unknown",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::AlreadyExists => "already_exists",
        Code::PermissionDenied => "permission_denied",
        Code::ResourceExhausted => "resource_exhausted",
        Code::FailedPrecondition => "failed_precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out_of_range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        Code::Unauthenticated => "unauthenticated",
    }
}
