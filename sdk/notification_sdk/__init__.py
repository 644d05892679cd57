"""The Python client of the notification service.

    from notification_sdk import NotificationClient

    with NotificationClient("https://notify.example.com", api_key=KEY) as client:
        client.send_notification("ada", ["lark"], custom_content={"content": "It works"})

`AsyncNotificationClient` has the same methods as coroutines. `notification_sdk.webhooks` checks
webhooks of the service; `notification_sdk.testing` stands in for it in tests.
"""

from notification_sdk._async.builder import AsyncNotificationBuilder
from notification_sdk._async.client import AsyncNotificationClient
from notification_sdk._batch import BatchItem, BatchOutcome
from notification_sdk._channel_selector import SmartChannelSelector
from notification_sdk._channels import CHANNELS, Channel
from notification_sdk._errors import (
    AuthenticationError,
    ConflictError,
    InvalidResponse,
    NotFoundError,
    NotificationError,
    PermissionDenied,
    RateLimitError,
    RequestTimeout,
    ServerError,
    StatusError,
    TransportError,
    UnknownFieldsWarning,
    ValidationError,
    WebhookVerificationError,
)
from notification_sdk._notification import (
    CustomContent,
    NotificationRequest,
    SendResponse,
    SendResult,
)
from notification_sdk._options import Hooks
from notification_sdk._retry import RetryPolicy
from notification_sdk._retry_stats import RetryStats
from notification_sdk._signing import sign_request
from notification_sdk._stored import (
    Attempt,
    ChannelConfig,
    ContentType,
    Health,
    LogEntry,
    LogPage,
    Redriven,
    Template,
    TemplateContent,
    TemplatePreview,
    TemplateText,
)
from notification_sdk._sync.builder import NotificationBuilder
from notification_sdk._sync.client import NotificationClient
from notification_sdk._template_renderer import TemplateRenderer, VariableCheck
from notification_sdk.webhooks import (
    WebhookEvent,
    WebhookHandler,
    WebhookVerifier,
    create_hmac_signature,
    verify_hmac_signature,
    verify_standard_webhook,
    verify_webhook_signature,
)

EnhancedNotificationClient = NotificationClient
"""The name of the client in earlier libraries for this service."""

__all__ = [
    "CHANNELS",
    "AsyncNotificationBuilder",
    "AsyncNotificationClient",
    "Attempt",
    "AuthenticationError",
    "BatchItem",
    "BatchOutcome",
    "Channel",
    "ChannelConfig",
    "ConflictError",
    "ContentType",
    "CustomContent",
    "EnhancedNotificationClient",
    "Health",
    "Hooks",
    "InvalidResponse",
    "LogEntry",
    "LogPage",
    "NotFoundError",
    "NotificationBuilder",
    "NotificationClient",
    "NotificationError",
    "NotificationRequest",
    "PermissionDenied",
    "RateLimitError",
    "Redriven",
    "RequestTimeout",
    "RetryPolicy",
    "RetryStats",
    "SendResponse",
    "SendResult",
    "ServerError",
    "SmartChannelSelector",
    "StatusError",
    "Template",
    "TemplateContent",
    "TemplatePreview",
    "TemplateRenderer",
    "TemplateText",
    "TransportError",
    "UnknownFieldsWarning",
    "ValidationError",
    "VariableCheck",
    "WebhookEvent",
    "WebhookHandler",
    "WebhookVerificationError",
    "WebhookVerifier",
    "create_hmac_signature",
    "sign_request",
    "verify_hmac_signature",
    "verify_standard_webhook",
    "verify_webhook_signature",
]
