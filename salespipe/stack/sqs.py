"""The dead-letter queue of the pipe: where it says which changes it gave up on.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
"""

from __future__ import annotations

from typing import Any

from salespipe.aws.absent import if_there
from salespipe.stack.resource import Found, Resource, Seen, Values

_KEPT_SECONDS = 14 * 24 * 3600


class DeadLetters(Resource):
    """Encrypted with SQS's own key; messages are kept for 14 days, the most SQS allows."""

    kind = "queue"
    exists_codes = frozenset({"QueueAlreadyExists", "QueueNameExists"})

    @property
    def name(self) -> str:
        return self.names.dead_letters

    def desired(self, seen: Seen) -> dict[str, Any]:
        return {"SqsManagedSseEnabled": "true", "MessageRetentionPeriod": str(_KEPT_SECONDS)}

    def read(self) -> Found | None:
        url = self._url()
        if url is None:
            return None
        sqs = self.aws.client("sqs")
        answer = if_there(
            sqs.get_queue_attributes,
            QueueUrl=url,
            AttributeNames=["SqsManagedSseEnabled", "MessageRetentionPeriod"],
        )
        tags = if_there(sqs.list_queue_tags, QueueUrl=url)
        if answer is None or tags is None:
            return None
        return Found(answer.get("Attributes", {}), tags.get("Tags", {}))

    def create(self, desired: Values) -> None:
        self.aws.client("sqs").create_queue(QueueName=self.name, Attributes=dict(desired), tags=self.names.tags)

    def update(self, desired: Values, found: Found) -> None:
        self.aws.client("sqs").set_queue_attributes(QueueUrl=self._url(), Attributes=dict(desired))

    def delete(self) -> None:
        url = self._url()
        if url is not None:
            if_there(self.aws.client("sqs").delete_queue, QueueUrl=url)

    def describe(self, desired: Values, seen: Seen) -> tuple[str, ...]:
        return ("dead letters of the pipe: what it gives up on is named here for 14 days, not lost unseen",)

    def _url(self) -> str | None:
        answer = if_there(self.aws.client("sqs").get_queue_url, QueueName=self.name)
        return None if answer is None else str(answer["QueueUrl"])
