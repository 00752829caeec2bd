"""The messages of SQS queues, one document each, beside the state of the queues themselves.

moto holds the messages; after an operation only those that changed are written, so what a message costs does not grow
with the bytes that wait. They come back in the order in which they were sent, with what is known of each: how often it
was received, the receipt handles, until when it is invisible.
A deleted message leaves its receipt handles, since deleting it again is no error, as long as SQS keeps a message.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
"""

from __future__ import annotations

import base64
import pickle
import time
from contextlib import suppress

from salespipe.local import moto_inside
from salespipe.local.moto_inside import QueueName
from salespipe.local.stores import Stores

OPERATIONS = frozenset(
    {
        "ChangeMessageVisibility",
        "ChangeMessageVisibilityBatch",
        "DeleteMessage",
        "DeleteMessageBatch",
        "PurgeQueue",
        "ReceiveMessage",
        "SendMessage",
        "SendMessageBatch",
    }
)
"""Of SQS: what changes messages and nothing else."""
_SENDING = frozenset({"SendMessage", "SendMessageBatch"})
KIND = "sqs-message"
DELETED = "sqs-deleted"
"""Of the documents: the messages, under numbers in their order, and the receipt handles of those deleted."""
_LONGEST_KEPT = 14 * 86_400
_FORGOTTEN_AT_ONCE = 100

State = tuple[object, ...]


class Messages:
    """What the store has of moto's messages. Its user has moto's lock."""

    def __init__(self, stores: Stores) -> None:
        self._db = stores.db
        self._documents = stores.documents
        self._known: dict[object, tuple[str, QueueName, State]] = {}
        """By message: the id of its document, its queue, and what can change of it as it was when it was written."""
        self._next = 0

    def restore(self) -> None:
        """Put the messages of the store into moto's queues, which have none just now."""
        self._known = {}
        for id, document in self._documents.all(KIND).items():
            queue = QueueName(*document["queue"])
            packed = pickle.loads(base64.b64decode(document["message"]))
            found = moto_inside.put_message(queue, packed, pending=document["pending"])
            if found is not None:
                self._known[found.message] = id, queue, found.state
            self._next = max(self._next, int(id) + 1)
        for id, document in self._documents.all(DELETED).items():
            moto_inside.put_deleted(QueueName(*document["queue"]), document["handles"])
            self._next = max(self._next, int(id) + 1)

    def save(self, operation: str = "") -> None:
        """Write what changed since it was last written, as one step. After an error `restore` has to follow.

        Told that the operation was one that sends, it looks at the new ends of the queues and not at all that wait.
        """
        if operation in _SENDING:
            with suppress(LookupError):
                self._save_sent(list(moto_inside.sent_messages(self._known)))
                return
        gone, self._known = self._known, {}
        changed: list[tuple[str, moto_inside.Queued]] = []
        for found in moto_inside.messages():
            before = gone.get(found.message)
            if before is not None and before[1] == found.queue:
                del gone[found.message]
                id = before[0]
            else:
                id = f"{self._next:016d}"
                self._next += 1
            if before is None or before != (id, found.queue, found.state):
                changed.append((id, found))
                before = id, found.queue, found.state
            self._known[found.message] = before
        if changed or gone:
            with self._db.write():
                self._write(changed)
                self._remove(gone)

    def _save_sent(self, sent: list[moto_inside.Queued]) -> None:
        new = [(f"{self._next + count:016d}", found) for count, found in enumerate(sent)]
        self._next += len(new)
        with self._db.write():
            self._write(new)
        self._known |= {found.message: (id, found.queue, found.state) for id, found in new}

    def _write(self, changed: list[tuple[str, moto_inside.Queued]]) -> None:
        for id, found in changed:
            packed = base64.b64encode(pickle.dumps(vars(found.message))).decode()
            document = {"queue": list(found.queue), "pending": found.pending, "message": packed}
            self._documents.put(KIND, id, document)

    def _remove(self, gone: dict[object, tuple[str, QueueName, State]]) -> None:
        for message, (id, queue, _) in gone.items():
            self._documents.delete(KIND, id)
            handles = moto_inside.deleted_handles(queue, message)
            if handles:
                self._documents.put(DELETED, id, {"queue": list(queue), "handles": handles})
        for id in self._documents.older(DELETED, time.time() - _LONGEST_KEPT, _FORGOTTEN_AT_ONCE):
            self._documents.delete(DELETED, id)
