//! `inboxops events tail`: follows a tenant's events with an API key and prints them, one a line.

use crate::{
    cli::EventsTail,
    error::{Error, Result},
    follow::Follower,
    listen,
    print::{Output, plain},
    settings::Settings,
    telemetry,
};
use inboxops_proto::{reason::Reason, v1::StreamEventsResponse};
use serde_json::Value;
use std::io;
use tokio::signal::unix::{SignalKind, signal};

/// Runs until a signal stops it.
pub(crate) async fn tail(settings: &Settings, command: EventsTail, json: bool) -> Result<Output> {
    let bearer = listen::bearer(command.key)?;
    let follower = Follower::new(settings, bearer, command.events, command.after).await?;
    if !json {
        telemetry::tell(&format!("Following {}", follower.server()));
    }
    let fail = |source| Error::Io { what: "listen for signals", source };
    let mut terminate = signal(SignalKind::terminate()).map_err(fail)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(fail)?;
    let shown = async |message: &StreamEventsResponse| listen::say(&line(message, json)?);
    tokio::select! {
        ended = follower.run(shown) => match ended {
            Error::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe => Ok(Output::Nothing),
            failed => Err(failed),
        },
        _ = terminate.recv() => Ok(Output::Nothing),
        _ = interrupt.recv() => Ok(Output::Nothing),
    }
}

/// An event as one line. JSON is what webhooks post, with the cursor to go on after it.
fn line(message: &StreamEventsResponse, json: bool) -> Result<String> {
    let mut event: Value =
        serde_json::from_str(&message.payload).map_err(|_| Error::Refused(Reason::InternalError.into()))?;
    if json {
        event["cursor"] = Value::String(message.cursor.clone());
        return Ok(event.to_string());
    }
    let ticket = &event["data"]["ticket"];
    let mut line = format!("{}  {} {}", plain(&event["created_at"]), message.event, plain(&event["event_id"]));
    if ticket.is_object() {
        line.push_str(&format!("  #{} {}", plain(&ticket["ticket_number"]), plain(&ticket["subject"])));
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(payload: &str) -> StreamEventsResponse {
        StreamEventsResponse {
            event: "ticket.created".to_owned(),
            cursor: "c1".to_owned(),
            payload: payload.to_owned(),
            ..Default::default()
        }
    }

    #[test]
    fn an_event_is_a_line_without_the_control_characters_of_its_subject() {
        let of_ticket = message(
            r#"{"event_id":"e1","created_at":"now","data":{"ticket":{"ticket_number":7,"subject":"a\nb\u001b[2J"}}}"#,
        );
        let text = line(&of_ticket, false).expect("a line");
        assert_eq!(text, "now  ticket.created e1  #7 a\u{fffd}b\u{fffd}[2J");
        let other = line(&message(r#"{"event_id":"e2","created_at":"now","data":{}}"#), false);
        assert_eq!(other.expect("a line"), "now  ticket.created e2");
        let json = line(&of_ticket, true).expect("a line");
        assert!(!json.contains('\n') && json.starts_with(r#"{"event_id":"e1","#), "{json}");
        assert!(json.ends_with(r#","cursor":"c1"}"#), "{json}");
    }
}
