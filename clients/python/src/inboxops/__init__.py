"""The client of the InboxOps API: `Inboxops`, and `AsyncInboxops` for asyncio. `inboxops.types` has the API's types."""

from ._async.client import AsyncInboxops
from ._async.listing import AsyncListing
from ._contract import (
    ExportLine,
    ExportType,
    ListMeta,
    Page,
    ReceivedEvent,
    Resource,
    ResourceType,
    WebhookEvent,
)
from ._error import InboxopsError
from ._generated import types
from ._request import CallOptions
from ._sync.client import Inboxops
from ._sync.listing import Listing
from ._version import VERSION as __version__
from .store import AsyncMirrorStore, Kept, MemoryStore, MirrorState, MirrorStore
from .webhook import WebhookVerificationError, verify_webhook

__all__ = [
    "AsyncInboxops",
    "AsyncListing",
    "AsyncMirrorStore",
    "CallOptions",
    "ExportLine",
    "ExportType",
    "Inboxops",
    "InboxopsError",
    "Kept",
    "ListMeta",
    "Listing",
    "MemoryStore",
    "MirrorState",
    "MirrorStore",
    "Page",
    "ReceivedEvent",
    "Resource",
    "ResourceType",
    "WebhookEvent",
    "WebhookVerificationError",
    "__version__",
    "types",
    "verify_webhook",
]
