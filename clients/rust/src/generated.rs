//! The types and calls of the API, made from the protos by `cargo run -p inboxops-codegen --example client`; do not
//! edit.

use crate::{
    Error,
    call::{Calls, NO_BODY},
    query::{Pairs, Query},
};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Request of AddTicketTag.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AddTicketTagRequest {
    /// UUID of a tag; or give `tag_name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_id: Option<String>,
    /// Name of a tag, which is created if it does not exist; or give `tag_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag_name: Option<String>,
}

/// Response of AddTicketTag.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AddTicketTagResponse {
    /// The tag.
    pub data: Tag,
}

/// A person of the tenant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Agent {
    /// UUID of the agent.
    pub id: String,
    /// Name.
    pub name: String,
    /// Mail address.
    pub email: String,
    /// Role.
    pub role: Role,
}

/// One HTTP request of a delivery.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attempt {
    /// Number, from 1.
    pub number: i64,
    /// Time at which it began.
    pub started_at: String,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// HTTP status of the answer; null without one.
    pub response_status: Option<i64>,
    /// First 4 KiB of the answer's body; null without an answer, and for a key that has neither `webhooks:manage`
    /// nor `messages:read`.
    pub response_body: Option<String>,
    /// Headers of the answer.
    pub response_headers: Vec<HttpHeader>,
    /// Headers of the request.
    pub request_headers: Vec<HttpHeader>,
    /// Failure code; null if it did not fail.
    pub error_code: Option<String>,
    /// Why it failed, as a sentence; null if it did not fail.
    pub error: Option<String>,
    /// Whether the receiver answered 2xx.
    pub succeeded: bool,
}

/// Results of the attempts in a period.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttemptBucket {
    /// Start of the period.
    pub start: String,
    /// Attempts that were answered 2xx.
    pub succeeded: i64,
    /// Attempts that failed.
    pub failed: i64,
}

/// Results of the attempts in a time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttemptStats {
    /// By period, oldest first, without gaps; the last period has not ended.
    pub buckets: Vec<AttemptBucket>,
    /// Attempts that were answered 2xx.
    pub succeeded: i64,
    /// Attempts that failed.
    pub failed: i64,
    /// Median response time in milliseconds, estimated; null without responses.
    pub median_ms: Option<i64>,
    /// 95th percentile of the response time in milliseconds, estimated; null without responses.
    pub p95_ms: Option<i64>,
}

/// Who acted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditActor {
    /// Kind.
    pub r#type: AuditActorType,
    /// UUID of the agent, key or token; null for others.
    pub id: Option<String>,
    /// Name at that time; may be empty.
    pub name: String,
}

open_enum! {
    /// Kind of an actor.
    AuditActorType {
        /// A person of the workspace.
        Agent = "agent",
        /// A program with an API key.
        ApiKey = "api_key",
        /// A program of the operator.
        Service = "service",
        /// The operator.
        Operator = "operator",
        /// An unknown person: a failed sign-in.
        Nobody = "nobody",
        /// InboxOps itself.
        System = "system",
    }
}

/// A detail of an entry.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditDetail {
    /// What it is: `name`, `plan`, `host`.
    pub name: String,
    /// Its value; never a secret.
    pub value: String,
}

/// An entry of the audit log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditLogEntry {
    /// UUID of the entry.
    pub id: String,
    /// Time.
    pub created_at: String,
    /// Who acted.
    pub actor: AuditActor,
    /// The action: `api_key.created`, `session.login_failed`, `tenant.plan_changed`.
    pub action: String,
    /// Kind of its target: `api_key`, `endpoint`, `delivery`, `agent`, `inbox`, `tenant`.
    pub target_kind: String,
    /// UUID of its target; null if it has none.
    pub target_id: Option<String>,
    /// Details.
    pub facts: Vec<AuditDetail>,
    /// IP address of the client; null for the machine itself and for InboxOps.
    pub address: Option<String>,
}

/// Who wrote a message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Author {
    /// Kind.
    pub r#type: AuthorType,
    /// UUID of the agent or API key; null for others.
    pub id: Option<String>,
    /// Name; may be empty.
    pub name: String,
    /// Mail address; null when none is known.
    pub email: Option<String>,
}

open_enum! {
    /// Kind of an author.
    AuthorType {
        /// A customer.
        Customer = "customer",
        /// An agent of the tenant.
        Agent = "agent",
        /// A program with an API key.
        ApiKey = "api_key",
        /// InboxOps itself or a program of its operator.
        System = "system",
    }
}

/// Response of CancelDelivery.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CancelDeliveryResponse {
    /// The delivery, canceled.
    pub data: Delivery,
}

open_enum! {
    /// Channel by which a ticket or an inbox gets its messages.
    Channel {
        /// Mail.
        Email = "email",
        /// This API.
        Api = "api",
        /// A form or a chat on a web page.
        Web = "web",
    }
}

/// Request of CreateTicketNote.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CreateTicketNoteRequest {
    /// Kind; only `internal_note` is possible.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    /// HTML; what an allow-list does not name is removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_html: Option<String>,
    /// Plain text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_text: Option<String>,
}

/// Response of CreateTicketNote.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CreateTicketNoteResponse {
    /// The note.
    pub data: Message,
}

/// Request of CreateTicket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CreateTicketRequest {
    /// Subject: plain text.
    pub subject: String,
    /// Inbox that it belongs to; must be active.
    pub inbox_id: String,
    /// Urgency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<TicketPriority>,
    /// Agent who works on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee_id: Option<Option<String>>,
}

/// Response of CreateTicket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CreateTicketResponse {
    /// The ticket.
    pub data: Ticket,
}

/// Request of CreateWebhookEndpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CreateWebhookEndpointRequest {
    /// Address to post to: https, a public host.
    pub url: String,
    /// Events that it gets: names, `ticket.*`, `message.*` or `*`.
    pub events: Vec<String>,
    /// Whether events are posted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
    /// Custom headers to send; their values are stored encrypted and never shown again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<Vec<NewEndpointHeader>>,
    /// Inboxes whose events it gets; all if empty. It also gets the `ticket.updated` by which a ticket leaves one
    /// of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inbox_ids: Option<Vec<String>>,
    /// Greatest number of requests a second; no limit when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_second: Option<Option<i64>>,
    /// Form of the bodies: `full` has whole tickets, messages and inboxes; `thin` their ids and links, and what
    /// changed, for receivers that accept only small bodies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<EndpointPayload>,
}

/// Response of CreateWebhookEndpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CreateWebhookEndpointResponse {
    /// The endpoint, with its secret.
    pub data: WebhookEndpoint,
}

/// Position of a page in a list that is read by cursor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CursorMeta {
    /// Whether more items follow.
    pub has_more: bool,
    /// Pass it as `cursor` to continue; null on the last page.
    pub next_cursor: Option<String>,
}

/// One event for one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Delivery {
    /// UUID of the delivery.
    pub id: String,
    /// UUID of its endpoint.
    pub endpoint_id: String,
    /// Type of the event.
    pub event: String,
    /// UUID of the event: `webhook-id` of every request.
    pub event_id: String,
    /// State.
    pub status: DeliveryStatus,
    /// Number of requests that were sent, without those that ended as `stale_connection` and were sent again at
    /// once.
    pub attempt_count: i64,
    /// Greatest number of failed attempts before it ends as failed.
    pub max_attempts: i64,
    /// Time of the next attempt; null when none is planned.
    pub next_attempt_at: Option<String>,
    /// HTTP status of the last answer; null without one.
    pub response_status: Option<i64>,
    /// Why the last attempt failed; null when it did not.
    pub error_code: Option<String>,
    /// Whether it is a test.
    pub test: bool,
    /// Time at which it was created.
    pub created_at: String,
    /// Time at which it succeeded; null until then.
    pub delivered_at: Option<String>,
    /// UUID of the ticket that the event is about; null for other events and for tests.
    pub ticket_id: Option<String>,
    /// Number of the ticket; null without one.
    pub ticket_number: Option<i64>,
    /// Subject of the ticket as it is now; null without one.
    pub subject: Option<String>,
    /// What it waits for; null once it has ended, and while its next request is in flight or about to be sent.
    pub waits_for: Option<DeliveryWait>,
}

/// One event for one endpoint, with payload and attempts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeliveryDetail {
    /// UUID of the delivery.
    pub id: String,
    /// UUID of its endpoint.
    pub endpoint_id: String,
    /// Type of the event.
    pub event: String,
    /// UUID of the event: `webhook-id` of every request.
    pub event_id: String,
    /// State.
    pub status: DeliveryStatus,
    /// Number of requests that were sent, without those that ended as `stale_connection` and were sent again at
    /// once.
    pub attempt_count: i64,
    /// Greatest number of failed attempts before it ends as failed.
    pub max_attempts: i64,
    /// Time of the next attempt; null when none is planned.
    pub next_attempt_at: Option<String>,
    /// HTTP status of the last answer; null without one.
    pub response_status: Option<i64>,
    /// Why the last attempt failed; null when it did not.
    pub error_code: Option<String>,
    /// Whether it is a test.
    pub test: bool,
    /// Time at which it was created.
    pub created_at: String,
    /// Time at which it succeeded; null until then.
    pub delivered_at: Option<String>,
    /// The body that is posted; null, and empty in gRPC, for a key that has neither `webhooks:manage` nor
    /// `messages:read`.
    pub payload: Option<Value>,
    /// Every attempt, oldest first.
    pub attempts: Vec<Attempt>,
    /// UUID of the ticket that the event is about; null for other events and for tests.
    pub ticket_id: Option<String>,
    /// Number of the ticket; null without one.
    pub ticket_number: Option<i64>,
    /// Subject of the ticket as it is now; null without one.
    pub subject: Option<String>,
    /// What it waits for; null once it has ended, and while its next request is in flight or about to be sent.
    pub waits_for: Option<DeliveryWait>,
}

open_enum! {
    /// State of a delivery.
    DeliveryStatus {
        /// Not tried yet.
        Pending = "pending",
        /// Failed at least once; will be retried.
        Retrying = "retrying",
        /// The receiver answered 2xx.
        Delivered = "delivered",
        /// All attempts failed; it is not retried automatically.
        Failed = "failed",
        /// Waits until its endpoint is enabled again.
        Paused = "paused",
        /// Canceled by a person or a program of the tenant.
        Canceled = "canceled",
    }
}

open_enum! {
    /// What a delivery waits for.
    DeliveryWait {
        /// Its turn.
        Queue = "queue",
        /// The time of its next attempt.
        Retry = "retry",
        /// Its turn at an endpoint whose rate is limited.
        RateLimit = "rate_limit",
        /// An endpoint that has failed so often that it gets one request at a time.
        Probe = "probe",
        /// Its endpoint to be enabled again.
        Paused = "paused",
    }
}

/// The backlog of an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EndpointBacklog {
    /// Deliveries that are pending, retrying or paused; tests are not counted.
    pub waiting: i64,
    /// When the oldest of them was made; null when there is none.
    pub oldest_at: Option<String>,
    /// Seconds since the longest due delivery that is not in flight became due; 0 if none is due, and while nothing
    /// is sent to the endpoint.
    pub behind_seconds: i64,
}

/// Failures since the last success.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EndpointFailing {
    /// Time of the first failed attempt since the last success.
    pub since: String,
    /// Failed attempts since the last success. From 20 on, only one request at a time is sent.
    pub failures_in_row: i64,
    /// How close it is to being disabled.
    pub warning: FailureWarning,
    /// When it will be disabled if no attempt succeeds, after at least 20 attempts.
    pub disables_at: String,
}

/// A custom header; its value is never shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EndpointHeader {
    /// Name.
    pub name: String,
}

open_enum! {
    /// Form of the bodies of an endpoint's webhooks.
    EndpointPayload {
        /// Whole tickets, messages and inboxes.
        Full = "full",
        /// Their ids and links, and what changed, for receivers that accept only small bodies.
        Thin = "thin",
    }
}

/// Delivery statistics of an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EndpointStats {
    /// UUID of the endpoint.
    pub endpoint_id: String,
    /// Number of deliveries in each state; states without any are left out.
    pub counts: Vec<StatusCount>,
    /// The last 24 hours, by hour.
    pub last_24_hours: AttemptStats,
    /// The last 7 days, by day.
    pub last_7_days: AttemptStats,
    /// The delivery of the latest attempt; null before the first.
    pub last_attempt: Option<LastAttempt>,
}

open_enum! {
    /// State of an endpoint.
    EndpointStatus {
        /// Events are posted.
        Active = "active",
        /// Disabled by a person or a program of the tenant.
        Paused = "paused",
        /// Events are posted, but the last attempts failed.
        Failing = "failing",
        /// Disabled by InboxOps; see `disabled_reason`.
        Disabled = "disabled",
        /// The plan does not include webhooks.
        NotEntitled = "not_entitled",
    }
}

/// One thing that is wrong or missing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorDetail {
    /// Where: in the body, in the query, or in what the key may do.
    pub location: String,
    /// Path of the field, as in `events[2]`; of `auth` what is missing, as in `scope`.
    pub field: String,
    /// Which rule is broken.
    ///
    /// - `required`: A required field is missing.
    /// - `blank`: The value is empty once white space is removed.
    /// - `too_short`: The value is too short.
    /// - `too_long`: The value is too long.
    /// - `invalid_type`: The value has the wrong JSON type.
    /// - `invalid_format`: The value has the wrong format.
    /// - `invalid_enum`: The value is not one of the allowed values.
    /// - `out_of_range`: The number is too small or too great.
    /// - `not_found`: The value refers to something that does not exist.
    /// - `unknown_field`: There is no field with this name.
    /// - `mutually_exclusive`: Two fields exclude each other.
    /// - `one_of_required`: One of several fields must be given.
    /// - `limit_exceeded`: There are too many.
    /// - `inbox_disabled`: The inbox is disabled.
    /// - `other_history`: The cursor was made in another database, or after the backup that this one was restored
    ///   from.
    pub code: String,
    /// What the value must be, to be read after the field's name.
    pub message: String,
    /// The values that are allowed, where they are few.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<Vec<String>>,
}

/// Who caused an event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventActor {
    /// Kind.
    pub r#type: String,
    /// Id; null for those without one.
    pub id: Option<String>,
    /// Name.
    pub name: String,
}

/// A type of event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventType {
    /// Name.
    pub name: String,
    /// When it happens.
    pub description: String,
    /// Family of the type, as in `ticket.*`.
    pub group: String,
}

/// Position of a page of events.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventsMeta {
    /// Whether there are already more events.
    pub has_more: bool,
    /// Pass it as `after` to continue, at once or when more has happened.
    pub next_cursor: String,
}

open_enum! {
    /// How close an endpoint is to being disabled.
    FailureWarning {
        /// Less than half of the time has passed.
        None = "none",
        /// Half of the time has passed.
        Half = "half",
        /// Three quarters of the time have passed.
        ThreeQuarters = "three_quarters",
    }
}

/// Response of GetDelivery.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GetDeliveryResponse {
    /// The delivery.
    pub data: DeliveryDetail,
}

/// Response of GetEndpointStats.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GetEndpointStatsResponse {
    /// The statistics.
    pub data: EndpointStats,
}

/// Response of GetInbox.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GetInboxResponse {
    /// The inbox.
    pub data: Inbox,
}

/// Response of GetRecovery.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GetRecoveryResponse {
    /// The job.
    pub data: Recovery,
}

/// Response of GetTicket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GetTicketResponse {
    /// The ticket.
    pub data: Ticket,
}

/// Response of GetWebhookEndpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GetWebhookEndpointResponse {
    /// The endpoint.
    pub data: WebhookEndpoint,
}

/// A header as it was sent or received.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpHeader {
    /// Name, lower case.
    pub name: String,
    /// Value; secrets are masked.
    pub value: String,
}

/// The caller.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Identity {
    /// The API key; null when the caller has another credential.
    pub key: Option<IdentityKey>,
    /// The tenant.
    pub tenant: IdentityTenant,
    /// Its plan.
    pub plan: Plan,
    /// Entitlements that are on.
    pub entitlements: Vec<String>,
    /// Its rate limit, which all its keys share.
    pub limit: RateLimit,
}

/// The API key that calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IdentityKey {
    /// UUID of the key.
    pub id: String,
    /// Name.
    pub name: String,
    /// First eight characters.
    pub key_prefix: String,
    /// Its scopes.
    pub scopes: Vec<String>,
    /// The key's own share of the tenant's rate limit; null when it has none. A share above the limit is shown as
    /// the limit.
    pub limit: Option<RateLimit>,
}

/// The tenant of the caller.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IdentityTenant {
    /// UUID of the tenant.
    pub id: String,
    /// Name.
    pub name: String,
}

/// An inbox.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Inbox {
    /// UUID of the inbox.
    pub id: String,
    /// Name.
    pub name: String,
    /// Mail address; null without one.
    pub email_address: Option<String>,
    /// Channel of its messages.
    pub channel: Channel,
    /// State.
    pub status: InboxStatus,
    /// Its error; null if there is none.
    pub error: Option<InboxError>,
    /// Time at which it was created.
    pub created_at: String,
    /// Time of the last change.
    pub updated_at: String,
}

/// The error of an inbox.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InboxError {
    /// Short name of the error.
    pub code: String,
    /// A sentence for a person.
    pub message: String,
    /// Time since which it fails.
    pub since: String,
}

open_enum! {
    /// State of an inbox.
    InboxStatus {
        /// It works.
        Active = "active",
        /// Disabled; it takes no new tickets.
        Disabled = "disabled",
        /// It fails; see `error`.
        Error = "error",
    }
}

/// The delivery of the latest attempt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LastAttempt {
    /// UUID of the delivery.
    pub delivery_id: String,
    /// HTTP status of the answer; null without one.
    pub response_status: Option<i64>,
    /// Failure code; null if it did not fail.
    pub error_code: Option<String>,
    /// Time of the attempt.
    pub at: String,
}

/// The last delivery of an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LastDelivery {
    /// UUID of the delivery.
    pub id: String,
    /// State.
    pub status: DeliveryStatus,
    /// HTTP status of the last answer; null without one.
    pub response_status: Option<i64>,
    /// Time of the last attempt.
    pub at: String,
}

/// Response of ListAgents.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListAgentsResponse {
    /// The agents of the page.
    pub data: Vec<Agent>,
    /// Position of the page.
    pub meta: PageMeta,
}

/// Response of ListAuditLog.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListAuditLogResponse {
    /// The entries of the page.
    pub data: Vec<AuditLogEntry>,
    /// Position of the page.
    pub meta: CursorMeta,
}

/// Response of ListDeliveries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListDeliveriesResponse {
    /// The deliveries of the page.
    pub data: Vec<Delivery>,
    /// Position of the page.
    pub meta: CursorMeta,
}

/// Response of ListEventTypes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListEventTypesResponse {
    /// All event types, in the order of the catalogue.
    pub data: Vec<EventType>,
}

/// Response of ListEvents.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListEventsResponse {
    /// The events of the page, each as it was posted.
    pub data: Vec<Value>,
    /// Position of the page.
    pub meta: EventsMeta,
}

/// Response of ListInboxes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListInboxesResponse {
    /// The inboxes of the page.
    pub data: Vec<Inbox>,
    /// Position of the page.
    pub meta: PageMeta,
}

/// Response of ListMessages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListMessagesResponse {
    /// The messages of the page.
    pub data: Vec<Message>,
    /// Position of the page.
    pub meta: CursorMeta,
}

/// Response of ListTags.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListTagsResponse {
    /// The tags of the page.
    pub data: Vec<Tag>,
    /// Position of the page.
    pub meta: PageMeta,
}

/// Response of ListTicketMessages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListTicketMessagesResponse {
    /// The messages of the page.
    pub data: Vec<Message>,
    /// Position of the page.
    pub meta: PageMeta,
}

/// Response of ListTicketTags.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListTicketTagsResponse {
    /// The tags of the page.
    pub data: Vec<Tag>,
    /// Position of the page.
    pub meta: PageMeta,
}

/// Response of ListTickets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListTicketsResponse {
    /// The tickets of the page.
    pub data: Vec<Ticket>,
    /// Position of the page.
    pub meta: PageMeta,
}

/// Response of ListUndelivered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListUndeliveredResponse {
    /// The events of the page. There may be fewer than requested, even none, although more follow.
    pub data: Vec<Undelivered>,
    /// Position of the page.
    pub meta: CursorMeta,
}

/// Response of ListWebhookEndpoints.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ListWebhookEndpointsResponse {
    /// The endpoints of the page.
    pub data: Vec<WebhookEndpoint>,
    /// Position of the page.
    pub meta: PageMeta,
}

/// One message of a ticket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Message {
    /// UUID of the message.
    pub id: String,
    /// UUID of its ticket.
    pub ticket_id: String,
    /// Kind.
    pub r#type: MessageType,
    /// Who wrote it.
    pub author: Author,
    /// Plain text.
    pub body_text: String,
    /// Sanitised HTML.
    pub body_html: String,
    /// Time at which it was recorded.
    pub created_at: String,
    /// Whether a body was cut: because it was too long, or so that a list stays below 4 MiB.
    pub truncated: bool,
    /// Time at which it was sent, as a mail's own `Date` says; null for what did not come by mail, and for a mail
    /// that names no time.
    pub sent_at: Option<String>,
}

open_enum! {
    /// Kind of a message.
    MessageType {
        /// The customer wrote it.
        Inbound = "inbound",
        /// It was sent to the customer.
        Outbound = "outbound",
        /// Only agents see it.
        InternalNote = "internal_note",
    }
}

/// A custom header to send.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NewEndpointHeader {
    /// Name: an HTTP token. Names that InboxOps or HTTP itself sets are refused: `webhook-*`, `x-inboxops-*`,
    /// `Host`, `Content-*`, `User-Agent`, `Cookie` and the like.
    pub name: String,
    /// Value: visible ASCII and spaces.
    pub value: String,
}

/// Position of a page in its list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PageMeta {
    /// Number of this page, from 1; null when the list is read by `cursor`.
    pub page: Option<i64>,
    /// Greatest number of items on a page.
    pub per_page: i64,
    /// Exact number of items on all pages.
    pub total: i64,
    /// Number of pages; null when the list is read by `cursor`.
    pub total_pages: Option<i64>,
    /// Whether a page follows.
    pub has_more: bool,
    /// Pass it as `cursor` to continue after the last item; null on the last page. Good for 30 days, for the same
    /// filters and order.
    pub next_cursor: Option<String>,
    /// Only for tickets with `updated_since`: no ticket is listed that changed at this time or later, since a write
    /// in progress may still get an earlier time. After the last page, use this as the next `updated_since`, and
    /// nothing is missed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub safe_since: Option<String>,
}

open_enum! {
    /// Plan of a tenant.
    Plan {
        /// Neither API nor webhooks.
        Free = "free",
        /// Neither API nor webhooks.
        Starter = "starter",
        /// API and webhooks.
        Business = "business",
        /// API and webhooks.
        Enterprise = "enterprise",
    }
}

/// Request of PromoteSecret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PromoteSecretRequest {
    /// Hours for which the old secret continues to sign; if absent, as given at the rotation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_old_hours: Option<i64>,
}

/// Response of PromoteSecret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PromoteSecretResponse {
    /// The endpoint after the promotion.
    pub data: WebhookEndpoint,
}

/// A rate limit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RateLimit {
    /// Requests that are accepted in a window.
    pub requests: i64,
    /// Length of the rolling window in seconds.
    pub window_seconds: i64,
}

/// Request of RecoverDeliveries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecoverDeliveriesRequest {
    /// Events from this time on. Events are kept for 30 days.
    pub since: String,
    /// Events before this time; up to now when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Only return the number of events; make no deliveries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// Response of RecoverDeliveries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecoverDeliveriesResponse {
    /// The job, or for a dry run what it would be.
    pub data: Recovery,
}

/// A job that makes deliveries for missed events, or sends deliveries again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recovery {
    /// UUID of the job; null after a dry run.
    pub id: Option<String>,
    /// UUID of the endpoint.
    pub endpoint_id: String,
    /// Events from this time on.
    pub since: String,
    /// Events before this time.
    pub until: String,
    /// Number of events that need a delivery, or of deliveries to send again. It may grow while a long recovery
    /// runs.
    pub matched: i64,
    /// Number of deliveries that were made, or were given a new schedule, so far.
    pub created: i64,
    /// Whether the job is done.
    pub done: bool,
}

/// The customer of a ticket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Requester {
    /// Name as the customer gave it; may be empty.
    pub name: String,
    /// Mail address.
    pub email: String,
}

/// Response of ResendDelivery.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResendDeliveryResponse {
    /// The delivery, waiting for its next attempt.
    pub data: Delivery,
}

/// Request of ResendEndpointDeliveries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResendEndpointDeliveriesRequest {
    /// Deliveries in any of these states.
    pub status: Vec<DeliveryStatus>,
    /// Deliveries of events from this time on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Deliveries of events before this time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Only return their number; send nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
}

/// Response of ResendEndpointDeliveries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResendEndpointDeliveriesResponse {
    /// The job, or for a dry run what it would be.
    pub data: Recovery,
}

open_enum! {
    /// Role of an agent in a tenant.
    Role {
        /// Manages keys, endpoints and agents, and all that an agent does.
        Admin = "admin",
        /// Works on tickets.
        Agent = "agent",
    }
}

/// Request of RotateSecret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RotateSecretRequest {
    /// The old secrets stop signing at once: for a secret that has leaked. There is then nothing to promote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub immediate: Option<bool>,
    /// Hours for which the old secret continues to sign after the promotion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_old_hours: Option<i64>,
}

/// Response of RotateSecret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RotateSecretResponse {
    /// The endpoint, with its new secret.
    pub data: WebhookEndpoint,
}

/// Response of SearchDeliveries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SearchDeliveriesResponse {
    /// The deliveries of the page.
    pub data: Vec<Delivery>,
    /// Position of the page.
    pub meta: CursorMeta,
}

/// A rotation of the signing secret in progress: two secrets sign.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SecretRotation {
    /// Its stage.
    pub stage: SecretStage,
    /// Last four characters of the new secret.
    pub new_secret_hint: String,
    /// Last four characters of the old secret.
    pub old_secret_hint: String,
    /// When the new secret is promoted automatically; null once it is.
    pub promotes_at: Option<String>,
    /// When the old secret stops signing; before the promotion: if that happens automatically.
    pub old_expires_at: String,
}

open_enum! {
    /// Stage of a secret's rotation.
    SecretStage {
        /// The new secret signs too; `X-InboxOps-Signature` is still made with the old one.
        Staged = "staged",
        /// `X-InboxOps-Signature` is made with the new secret; the old one signs too, until it expires.
        Promoted = "promoted",
    }
}

/// Request of SendTestEvent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SendTestEventRequest {
    /// Event of the sample.
    pub event: String,
    /// Members of the event's `data` in place of a sample's, an object (in gRPC its text). They are sent as they
    /// are, whatever the event and also to an endpoint with `thin` payloads; `actor`, `group` and `test` are the
    /// server's, and what is given for them is dropped. The object has at most 31 levels and no name twice, the
    /// event at most 256 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

/// Response of SendTestEvent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SendTestEventResponse {
    /// The delivery, not yet ended.
    pub data: Delivery,
}

/// Number of deliveries in a state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatusCount {
    /// The state.
    pub status: DeliveryStatus,
    /// How many deliveries are in it.
    pub count: i64,
}

/// A name that groups tickets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tag {
    /// UUID of the tag.
    pub id: String,
    /// Name; unique in the tenant, letter case aside.
    pub name: String,
    /// Color as `#rrggbb`; null when none was chosen.
    pub color: Option<String>,
    /// Time at which it was created.
    pub created_at: String,
}

/// A tag as tickets show it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TagRef {
    /// UUID of the tag.
    pub id: String,
    /// Name.
    pub name: String,
}

/// One conversation with a customer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ticket {
    /// UUID of the ticket.
    pub id: String,
    /// Number within the tenant, from 1, never reused.
    pub ticket_number: i64,
    /// Subject.
    pub subject: String,
    /// State.
    pub status: TicketStatus,
    /// Urgency.
    pub priority: TicketPriority,
    /// Inbox that it belongs to.
    pub inbox_id: String,
    /// Agent who works on it; null if unassigned.
    pub assignee_id: Option<String>,
    /// The customer; null if none is known.
    pub requester: Option<Requester>,
    /// Tags, by name.
    pub tags: Vec<TagRef>,
    /// Channel by which it came.
    pub channel: Channel,
    /// Number of messages, internal notes not counted.
    pub message_count: i64,
    /// Time of the newest message; null without one.
    pub last_message_at: Option<String>,
    /// Time at which it was opened.
    pub created_at: String,
    /// Time of the last visible change.
    pub updated_at: String,
    /// Time at which it became `solved`; null in other states.
    pub solved_at: Option<String>,
    /// Time at which it became `closed`; null in other states.
    pub closed_at: Option<String>,
    /// Grows by 1 with every visible change.
    pub version: i64,
    /// Only in lists with `include=messages`: the newest 25 messages, oldest first, without internal notes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<TicketMessages>,
    /// Only in lists with `include=messages`: whether the ticket has more messages than these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages_truncated: Option<bool>,
}

/// The members of a ticket that can be changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TicketChanges {
    /// Subject: plain text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// State.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<TicketStatus>,
    /// Urgency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<TicketPriority>,
    /// Agent who works on it; null unassigns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignee_id: Option<Option<String>>,
    /// Inbox to move it to; must be active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inbox_id: Option<String>,
}

/// Oldest first.
pub type TicketMessages = Vec<Message>;

open_enum! {
    /// Urgency of a ticket.
    TicketPriority {
        /// Low urgency.
        Low = "low",
        /// Normal urgency.
        Normal = "normal",
        /// High urgency.
        High = "high",
        /// Needs work at once.
        Urgent = "urgent",
    }
}

open_enum! {
    /// State of a ticket. Any state may follow any other.
    TicketStatus {
        /// Waits for an answer of the team.
        Open = "open",
        /// Waits for the customer or somebody else.
        Pending = "pending",
        /// Answered; may be reopened.
        Solved = "solved",
        /// Done.
        Closed = "closed",
    }
}

/// An event that an endpoint did not get.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Undelivered {
    /// UUID of the event.
    pub event_id: String,
    /// Type of the event.
    pub event: String,
    /// Time of the event.
    pub created_at: String,
    /// UUID of its delivery; null when there is none.
    pub delivery_id: Option<String>,
    /// State of its delivery; null when there is none.
    pub status: Option<DeliveryStatus>,
}

/// Response of UpdateTicket.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpdateTicketResponse {
    /// The ticket after the change.
    pub data: Ticket,
}

/// Response of UpdateWebhookEndpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpdateWebhookEndpointResponse {
    /// The endpoint after the change.
    pub data: WebhookEndpoint,
}

/// A webhook endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebhookEndpoint {
    /// UUID of the endpoint.
    pub id: String,
    /// URL that events are posted to.
    pub url: String,
    /// Description; null if there is none.
    pub description: Option<String>,
    /// Events that it gets: names, `ticket.*`, `message.*` or `*`.
    pub events: Vec<String>,
    /// Whether the tenant has enabled it.
    pub enabled: bool,
    /// Inboxes that it is limited to; empty for all.
    pub inbox_ids: Vec<String>,
    /// Greatest number of requests a second; null for no limit.
    pub rate_per_second: Option<i64>,
    /// Custom headers.
    pub headers: Vec<EndpointHeader>,
    /// State.
    pub status: EndpointStatus,
    /// Why InboxOps disabled it; null if it did not.
    pub disabled_reason: Option<String>,
    /// Signing secret, only in the answer that created it; otherwise null.
    pub secret: Option<String>,
    /// Last four characters of the secret that `X-InboxOps-Signature` is made with.
    pub secret_hint: String,
    /// The delivery of the latest attempt; null before the first.
    pub last_delivery: Option<LastDelivery>,
    /// Time at which it was created.
    pub created_at: String,
    /// Time of the last change.
    pub updated_at: String,
    /// The rotation in progress; null while one secret signs.
    pub rotation: Option<SecretRotation>,
    /// Failures since the last success; null if the last attempt succeeded.
    pub failing: Option<EndpointFailing>,
    /// Its backlog.
    pub backlog: EndpointBacklog,
    /// Form of the bodies of its webhooks.
    pub payload: EndpointPayload,
}

/// The members of an endpoint that can be changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebhookEndpointChanges {
    /// Address to post to: https, a public host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Events that it gets: names, `ticket.*`, `message.*` or `*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<String>>,
    /// Whether events are posted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Description; null removes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Option<String>>,
    /// Custom headers to send: the whole list with values. Headers that are not in it are removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<Vec<NewEndpointHeader>>,
    /// Inboxes whose events it gets; the whole list, empty for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inbox_ids: Option<Vec<String>>,
    /// Greatest number of requests a second; null removes the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_per_second: Option<Option<i64>>,
    /// Form of the bodies. Waiting deliveries keep their form, unless they are resent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<EndpointPayload>,
}

/// Response of WhoAmI.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WhoAmIResponse {
    /// The caller.
    pub data: Identity,
}

/// The query of [`Calls::list_agents`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListAgentsQuery {
    /// Page to read, from 1.
    pub page: Option<i64>,
    /// Greatest number of items on a page.
    pub per_page: Option<i64>,
    /// Place to begin after: `next_cursor` of an earlier page with the same filters and order. Not together with
    /// `page`. 410 when it is older than 30 days, or from another history of the data.
    pub cursor: Option<String>,
}

impl Query for ListAgentsQuery {
    const PATH: &'static str = "/api/v1/agents";

    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::default();
        pairs.one("page", self.page.as_ref());
        pairs.one("per_page", self.per_page.as_ref());
        pairs.one("cursor", self.cursor.as_ref());
        pairs
    }
}

/// The query of [`Calls::list_audit_log`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListAuditLogQuery {
    /// Only entries from this time on.
    pub since: Option<String>,
    /// Only entries before this time.
    pub until: Option<String>,
    /// Only entries of the agent, key or token with this UUID.
    pub actor_id: Option<String>,
    /// Only entries of this action.
    pub action: Option<String>,
    /// Greatest number of items on a page.
    pub per_page: Option<i64>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Query for ListAuditLogQuery {
    const PATH: &'static str = "/api/v1/audit";

    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::default();
        pairs.one("since", self.since.as_ref());
        pairs.one("until", self.until.as_ref());
        pairs.one("actor_id", self.actor_id.as_ref());
        pairs.one("action", self.action.as_ref());
        pairs.one("per_page", self.per_page.as_ref());
        pairs.one("cursor", self.cursor.as_ref());
        pairs
    }
}

/// The query of [`Calls::list_deliveries`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListDeliveriesQuery {
    /// Only deliveries in any of these states.
    pub status: Vec<DeliveryStatus>,
    /// Greatest number of items on a page.
    pub per_page: Option<i64>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Only deliveries of any of these events.
    pub event: Vec<String>,
    /// Only deliveries of events from this time on.
    pub created_since: Option<String>,
    /// Only deliveries of events before this time.
    pub created_until: Option<String>,
    /// Only the delivery with this UUID, or those of the event with this UUID.
    pub id: Option<String>,
}

impl Query for ListDeliveriesQuery {
    const PATH: &'static str = "/api/v1/webhooks/{endpoint_id}/deliveries";

    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::default();
        pairs.many("status", &self.status);
        pairs.one("per_page", self.per_page.as_ref());
        pairs.one("cursor", self.cursor.as_ref());
        pairs.many("event", &self.event);
        pairs.one("created_since", self.created_since.as_ref());
        pairs.one("created_until", self.created_until.as_ref());
        pairs.one("id", self.id.as_ref());
        pairs
    }
}

/// The query of [`Calls::list_events`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListEventsQuery {
    /// Begin after this place, `next_cursor` of an earlier page; without it, at the oldest event that is kept.
    /// `latest` answers no event and the newest place as `next_cursor`. 410 when what follows is no longer kept,
    /// or, with the detail `other_history`, when the cursor was made after the backup that the data were restored
    /// from.
    pub after: Option<String>,
    /// Only these types: names, `ticket.*`, `message.*` or `*`.
    pub types: Vec<String>,
    /// Greatest number of events on a page.
    pub limit: Option<i64>,
}

impl Query for ListEventsQuery {
    const PATH: &'static str = "/api/v1/events";

    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::default();
        pairs.one("after", self.after.as_ref());
        pairs.many("types", &self.types);
        pairs.one("limit", self.limit.as_ref());
        pairs
    }
}

/// The query of [`Calls::list_inboxes`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListInboxesQuery {
    /// Page to read, from 1.
    pub page: Option<i64>,
    /// Greatest number of items on a page.
    pub per_page: Option<i64>,
    /// Place to begin after: `next_cursor` of an earlier page with the same filters and order. Not together with
    /// `page`. 410 when it is older than 30 days, or from another history of the data.
    pub cursor: Option<String>,
}

impl Query for ListInboxesQuery {
    const PATH: &'static str = "/api/v1/inboxes";

    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::default();
        pairs.one("page", self.page.as_ref());
        pairs.one("per_page", self.per_page.as_ref());
        pairs.one("cursor", self.cursor.as_ref());
        pairs
    }
}

/// The query of [`Calls::list_messages`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListMessagesQuery {
    /// Only messages of any of these tickets.
    pub ticket_id: Vec<String>,
    /// Only messages recorded at this time or later.
    pub created_since: Option<String>,
    /// Only messages recorded before this time.
    pub created_until: Option<String>,
    /// Place to begin after: `next_cursor` of an earlier page with the same filters and order. 410 when it is older
    /// than 30 days, or from another history of the data.
    pub cursor: Option<String>,
    /// Greatest number of items on a page. A page may have fewer, so that the answer stays below 4 MiB.
    pub per_page: Option<i64>,
}

impl Query for ListMessagesQuery {
    const PATH: &'static str = "/api/v1/messages";

    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::default();
        pairs.many("ticket_id", &self.ticket_id);
        pairs.one("created_since", self.created_since.as_ref());
        pairs.one("created_until", self.created_until.as_ref());
        pairs.one("cursor", self.cursor.as_ref());
        pairs.one("per_page", self.per_page.as_ref());
        pairs
    }
}

/// The query of [`Calls::list_tags`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListTagsQuery {
    /// Page to read, from 1.
    pub page: Option<i64>,
    /// Greatest number of items on a page.
    pub per_page: Option<i64>,
    /// Place to begin after: `next_cursor` of an earlier page with the same filters and order. Not together with
    /// `page`. 410 when it is older than 30 days, or from another history of the data.
    pub cursor: Option<String>,
}

impl Query for ListTagsQuery {
    const PATH: &'static str = "/api/v1/tags";

    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::default();
        pairs.one("page", self.page.as_ref());
        pairs.one("per_page", self.per_page.as_ref());
        pairs.one("cursor", self.cursor.as_ref());
        pairs
    }
}

/// The query of [`Calls::list_ticket_messages`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListTicketMessagesQuery {
    /// Page to read, from 1.
    pub page: Option<i64>,
    /// Greatest number of items on a page.
    pub per_page: Option<i64>,
    /// Place to begin after: `next_cursor` of an earlier page with the same filters and order. Not together with
    /// `page`. 410 when it is older than 30 days, or from another history of the data.
    pub cursor: Option<String>,
}

impl Query for ListTicketMessagesQuery {
    const PATH: &'static str = "/api/v1/tickets/{ticket_id}/messages";

    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::default();
        pairs.one("page", self.page.as_ref());
        pairs.one("per_page", self.per_page.as_ref());
        pairs.one("cursor", self.cursor.as_ref());
        pairs
    }
}

/// The query of [`Calls::list_ticket_tags`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListTicketTagsQuery {
    /// Page to read, from 1.
    pub page: Option<i64>,
    /// Greatest number of items on a page.
    pub per_page: Option<i64>,
    /// Place to begin after: `next_cursor` of an earlier page with the same filters and order. Not together with
    /// `page`. 410 when it is older than 30 days, or from another history of the data.
    pub cursor: Option<String>,
}

impl Query for ListTicketTagsQuery {
    const PATH: &'static str = "/api/v1/tickets/{ticket_id}/tags";

    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::default();
        pairs.one("page", self.page.as_ref());
        pairs.one("per_page", self.per_page.as_ref());
        pairs.one("cursor", self.cursor.as_ref());
        pairs
    }
}

/// The query of [`Calls::list_tickets`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListTicketsQuery {
    /// Page to read, from 1.
    pub page: Option<i64>,
    /// Greatest number of items on a page.
    pub per_page: Option<i64>,
    /// Only tickets in any of these states.
    pub status: Vec<TicketStatus>,
    /// Only tickets of any of these inboxes.
    pub inbox_id: Vec<String>,
    /// Only tickets of any of these agents; `none` means unassigned ones.
    pub assignee_id: Vec<String>,
    /// Only tickets of any of these priorities.
    pub priority: Vec<TicketPriority>,
    /// Only tickets with this tag: its UUID or its name.
    pub tag: Option<String>,
    /// Only tickets of this requester, ignoring letter case. In a URL a `+` must be written `%2B`, since a plain
    /// one means a space.
    pub requester_email: Option<String>,
    /// Only tickets whose subject contains this text, ignoring letter case and diacritics (`cafe` finds `CAFÉ`).
    pub q: Option<String>,
    /// Only tickets opened at this time or later.
    pub created_since: Option<String>,
    /// Only tickets changed at this time or later, to keep a copy up to date: use the newest `updated_at` that you
    /// have, or `meta.safe_since` of the last answer. A change is listed only after all older writes have ended;
    /// lists without this filter show everything at once.
    pub updated_since: Option<String>,
    /// Order; `-` means descending.
    pub sort: Option<String>,
    /// Place to begin after: `next_cursor` of an earlier page with the same filters and order. Not together with
    /// `page`. 410 when it is older than 30 days, or from another history of the data.
    pub cursor: Option<String>,
    /// Only tickets with any of these ids.
    pub ids: Vec<String>,
    /// Only tickets changed before this time.
    pub updated_until: Option<String>,
    /// `messages`: each ticket has its newest 25 messages, without internal notes. Needs the scope `messages:read`
    /// too.
    pub include: Vec<String>,
}

impl Query for ListTicketsQuery {
    const PATH: &'static str = "/api/v1/tickets";

    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::default();
        pairs.one("page", self.page.as_ref());
        pairs.one("per_page", self.per_page.as_ref());
        pairs.many("status", &self.status);
        pairs.many("inbox_id", &self.inbox_id);
        pairs.many("assignee_id", &self.assignee_id);
        pairs.many("priority", &self.priority);
        pairs.one("tag", self.tag.as_ref());
        pairs.one("requester_email", self.requester_email.as_ref());
        pairs.one("q", self.q.as_ref());
        pairs.one("created_since", self.created_since.as_ref());
        pairs.one("updated_since", self.updated_since.as_ref());
        pairs.one("sort", self.sort.as_ref());
        pairs.one("cursor", self.cursor.as_ref());
        pairs.many("ids", &self.ids);
        pairs.one("updated_until", self.updated_until.as_ref());
        pairs.many("include", &self.include);
        pairs
    }
}

/// The query of [`Calls::list_undelivered`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListUndeliveredQuery {
    /// Events from this time on; without it, all that are kept.
    pub since: Option<String>,
    /// Greatest number of items on a page.
    pub per_page: Option<i64>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Query for ListUndeliveredQuery {
    const PATH: &'static str = "/api/v1/webhooks/{endpoint_id}/undelivered";

    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::default();
        pairs.one("since", self.since.as_ref());
        pairs.one("per_page", self.per_page.as_ref());
        pairs.one("cursor", self.cursor.as_ref());
        pairs
    }
}

/// The query of [`Calls::list_webhook_endpoints`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListWebhookEndpointsQuery {
    /// Page to read, from 1.
    pub page: Option<i64>,
    /// Greatest number of items on a page.
    pub per_page: Option<i64>,
    /// Place to begin after: `next_cursor` of an earlier page with the same filters and order. Not together with
    /// `page`. 410 when it is older than 30 days, or from another history of the data.
    pub cursor: Option<String>,
}

impl Query for ListWebhookEndpointsQuery {
    const PATH: &'static str = "/api/v1/webhooks";

    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::default();
        pairs.one("page", self.page.as_ref());
        pairs.one("per_page", self.per_page.as_ref());
        pairs.one("cursor", self.cursor.as_ref());
        pairs
    }
}

/// The query of [`Calls::search_deliveries`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SearchDeliveriesQuery {
    /// Only deliveries to the endpoint with this UUID.
    pub endpoint_id: Option<String>,
    /// Only deliveries in any of these states.
    pub status: Vec<DeliveryStatus>,
    /// Only deliveries of any of these events.
    pub event: Vec<String>,
    /// Only deliveries of the event with this UUID.
    pub event_id: Option<String>,
    /// Only deliveries of events about the ticket with this UUID: of its newest 5,000 events. Those of older ones
    /// are not found without `event_id`.
    pub ticket_id: Option<String>,
    /// Only deliveries whose last response had any of these statuses: `2xx`, `3xx`, `4xx`, `5xx` or numbers.
    pub response_status: Vec<String>,
    /// Only deliveries that were created from this time on.
    pub since: Option<String>,
    /// Only deliveries that were created before this time.
    pub until: Option<String>,
    /// Greatest number of items on a page.
    pub per_page: Option<i64>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl Query for SearchDeliveriesQuery {
    const PATH: &'static str = "/api/v1/deliveries";

    fn pairs(&self) -> Pairs {
        let mut pairs = Pairs::default();
        pairs.one("endpoint_id", self.endpoint_id.as_ref());
        pairs.many("status", &self.status);
        pairs.many("event", &self.event);
        pairs.one("event_id", self.event_id.as_ref());
        pairs.one("ticket_id", self.ticket_id.as_ref());
        pairs.many("response_status", &self.response_status);
        pairs.one("since", self.since.as_ref());
        pairs.one("until", self.until.as_ref());
        pairs.one("per_page", self.per_page.as_ref());
        pairs.one("cursor", self.cursor.as_ref());
        pairs
    }
}

/// Every operation of the API.
impl Calls<'_> {
    /// Add a tag to a ticket: `POST /api/v1/tickets/{ticket_id}/tags`. Needs the scope `tags:write`.
    pub async fn add_ticket_tag(
        self,
        ticket_id: &str,
        body: &AddTicketTagRequest,
    ) -> Result<AddTicketTagResponse, Error> {
        self.0
            .call(
                Method::POST,
                "/api/v1/tickets/{ticket_id}/tags",
                &[("ticket_id", ticket_id)],
                Pairs::default(),
                Some(body),
            )
            .await
    }

    /// Cancel a delivery: `POST /api/v1/deliveries/{delivery_id}/cancel`. Needs the scope `webhooks:manage`.
    pub async fn cancel_delivery(self, delivery_id: &str) -> Result<CancelDeliveryResponse, Error> {
        self.0
            .call(
                Method::POST,
                "/api/v1/deliveries/{delivery_id}/cancel",
                &[("delivery_id", delivery_id)],
                Pairs::default(),
                NO_BODY,
            )
            .await
    }

    /// Open a ticket: `POST /api/v1/tickets`. Needs the scope `tickets:write`.
    pub async fn create_ticket(self, body: &CreateTicketRequest) -> Result<CreateTicketResponse, Error> {
        self.0.call(Method::POST, "/api/v1/tickets", &[], Pairs::default(), Some(body)).await
    }

    /// Write an internal note: `POST /api/v1/tickets/{ticket_id}/messages`. Needs the scope `messages:write`.
    pub async fn create_ticket_note(
        self,
        ticket_id: &str,
        body: &CreateTicketNoteRequest,
    ) -> Result<CreateTicketNoteResponse, Error> {
        self.0
            .call(
                Method::POST,
                "/api/v1/tickets/{ticket_id}/messages",
                &[("ticket_id", ticket_id)],
                Pairs::default(),
                Some(body),
            )
            .await
    }

    /// Add a webhook endpoint: `POST /api/v1/webhooks`. Needs the scope `webhooks:manage`.
    pub async fn create_webhook_endpoint(
        self,
        body: &CreateWebhookEndpointRequest,
    ) -> Result<CreateWebhookEndpointResponse, Error> {
        self.0.call(Method::POST, "/api/v1/webhooks", &[], Pairs::default(), Some(body)).await
    }

    /// Delete a webhook endpoint: `DELETE /api/v1/webhooks/{endpoint_id}`. Needs the scope `webhooks:manage`.
    pub async fn delete_webhook_endpoint(self, endpoint_id: &str) -> Result<(), Error> {
        self.0
            .call(
                Method::DELETE,
                "/api/v1/webhooks/{endpoint_id}",
                &[("endpoint_id", endpoint_id)],
                Pairs::default(),
                NO_BODY,
            )
            .await
    }

    /// Get a delivery: `GET /api/v1/deliveries/{delivery_id}`. Needs the scope `webhooks:read`.
    pub async fn get_delivery(self, delivery_id: &str) -> Result<GetDeliveryResponse, Error> {
        self.0
            .call(
                Method::GET,
                "/api/v1/deliveries/{delivery_id}",
                &[("delivery_id", delivery_id)],
                Pairs::default(),
                NO_BODY,
            )
            .await
    }

    /// Get the statistics of an endpoint: `GET /api/v1/webhooks/{endpoint_id}/stats`. Needs the scope
    /// `webhooks:read`.
    pub async fn get_endpoint_stats(self, endpoint_id: &str) -> Result<GetEndpointStatsResponse, Error> {
        self.0
            .call(
                Method::GET,
                "/api/v1/webhooks/{endpoint_id}/stats",
                &[("endpoint_id", endpoint_id)],
                Pairs::default(),
                NO_BODY,
            )
            .await
    }

    /// Get an inbox: `GET /api/v1/inboxes/{inbox_id}`. Needs the scope `inboxes:read`.
    pub async fn get_inbox(self, inbox_id: &str) -> Result<GetInboxResponse, Error> {
        self.0
            .call(Method::GET, "/api/v1/inboxes/{inbox_id}", &[("inbox_id", inbox_id)], Pairs::default(), NO_BODY)
            .await
    }

    /// Get a job of an endpoint: `GET /api/v1/webhooks/{endpoint_id}/recoveries/{recovery_id}`. Needs the scope
    /// `webhooks:read`.
    pub async fn get_recovery(self, endpoint_id: &str, recovery_id: &str) -> Result<GetRecoveryResponse, Error> {
        self.0
            .call(
                Method::GET,
                "/api/v1/webhooks/{endpoint_id}/recoveries/{recovery_id}",
                &[("endpoint_id", endpoint_id), ("recovery_id", recovery_id)],
                Pairs::default(),
                NO_BODY,
            )
            .await
    }

    /// Get a ticket: `GET /api/v1/tickets/{ticket_id}`. Needs the scope `tickets:read`.
    pub async fn get_ticket(self, ticket_id: &str) -> Result<GetTicketResponse, Error> {
        self.0
            .call(Method::GET, "/api/v1/tickets/{ticket_id}", &[("ticket_id", ticket_id)], Pairs::default(), NO_BODY)
            .await
    }

    /// Get a webhook endpoint: `GET /api/v1/webhooks/{endpoint_id}`. Needs the scope `webhooks:read`.
    pub async fn get_webhook_endpoint(self, endpoint_id: &str) -> Result<GetWebhookEndpointResponse, Error> {
        self.0
            .call(
                Method::GET,
                "/api/v1/webhooks/{endpoint_id}",
                &[("endpoint_id", endpoint_id)],
                Pairs::default(),
                NO_BODY,
            )
            .await
    }

    /// List agents: `GET /api/v1/agents`. Needs the scope `tickets:read`.
    pub async fn list_agents(self, query: &ListAgentsQuery) -> Result<ListAgentsResponse, Error> {
        self.0.call(Method::GET, "/api/v1/agents", &[], query.pairs(), NO_BODY).await
    }

    /// List the audit log: `GET /api/v1/audit`. Needs the scope `audit:read`.
    pub async fn list_audit_log(self, query: &ListAuditLogQuery) -> Result<ListAuditLogResponse, Error> {
        self.0.call(Method::GET, "/api/v1/audit", &[], query.pairs(), NO_BODY).await
    }

    /// List the deliveries of an endpoint: `GET /api/v1/webhooks/{endpoint_id}/deliveries`. Needs the scope
    /// `webhooks:read`.
    pub async fn list_deliveries(
        self,
        endpoint_id: &str,
        query: &ListDeliveriesQuery,
    ) -> Result<ListDeliveriesResponse, Error> {
        self.0
            .call(
                Method::GET,
                "/api/v1/webhooks/{endpoint_id}/deliveries",
                &[("endpoint_id", endpoint_id)],
                query.pairs(),
                NO_BODY,
            )
            .await
    }

    /// List the event types: `GET /api/v1/webhook-event-types`. Needs the scope `webhooks:read`.
    pub async fn list_event_types(self) -> Result<ListEventTypesResponse, Error> {
        self.0.call(Method::GET, "/api/v1/webhook-event-types", &[], Pairs::default(), NO_BODY).await
    }

    /// List events: `GET /api/v1/events`. Needs the scope `events:read`.
    pub async fn list_events(self, query: &ListEventsQuery) -> Result<ListEventsResponse, Error> {
        self.0.call(Method::GET, "/api/v1/events", &[], query.pairs(), NO_BODY).await
    }

    /// List inboxes: `GET /api/v1/inboxes`. Needs the scope `inboxes:read`.
    pub async fn list_inboxes(self, query: &ListInboxesQuery) -> Result<ListInboxesResponse, Error> {
        self.0.call(Method::GET, "/api/v1/inboxes", &[], query.pairs(), NO_BODY).await
    }

    /// List the messages of all tickets: `GET /api/v1/messages`. Needs the scope `messages:read`.
    pub async fn list_messages(self, query: &ListMessagesQuery) -> Result<ListMessagesResponse, Error> {
        self.0.call(Method::GET, "/api/v1/messages", &[], query.pairs(), NO_BODY).await
    }

    /// List the tags of the tenant: `GET /api/v1/tags`. Needs the scope `tags:read`.
    pub async fn list_tags(self, query: &ListTagsQuery) -> Result<ListTagsResponse, Error> {
        self.0.call(Method::GET, "/api/v1/tags", &[], query.pairs(), NO_BODY).await
    }

    /// List the messages of a ticket: `GET /api/v1/tickets/{ticket_id}/messages`. Needs the scope `messages:read`.
    pub async fn list_ticket_messages(
        self,
        ticket_id: &str,
        query: &ListTicketMessagesQuery,
    ) -> Result<ListTicketMessagesResponse, Error> {
        self.0
            .call(
                Method::GET,
                "/api/v1/tickets/{ticket_id}/messages",
                &[("ticket_id", ticket_id)],
                query.pairs(),
                NO_BODY,
            )
            .await
    }

    /// List the tags of a ticket: `GET /api/v1/tickets/{ticket_id}/tags`. Needs the scope `tags:read`.
    pub async fn list_ticket_tags(
        self,
        ticket_id: &str,
        query: &ListTicketTagsQuery,
    ) -> Result<ListTicketTagsResponse, Error> {
        self.0
            .call(Method::GET, "/api/v1/tickets/{ticket_id}/tags", &[("ticket_id", ticket_id)], query.pairs(), NO_BODY)
            .await
    }

    /// List tickets: `GET /api/v1/tickets`. Needs the scope `tickets:read`.
    pub async fn list_tickets(self, query: &ListTicketsQuery) -> Result<ListTicketsResponse, Error> {
        self.0.call(Method::GET, "/api/v1/tickets", &[], query.pairs(), NO_BODY).await
    }

    /// List the events that an endpoint did not get: `GET /api/v1/webhooks/{endpoint_id}/undelivered`. Needs the
    /// scope `webhooks:read`.
    pub async fn list_undelivered(
        self,
        endpoint_id: &str,
        query: &ListUndeliveredQuery,
    ) -> Result<ListUndeliveredResponse, Error> {
        self.0
            .call(
                Method::GET,
                "/api/v1/webhooks/{endpoint_id}/undelivered",
                &[("endpoint_id", endpoint_id)],
                query.pairs(),
                NO_BODY,
            )
            .await
    }

    /// List webhook endpoints: `GET /api/v1/webhooks`. Needs the scope `webhooks:read`.
    pub async fn list_webhook_endpoints(
        self,
        query: &ListWebhookEndpointsQuery,
    ) -> Result<ListWebhookEndpointsResponse, Error> {
        self.0.call(Method::GET, "/api/v1/webhooks", &[], query.pairs(), NO_BODY).await
    }

    /// Promote the new signing secret: `POST /api/v1/webhooks/{endpoint_id}/promote-secret`. Needs the scope
    /// `webhooks:manage`.
    pub async fn promote_secret(
        self,
        endpoint_id: &str,
        body: &PromoteSecretRequest,
    ) -> Result<PromoteSecretResponse, Error> {
        self.0
            .call(
                Method::POST,
                "/api/v1/webhooks/{endpoint_id}/promote-secret",
                &[("endpoint_id", endpoint_id)],
                Pairs::default(),
                Some(body),
            )
            .await
    }

    /// Recover missed events: `POST /api/v1/webhooks/{endpoint_id}/recover`. Needs the scope `webhooks:manage`.
    pub async fn recover_deliveries(
        self,
        endpoint_id: &str,
        body: &RecoverDeliveriesRequest,
    ) -> Result<RecoverDeliveriesResponse, Error> {
        self.0
            .call(
                Method::POST,
                "/api/v1/webhooks/{endpoint_id}/recover",
                &[("endpoint_id", endpoint_id)],
                Pairs::default(),
                Some(body),
            )
            .await
    }

    /// Remove a tag from a ticket: `DELETE /api/v1/tickets/{ticket_id}/tags/{tag_id}`. Needs the scope
    /// `tags:write`.
    pub async fn remove_ticket_tag(self, ticket_id: &str, tag_id: &str) -> Result<(), Error> {
        self.0
            .call(
                Method::DELETE,
                "/api/v1/tickets/{ticket_id}/tags/{tag_id}",
                &[("ticket_id", ticket_id), ("tag_id", tag_id)],
                Pairs::default(),
                NO_BODY,
            )
            .await
    }

    /// Resend a delivery: `POST /api/v1/deliveries/{delivery_id}/resend`. Needs the scope `webhooks:manage`.
    pub async fn resend_delivery(self, delivery_id: &str) -> Result<ResendDeliveryResponse, Error> {
        self.0
            .call(
                Method::POST,
                "/api/v1/deliveries/{delivery_id}/resend",
                &[("delivery_id", delivery_id)],
                Pairs::default(),
                NO_BODY,
            )
            .await
    }

    /// Resend deliveries of an endpoint: `POST /api/v1/webhooks/{endpoint_id}/resend`. Needs the scope
    /// `webhooks:manage`.
    pub async fn resend_endpoint_deliveries(
        self,
        endpoint_id: &str,
        body: &ResendEndpointDeliveriesRequest,
    ) -> Result<ResendEndpointDeliveriesResponse, Error> {
        self.0
            .call(
                Method::POST,
                "/api/v1/webhooks/{endpoint_id}/resend",
                &[("endpoint_id", endpoint_id)],
                Pairs::default(),
                Some(body),
            )
            .await
    }

    /// Rotate the signing secret: `POST /api/v1/webhooks/{endpoint_id}/rotate-secret`. Needs the scope
    /// `webhooks:manage`.
    pub async fn rotate_secret(
        self,
        endpoint_id: &str,
        body: &RotateSecretRequest,
    ) -> Result<RotateSecretResponse, Error> {
        self.0
            .call(
                Method::POST,
                "/api/v1/webhooks/{endpoint_id}/rotate-secret",
                &[("endpoint_id", endpoint_id)],
                Pairs::default(),
                Some(body),
            )
            .await
    }

    /// Search the deliveries of all endpoints: `GET /api/v1/deliveries`. Needs the scope `webhooks:read`.
    pub async fn search_deliveries(self, query: &SearchDeliveriesQuery) -> Result<SearchDeliveriesResponse, Error> {
        self.0.call(Method::GET, "/api/v1/deliveries", &[], query.pairs(), NO_BODY).await
    }

    /// Send a test event: `POST /api/v1/webhooks/{endpoint_id}/test`. Needs the scope `webhooks:manage`.
    pub async fn send_test_event(
        self,
        endpoint_id: &str,
        body: &SendTestEventRequest,
    ) -> Result<SendTestEventResponse, Error> {
        self.0
            .call(
                Method::POST,
                "/api/v1/webhooks/{endpoint_id}/test",
                &[("endpoint_id", endpoint_id)],
                Pairs::default(),
                Some(body),
            )
            .await
    }

    /// Change a ticket: `PATCH /api/v1/tickets/{ticket_id}`. Needs the scope `tickets:write`.
    pub async fn update_ticket(self, ticket_id: &str, body: &TicketChanges) -> Result<UpdateTicketResponse, Error> {
        self.0
            .call(
                Method::PATCH,
                "/api/v1/tickets/{ticket_id}",
                &[("ticket_id", ticket_id)],
                Pairs::default(),
                Some(body),
            )
            .await
    }

    /// Change a webhook endpoint: `PATCH /api/v1/webhooks/{endpoint_id}`. Needs the scope `webhooks:manage`.
    pub async fn update_webhook_endpoint(
        self,
        endpoint_id: &str,
        body: &WebhookEndpointChanges,
    ) -> Result<UpdateWebhookEndpointResponse, Error> {
        self.0
            .call(
                Method::PATCH,
                "/api/v1/webhooks/{endpoint_id}",
                &[("endpoint_id", endpoint_id)],
                Pairs::default(),
                Some(body),
            )
            .await
    }

    /// Get the caller's identity: `GET /api/v1/me`.
    pub async fn who_am_i(self) -> Result<WhoAmIResponse, Error> {
        self.0.call(Method::GET, "/api/v1/me", &[], Pairs::default(), NO_BODY).await
    }
}
