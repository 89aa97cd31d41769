//! The rows of the catalogue, without any type: `reason.rs` makes the enums from them, and the build makes the errors
//! of the OpenAPI document. Nothing here depends on a library.

/// Passes every reason to another macro: variant, `ErrorInfo.reason`, REST code, gRPC code, HTTP status, message, doc.
macro_rules! every_reason {
    ($take:ident) => { $take! {
        MalformedJson "MALFORMED_JSON" "malformed_json" InvalidArgument 400 "The body is not well-formed JSON." "The body cannot be read as JSON: broken syntax, a duplicate key, bad UTF-8 or nesting deeper than 32.";
        InvalidRequest "INVALID_REQUEST" "invalid_request" InvalidArgument 400 "The request cannot be read." "A member of the body has the wrong JSON type, or is null where null means nothing.";
        InvalidParameter "INVALID_PARAMETER" "invalid_parameter" InvalidArgument 400 "A query parameter is invalid." "A query parameter, or a conditional header, has an invalid value or is repeated.";
        UnknownParameter "UNKNOWN_PARAMETER" "unknown_parameter" InvalidArgument 400 "A query parameter is unknown." "The query has a parameter that this call does not have.";
        InvalidCursor "INVALID_CURSOR" "invalid_cursor" InvalidArgument 400 "The cursor is not one of this list." "The cursor was not made by this list with these filters, or was changed.";
        InvalidIdempotencyKey "INVALID_IDEMPOTENCY_KEY" "invalid_idempotency_key" InvalidArgument 400 "The Idempotency-Key must have 1 to 255 printable ASCII characters." "The header `Idempotency-Key` is empty, too long or has characters that are not printable ASCII.";
        ValidationFailed "VALIDATION_FAILED" "validation_failed" InvalidArgument 422 "A field is invalid." "The request is well-formed but violates a rule; `details` names each field and its rule.";
        OutboundReplyNotAllowed "OUTBOUND_REPLY_NOT_ALLOWED" "outbound_reply_not_allowed" InvalidArgument 422 "The public API leaves internal notes only; it never mails a customer." "The message has another `type` than `internal_note`.";
        IdempotencyKeyReused "IDEMPOTENCY_KEY_REUSED" "idempotency_key_reused" InvalidArgument 422 "This Idempotency-Key was used for another request." "The same `Idempotency-Key` came with another method, path or body within 24 hours.";
        MissingApiKey "MISSING_API_KEY" "missing_api_key" Unauthenticated 401 "Send an API key in the header Authorization: Bearer ixk_…" "The request has no `Authorization: Bearer` header.";
        InvalidApiKey "INVALID_API_KEY" "invalid_api_key" Unauthenticated 401 "The API key is not valid." "The API key is not well-formed or not known.";
        RevokedApiKey "REVOKED_API_KEY" "revoked_api_key" Unauthenticated 401 "The API key was revoked." "The API key exists but was revoked.";
        ExpiredApiKey "EXPIRED_API_KEY" "expired_api_key" Unauthenticated 401 "The API key has expired." "The API key exists but has expired.";
        InvalidSession "INVALID_SESSION" "invalid_session" Unauthenticated 401 "Sign in to continue." "The browser session is missing, has ended or is unknown.";
        InvalidCredentials "INVALID_CREDENTIALS" "invalid_credentials" Unauthenticated 401 "These credentials are not valid, or not any more." "A login link was used or has expired, or address and password do not match.";
        CrossOrigin "CROSS_ORIGIN" "cross_origin" PermissionDenied 403 "Browsers may make this call from the pages of this server only." "A browser made the call from another site, or under a host name that is not the server's.";
        EntitlementRequired "ENTITLEMENT_REQUIRED" "entitlement_required" PermissionDenied 403 "The plan of this workspace does not include this." "The plan lacks an entitlement; `details` names it and the least plan that has it.";
        InsufficientScope "INSUFFICIENT_SCOPE" "insufficient_scope" PermissionDenied 403 "The API key lacks a scope." "The API key lacks the scope that `details` names.";
        RoleRequired "ROLE_REQUIRED" "role_required" PermissionDenied 403 "Your role does not allow this." "The caller's role, or kind of credential, may not make this call.";
        TenantSuspended "TENANT_SUSPENDED" "tenant_suspended" PermissionDenied 403 "This workspace is suspended." "The operator suspended the workspace.";
        TicketNotFound "TICKET_NOT_FOUND" "ticket_not_found" NotFound 404 "No such ticket." "The workspace has no ticket with this id or number.";
        InboxNotFound "INBOX_NOT_FOUND" "inbox_not_found" NotFound 404 "No such inbox." "The workspace has no inbox with this id.";
        TagNotFound "TAG_NOT_FOUND" "tag_not_found" NotFound 404 "No such tag." "The ticket has no tag with this id.";
        AgentNotFound "AGENT_NOT_FOUND" "agent_not_found" NotFound 404 "No such agent." "The workspace has no agent with this id.";
        EndpointNotFound "ENDPOINT_NOT_FOUND" "endpoint_not_found" NotFound 404 "No such webhook endpoint." "The workspace has no webhook endpoint with this id.";
        DeliveryNotFound "DELIVERY_NOT_FOUND" "delivery_not_found" NotFound 404 "No such delivery." "The workspace has no delivery with this id.";
        RecoveryNotFound "RECOVERY_NOT_FOUND" "recovery_not_found" NotFound 404 "No such job." "The workspace has no job of this kind with this id.";
        ApiKeyNotFound "API_KEY_NOT_FOUND" "api_key_not_found" NotFound 404 "No such API key." "The workspace has no API key with this id.";
        TenantNotFound "TENANT_NOT_FOUND" "tenant_not_found" NotFound 404 "No such tenant." "There is no tenant with this id.";
        RouteNotFound "ROUTE_NOT_FOUND" "route_not_found" Unimplemented 404 "There is nothing at this path." "The path is not one of the API.";
        MethodNotAllowed "METHOD_NOT_ALLOWED" "method_not_allowed" Unimplemented 405 "This path does not take this method." "The path exists but not with this method; the header `Allow` names those that it takes.";
        NotAcceptable "NOT_ACCEPTABLE" "not_acceptable" Unimplemented 406 "Only application/json can be answered." "The header `Accept` excludes the media type of the response.";
        PreconditionFailed "PRECONDITION_FAILED" "precondition_failed" Aborted 412 "The resource has changed since." "`If-Match` differs from the current `ETag`.";
        Conflict "CONFLICT" "conflict" Aborted 409 "The resource is in a state that does not allow this now." "The call does not fit the present state; where a retry helps, `Retry-After` says when.";
        IdempotencyInProgress "IDEMPOTENCY_IN_PROGRESS" "idempotency_in_progress" Aborted 409 "The first request with this Idempotency-Key is still running." "A request with the same `Idempotency-Key` has not ended yet.";
        ExportInProgress "EXPORT_IN_PROGRESS" "export_in_progress" Aborted 409 "An export of this workspace is running." "A workspace has one export at a time; `Retry-After` says when to look again.";
        CursorExpired "CURSOR_EXPIRED" "cursor_expired" OutOfRange 410 "What follows this cursor is no longer kept." "The cursor is older than the retention of what it lists, or than 30 days, or belongs to another history of the data (`other_history`): begin again without it.";
        PayloadTooLarge "PAYLOAD_TOO_LARGE" "payload_too_large" ResourceExhausted 413 "The body is larger than 2 MiB." "The body is larger than the API accepts.";
        UnsupportedMediaType "UNSUPPORTED_MEDIA_TYPE" "unsupported_media_type" InvalidArgument 415 "Send the body as Content-Type: application/json." "The body has no `Content-Type: application/json`.";
        RateLimited "RATE_LIMITED" "rate_limited" ResourceExhausted 429 "Too many requests." "The rate limit is reached; `Retry-After` says how many seconds to wait.";
        InternalError "INTERNAL_ERROR" "internal_error" Internal 500 "Something went wrong on our side." "An error of the server; the request id finds it in the operator's log.";
        ServiceUnavailable "SERVICE_UNAVAILABLE" "service_unavailable" Unavailable 503 "The service is not available right now." "A part of the service is temporarily unavailable; try again.";
        Timeout "TIMEOUT" "timeout" DeadlineExceeded 504 "The request took too long." "The deadline of the call passed before it ended.";
    } };
}

/// Passes every detail code to another macro: variant, name, doc.
macro_rules! every_detail_code {
    ($take:ident) => {
        $take! {
            Required "required" "A required field is missing.";
            Blank "blank" "The value is empty once white space is removed.";
            TooShort "too_short" "The value is too short.";
            TooLong "too_long" "The value is too long.";
            InvalidType "invalid_type" "The value has the wrong JSON type.";
            InvalidFormat "invalid_format" "The value has the wrong format.";
            InvalidEnum "invalid_enum" "The value is not one of the allowed values.";
            OutOfRange "out_of_range" "The number is too small or too great.";
            NotFound "not_found" "The value refers to something that does not exist.";
            UnknownField "unknown_field" "There is no field with this name.";
            MutuallyExclusive "mutually_exclusive" "Two fields exclude each other.";
            OneOfRequired "one_of_required" "One of several fields must be given.";
            LimitExceeded "limit_exceeded" "There are too many.";
            InboxDisabled "inbox_disabled" "The inbox is disabled.";
            OtherHistory "other_history" "The cursor was made in another database, or after the backup that this one was restored from.";
        }
    };
}
