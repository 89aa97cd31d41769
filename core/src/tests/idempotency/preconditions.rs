//! A change with `If-Match` is made to that version or not at all.

use super::{answered, keyed, with};
use crate::tests::support::{Came as _, TestCore, on_both};
use inboxops_proto::{reason::Reason, v1};

async fn a_change_is_made_for_a_state_or_not_at_all(core: TestCore) {
    let tenant = core.tenant().await;
    let ticket = core.ticket(&tenant, "Hello").await;
    let change = |condition: &str, subject: &str| {
        let change = v1::TicketChanges { subject: Some(subject.to_owned()), ..Default::default() };
        let change = v1::UpdateTicketRequest { ticket_id: ticket.id.clone(), ticket: Some(change), update_mask: None };
        core.tickets().update_ticket(with(tenant.key.ask(change), "if-match", condition))
    };
    let mut version = 1;
    for fits in ["\"N\"", "W/\"N\"", "*", "\"0\", \"N\"", "W/\"x\",,W/\"N\""] {
        let condition = fits.replace('N', &version.to_string());
        let changed = change(&condition, &format!("Hello {version}")).await.answer().ticket.expect("a ticket");
        version += 1;
        assert_eq!(changed.version, version, "{condition}");
    }
    for differs in ["\"1\"", "W/\"5\"", "\"66\"", "\"\"", "\"1\", \"2\""] {
        let failure = change(differs, "Lost").await.refusal();
        assert_eq!(failure.reason, Reason::PreconditionFailed, "{differs}");
        assert_eq!(failure.facts, [("etag", version.to_string())]);
    }
    for malformed in ["", "6", "\"6", "*, \"6\"", "w/\"6\"", "\"6\" \"7\""] {
        assert_eq!(change(malformed, "Lost").await.refusal().reason, Reason::InvalidParameter, "{malformed}");
    }
    assert_eq!(core.get_ticket(&tenant.key, &ticket.id).await.version, version, "nothing of it happened");
    let read = with(tenant.key.ask(v1::GetTicketRequest { ticket_id: ticket.id.clone() }), "if-none-match", "6");
    assert_eq!(core.tickets().get_ticket(read).await.refusal().reason, Reason::InvalidParameter);
    // A repeat is the first write: its condition is not checked again.
    let repeated = || {
        let change = v1::TicketChanges { subject: Some("Once".to_owned()), ..Default::default() };
        let change = v1::UpdateTicketRequest { ticket_id: ticket.id.clone(), ticket: Some(change), update_mask: None };
        keyed(with(tenant.key.ask(change), "if-match", &format!("\"{version}\"")), "k")
    };
    let (first, _) = answered(core.tickets().update_ticket(repeated()).await);
    assert_eq!(answered(core.tickets().update_ticket(repeated()).await), (first, true));
    let gone = with(
        tenant.key.ask(v1::UpdateTicketRequest { ticket_id: "77".to_owned(), ..Default::default() }),
        "if-match",
        "*",
    );
    assert_eq!(core.tickets().update_ticket(gone).await.refusal().reason, Reason::TicketNotFound);
}

on_both!(TestCore: a_change_is_made_for_a_state_or_not_at_all);
