//! Webhooks and their log.

use crate::{Outcome, World, around::Hook, failure, until};
use inboxops_client::{
    WebhookError,
    api::{
        CreateWebhookEndpointRequest, DeliveryStatus, ListDeliveriesQuery, RecoverDeliveriesRequest,
        ResendEndpointDeliveriesRequest, SearchDeliveriesQuery, SendTestEventRequest, WebhookEndpointChanges,
    },
    verify_webhook,
};

impl World {
    /// The first webhook of an event behind those that came before.
    async fn hook(&self, event: &str, before: usize) -> Outcome<Hook> {
        let name = format!("\"event\":\"{event}\"");
        until(event, || async {
            let mut hooks = self.receiver.hooks().into_iter().skip(before);
            Ok(hooks.find(|hook| String::from_utf8_lossy(&hook.body).contains(&name)))
        })
        .await
    }

    pub(crate) async fn hooks(&mut self) -> Outcome {
        let client = self.client.clone();
        let order = CreateWebhookEndpointRequest {
            url: self.receiver.url.clone(),
            events: vec!["ticket.*".into()],
            ..Default::default()
        };
        self.endpoint = client.webhooks().create(&order).await?;
        let id = self.endpoint.id.clone();
        self.secret = self.endpoint.secret.clone().ok_or("a new endpoint shows its secret")?;
        assert!(self.secret.starts_with("whsec_"));
        assert_eq!(client.webhooks().get(&id).await?.secret, None);
        assert!(client.webhooks().list(&Default::default()).all(100).await?.iter().any(|it| it.id == id));
        self.step("an endpoint is added, and its secret is shown");

        let made = self.create("Tell me").await?;
        let hook = self.hook("ticket.created", 0).await?;
        let event = verify_webhook([&self.secret], &hook.headers, &hook.body)?;
        assert_eq!(event.data.ticket, Some(made));
        self.step("a webhook is verified, and is the event");

        let longer = [&hook.body[..], b" "].concat();
        let refused = verify_webhook([&self.secret], &hook.headers, &longer);
        assert_eq!(refused, Err(WebhookError::NoSignatureFits));
        let refused = verify_webhook([format!("whsec_{}", "A".repeat(32))], &hook.headers, &hook.body);
        assert_eq!(refused, Err(WebhookError::NoSignatureFits));
        self.step("a forged webhook is refused");

        let rotated = client.webhooks().rotate_secret(&id, &Default::default()).await?;
        let rotated = rotated.secret.ok_or("a rotation shows the new secret")?;
        let before = self.receiver.hooks().len();
        let closed = SendTestEventRequest { event: "ticket.closed".into(), ..Default::default() };
        client.webhooks().test(&id, &closed).await?;
        let hook = self.hook("ticket.closed", before).await?;
        for secrets in [vec![&self.secret], vec![&rotated], vec![&rotated, &self.secret]] {
            verify_webhook(secrets, &hook.headers, &hook.body)?;
        }
        self.secret = rotated;
        client.webhooks().promote_secret(&id).await?;
        self.step("a secret is rotated without a lost webhook");

        self.receiver.answer(500);
        let created = SendTestEventRequest { event: "ticket.created".into(), ..Default::default() };
        self.delivery = client.webhooks().test(&id, &created).await?;
        let delivery = self.delivery.id.clone();
        let ended = |status: DeliveryStatus| {
            let (client, delivery) = (&client, &delivery);
            until("the delivery ends", move || {
                let status = status.clone();
                async move {
                    let shown = client.deliveries().get(delivery).await?;
                    Ok((shown.status == status).then_some(shown))
                }
            })
        };
        ended(DeliveryStatus::Failed).await?;
        self.receiver.answer(204);
        client.deliveries().resend(&delivery).await?;
        let shown = ended(DeliveryStatus::Delivered).await?;
        let mut statuses: Vec<i64> = shown.attempts.iter().filter_map(|it| it.response_status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 500]);
        self.step("a delivery that failed is sent again");

        let query = ListDeliveriesQuery { per_page: Some(2), ..Default::default() };
        let all = client.webhooks().deliveries(&id, &query).all(1000).await?;
        assert!(all.iter().any(|it| it.test && it.id == delivery));
        self.step("the deliveries of an endpoint are listed");

        let since = self.opened[0].created_at.clone();
        let order = RecoverDeliveriesRequest { since, dry_run: Some(true), ..Default::default() };
        let job = client.webhooks().recover(&id, &order).await?;
        assert!(job.matched >= 40, "{job:?}");
        assert!(client.webhooks().event_types().await?.iter().any(|it| it.name == "ticket.created"));
        self.step("the events that were never received are counted");

        let changes = WebhookEndpointChanges { description: Some(Some("Scenario".into())), ..Default::default() };
        let changed = client.webhooks().update(&id, &changes).await?;
        assert_eq!(changed.description.as_deref(), Some("Scenario"));
        client.webhooks().delete(&id).await?;
        failure(client.webhooks().get(&id).await, 404, "endpoint_not_found");
        self.step("an endpoint is changed and deleted");
        Ok(())
    }

    pub(crate) async fn log(&mut self) -> Outcome {
        let client = self.client.clone();
        let order = CreateWebhookEndpointRequest {
            url: format!("{}/dead", self.receiver.url),
            events: vec!["ticket.created".into()],
            ..Default::default()
        };
        let dead = client.webhooks().create(&order).await?.id;
        self.receiver.answer(500);
        self.create("Never received").await?;
        let query = SearchDeliveriesQuery {
            endpoint_id: Some(dead.clone()),
            status: vec![DeliveryStatus::Retrying],
            ..Default::default()
        };
        let waiting =
            until("it is retried", || async { Ok(client.deliveries().list(&query).try_next().await?) }).await?;
        assert_eq!(client.deliveries().cancel(&waiting.id).await?.status, DeliveryStatus::Canceled);
        assert_eq!(client.webhooks().stats(&dead).await?.endpoint_id, dead);
        let order = ResendEndpointDeliveriesRequest {
            status: vec![DeliveryStatus::Canceled],
            dry_run: Some(true),
            ..Default::default()
        };
        assert_eq!(client.webhooks().resend(&dead, &order).await?.matched, 1);
        self.receiver.answer(204);
        client.webhooks().delete(&dead).await?;
        self.step("the deliveries of all endpoints are listed, counted and canceled");

        let key = client.me().await?.key.ok_or("the caller is a key")?;
        let answer = client.audit().list(&Default::default()).next_page().await;
        if key.scopes.iter().any(|scope| scope == "audit:read") {
            assert!(answer?.is_some());
        } else {
            failure(answer, 403, "insufficient_scope");
        }
        self.step("the audit log is for keys that may read it");
        Ok(())
    }
}
