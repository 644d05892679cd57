"""Settings of how the queues' messages reach the Worker.

Limits and units: Cloudflare Queues, "Configure Queues" and "Limits".
"""

from pydantic import BaseModel, Field

from infra.settings import values as v


class QueueSettings(BaseModel):
    """Batches, waits, retries and delays of both consumers."""

    retry_batch_size: v.BatchSize = Field(10, description="messages of one retry batch")
    retry_max_wait_ms: v.BatchWait = Field(
        v.Milliseconds(5_000), description="milliseconds until a retry batch is delivered"
    )
    retry_max_retries: v.MaxRetries = Field(
        3, description="deliveries of a retry message before it goes to the failed queue"
    )
    retry_delay_seconds: v.RetryDelay = Field(
        v.Seconds(30), description="seconds before a refused retry message comes again"
    )
    failed_batch_size: v.BatchSize = Field(10, description="messages of one batch of failures")
    failed_max_wait_ms: v.BatchWait = Field(
        v.Milliseconds(30_000), description="milliseconds until a batch of failures is delivered"
    )
    failed_max_retries: v.MaxRetries = Field(5, description="deliveries of a failure's message")
    failed_delay_seconds: v.RetryDelay = Field(
        v.Seconds(30), description="seconds before a refused failure's message comes again"
    )
