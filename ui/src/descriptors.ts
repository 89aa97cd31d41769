// All descriptors next to each other in the bundle, so that gzip finds what they share.

import "./gen/google/rpc/error_details_pb";
import "./gen/inboxops/admin/v1/api_keys_pb";
import "./gen/inboxops/admin/v1/sessions_pb";
import "./gen/inboxops/admin/v1/ticket_desk_pb";
import "./gen/inboxops/v1/agents_pb";
import "./gen/inboxops/v1/deliveries_pb";
import "./gen/inboxops/v1/identity_pb";
import "./gen/inboxops/v1/inboxes_pb";
import "./gen/inboxops/v1/messages_pb";
import "./gen/inboxops/v1/options_pb";
import "./gen/inboxops/v1/page_pb";
import "./gen/inboxops/v1/tags_pb";
import "./gen/inboxops/v1/tickets_pb";
import "./gen/inboxops/v1/webhooks_pb";
