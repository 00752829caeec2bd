"""The one module that knows moto's inside; everything else speaks to moto over its HTTP application.

moto is pinned to one minor version. `tests/local/test_moto_inside.py` uses each thing named here, so an upgrade that
moves one fails there by name. moto keeps its state in module globals: one process can hold one runtime at a time.
"""

from __future__ import annotations

import copyreg
import io
import pickle
import threading
import weakref
from collections import defaultdict
from collections.abc import Callable, Container, Iterator
from decimal import localcontext
from itertools import takewhile
from typing import Any, NamedTuple

import moto
from moto import backends as moto_backends
from moto.core.base_backend import BackendDict
from moto.core.exceptions import JsonRESTError
from moto.core.utils import unix_time_millis
from moto.dynamodb.comparisons import create_condition_expression_parser
from moto.dynamodb.models.dynamo_type import Item as MotoItem
from moto.dynamodb.parsing import ast_nodes, expressions
from moto.dynamodb.parsing.executors import UpdateExpressionExecutor
from moto.dynamodb.parsing.key_condition_expression import parse_expression
from moto.dynamodb.parsing.tokens import Token
from moto.dynamodb.parsing.validators import UpdateExpressionValidator
from moto.sqs.models import Message, Queue, SQSBackend

from salespipe.local.errors import AwsError
from salespipe.local.functions import DeployedFunction

ACCOUNT = "123456789012"
VERSION: str = moto.__version__

DURABLE = (
    "athena",
    "dynamodb",
    "firehose",
    "glue",
    "iam",
    "kinesis",
    "lambda",
    "logs",
    "pipes",
    "s3",
    "sqs",
)
"""The services whose control plane is kept; the rest of moto answers too, but forgets at a restart."""

Item = dict[str, Any]

_MILLISECONDS = len("2024-03-31T08:44:58.172")
_expressions: Any = expressions  # moto keeps the types of these modules to itself
_nodes: Any = ast_nodes
_ACTIONS = (_nodes.UpdateExpressionAction, _nodes.UpdateExpressionSetAction)
_backends: Any = moto_backends.get_backend  # typed per service there; here the service is a parameter


def reset() -> None:
    """Forget everything moto holds in this process."""
    BackendDict.reset()
    _backends("s3").bucket_accounts.clear()


# ---- keeping the control plane --------------------------------------------------------------------------------


class _StatePickler(pickle.Pickler):
    """Locks come back new, weak dictionaries and those with a default come back filled, queues without messages."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, _LOCK):
            return threading.Lock, ()
        if isinstance(value, _RLOCK):
            return threading.RLock, ()
        if isinstance(value, Queue):
            # See `messages`. What is made of a class without arguments and filled is what pickle makes by itself, too.
            kept = vars(value) | {"_messages": [], "_pending_messages": set(), "deleted_messages": set()}
            return vars(copyreg)["__newobj__"], (Queue,), kept
        if isinstance(value, weakref.WeakValueDictionary):
            return weakref.WeakValueDictionary, (dict(value),)
        if isinstance(value, defaultdict) and getattr(value.default_factory, "__name__", "") == "<lambda>":
            # The one there is (aliases of a function) gives an empty dictionary.
            return defaultdict, (dict,), None, None, iter(value.items())
        return NotImplemented


_LOCK = type(threading.Lock())
_RLOCK = type(threading.RLock())


def dump(service: str) -> bytes:
    """The state of one service, in every account and region, as bytes for `load`; of SQS without the messages."""
    held = _backends(service)
    state = {(account, region): backend for account in list(held) for region, backend in held[account].items()}
    extra = dict(held.bucket_accounts) if service == "s3" else None
    out = io.BytesIO()
    _StatePickler(out, protocol=pickle.HIGHEST_PROTOCOL).dump((state, extra))
    return out.getvalue()


def load(service: str, state: bytes | None) -> None:
    """Make the state of a service what `dump` saved, or (None) what it is before anything is made.

    Whoever looks meanwhile sees each region as it was or as it will be. The bytes come from the store of this very user
    (a folder of mode 0700).
    """
    held = _backends(service)
    saved, extra = ({}, {}) if state is None else pickle.loads(state)
    for (account, region), backend in saved.items():
        dict.__setitem__(held[account], region, backend)
    for account in list(held):
        for region in list(held[account]):
            if (account, region) not in saved:
                dict.pop(held[account], region)
    if service == "s3":
        held.bucket_accounts.update(extra)
        for bucket in held.bucket_accounts.keys() - extra.keys():
            del held.bucket_accounts[bucket]


# ---- the messages of SQS --------------------------------------------------------------------------------------


class QueueName(NamedTuple):
    """Which queue."""

    account: str
    region: str
    name: str


class Queued(NamedTuple):
    """A message in a queue; `pending`: was received, and not deleted since. moto changes the message in place, and
    `state` with it."""

    queue: QueueName
    message: Any
    pending: bool
    state: tuple[object, ...]


def _visible(message: Any) -> bool:
    return not message.visible_at or bool(unix_time_millis() > message.visible_at)


def _delayed(message: Any) -> bool:
    return bool(message.delayed_until) and bool(unix_time_millis() < message.delayed_until)


# Counting a queue, moto asks the clock four times for each message. Those that were neither received nor delayed (dead
# letters, mostly) need no clock.
for _name, _quick in {"visible": _visible, "delayed": _delayed}.items():
    setattr(Message, _name, property(_quick))

_COUNTED: list[str] = Queue.BASE_ATTRIBUTES
_UNCOUNTED = [name for name in _COUNTED if not name.startswith("ApproximateNumberOf")]
_send_message = SQSBackend.send_message


def _send_uncounted(*args: Any, **more: Any) -> Any:
    """Of all attributes of a queue moto wants to know one when it sends: the others' counts are left out meanwhile, or
    a message would cost the more the more of them wait. moto's calls come one by one."""
    Queue.BASE_ATTRIBUTES = _UNCOUNTED
    try:
        return _send_message(*args, **more)
    finally:
        Queue.BASE_ATTRIBUTES = _COUNTED


setattr(SQSBackend, "send_message", _send_uncounted)  # noqa: B010 - to a type checker a method is not a value


def messages() -> Iterator[Queued]:
    """Every message of every queue, each queue's in its order."""
    for name, queue in _queues():
        for message in queue._messages:
            yield _queued(name, message, message in queue._pending_messages)


def sent_messages(known: Container[object]) -> Iterator[Queued]:
    """The messages behind the last known one of each queue, each queue's in its order. Where sending wakes a function,
    which takes messages away, this is not all that changed: it is refused with LookupError."""
    for name, queue in _queues():
        if queue.lambda_event_source_mappings:
            raise LookupError(name)
        for message in reversed(list(takewhile(lambda message: message not in known, reversed(queue._messages)))):
            yield _queued(name, message, False)


def _queues() -> Iterator[tuple[QueueName, Any]]:
    held = _backends("sqs")
    for account in list(held):
        for region, backend in list(held[account].items()):
            for name, queue in backend.queues.items():
                yield QueueName(account, region, name), queue


def put_message(name: QueueName, attributes: dict[str, Any], *, pending: bool) -> Queued | None:
    """Append a message with the `vars` of an earlier one to a queue; None if there is no such queue."""
    queue = _queue(name)
    if queue is None:
        return None
    message = Message.__new__(Message)
    vars(message).update(attributes)
    queue._messages.append(message)
    if pending:
        queue._pending_messages.add(message)
    return _queued(name, message, pending)


def deleted_handles(name: QueueName, message: Any) -> list[str]:
    """The receipt handles of a message if it was deleted by one; none if it went otherwise, or its queue did."""
    queue = _queue(name)
    if queue is None or message.receipt_handle not in queue.deleted_messages:
        return []
    return [handle for handle in message.all_receipt_handles if handle is not None]


def put_deleted(name: QueueName, handles: list[str]) -> None:
    """Let a queue know receipt handles as those of deleted messages."""
    queue = _queue(name)
    if queue is not None:
        queue.deleted_messages.update(handles)


def _queue(name: QueueName) -> Any:
    return _backends("sqs")[name.account][name.region].queues.get(name.name)


def _queued(name: QueueName, message: Any, pending: bool) -> Queued:
    state = pending, message.receipt_handle, message.approximate_receive_count, message.visible_at
    return Queued(name, message, pending, state)


# ---- Lambda, Kinesis and DynamoDB as the control plane has them --------------------------------------------------


def function(region: str, name: str) -> DeployedFunction:
    """The deployed code and configuration of a Lambda function, by name or ARN. Raises AwsError if there is none."""
    short = name.split(":")[6] if name.startswith("arn:") else name.split(":")[0]
    try:
        found = _backends("lambda")[ACCOUNT][region].get_function(short)
    except JsonRESTError as error:
        raise AwsError(
            "ResourceNotFoundException",
            f"Function not found: arn:aws:lambda:{region}:{ACCOUNT}:function:{short}",
            404,
        ) from error
    return DeployedFunction(
        name=short,
        arn=found.function_arn,
        handler=found.handler,
        runtime=found.run_time,
        timeout_s=int(found.timeout),
        memory_mb=int(found.memory_size),
        zip_bytes=found.code_bytes,
        sha256=found.code_sha_256,
        environment=dict(found.environment_vars),
    )


def stream_shards(region: str, stream_name: str) -> list[tuple[int, int, int, bool, int | None, int | None]]:
    """Shards of a Kinesis stream: number, first and last hash key, open or not, parent and adjacent parent numbers."""
    stream = _backends("kinesis")[ACCOUNT][region].streams[stream_name]
    return [
        (
            _shard_number(shard.shard_id),
            int(shard.starting_hash),
            int(shard.ending_hash),
            bool(shard.is_open),
            None if shard.parent is None else _shard_number(shard.parent),
            None if shard.adjacent_parent is None else _shard_number(shard.adjacent_parent),
        )
        for shard in stream.shards.values()
    ]


def _shard_number(shard_id: str) -> int:
    return int(shard_id.removeprefix("shardId-"))


def regions(service: str) -> list[str]:
    """The regions in which a service has been used."""
    return sorted(_backends(service)[ACCOUNT])


def moves_data() -> bool:
    """Whether there is a pipe or a delivery stream."""
    pipes, streams = _backends("pipes")[ACCOUNT], _backends("firehose")[ACCOUNT]
    return any(pipes[region].pipes for region in list(pipes)) or any(
        streams[region].delivery_streams for region in list(streams)
    )


def holds_data() -> bool:
    """Whether there is a table, a Kinesis stream or an S3 bucket."""
    return bool(_backends("s3").bucket_accounts or tables() or streams())


def bucket_exists(bucket: str) -> bool:
    """Whether an S3 bucket exists, in whichever region."""
    return bucket in _backends("s3").bucket_accounts


def glue_table(region: str, database: str, name: str) -> dict[str, Any] | None:
    """A Glue table as GetTable gives it, but for its times, which are dates; None without such a table."""
    found = _glue_table(region, database, name)
    return None if found is None else dict(found.as_dict())


def glue_partitions(region: str, database: str, name: str) -> list[dict[str, Any]] | None:
    """The partitions of a Glue table as they were given; None without such a table."""
    found = _glue_table(region, database, name)
    return None if found is None else [partition.partition_input for partition in found.partitions.values()]


def _glue_table(region: str, database: str, name: str) -> Any:
    held = _backends("glue")[ACCOUNT][region].databases.get(database)
    return None if held is None else held.tables.get(name)


def trim_stream_label(region: str, table_name: str) -> None:
    """Give a table's stream the label AWS would: milliseconds where moto writes microseconds."""
    table = _backends("dynamodb")[ACCOUNT][region].tables[table_name]
    if table.latest_stream_label:
        table.latest_stream_label = table.latest_stream_label[:_MILLISECONDS]


def stream_label(region: str, table_name: str) -> str | None:
    """The label of a table's newest stream."""
    label: str | None = _backends("dynamodb")[ACCOUNT][region].tables[table_name].latest_stream_label
    return label


def tables() -> dict[str, tuple[str, str]]:
    """Every DynamoDB table: ARN -> (region, name)."""
    regions = _backends("dynamodb")[ACCOUNT]
    return {
        table.table_arn: (region, name) for region in list(regions) for name, table in regions[region].tables.items()
    }


def streams() -> set[str]:
    """The ARNs of every Kinesis stream."""
    regions = _backends("kinesis")[ACCOUNT]
    return {stream.arn for region in list(regions) for stream in regions[region].streams.values()}


def throughput(region: str, table_name: str) -> tuple[int, int] | None:
    """The write and read units a second of a provisioned table; None of a table on demand, or of none."""
    table = _backends("dynamodb")[ACCOUNT][region].tables.get(table_name)
    if table is None or table.billing_mode == "PAY_PER_REQUEST":
        return None
    return int(table.throughput["WriteCapacityUnits"]), int(table.throughput["ReadCapacityUnits"])


def allow_stream(region: str, table_name: str) -> None:
    """Let a table whose stream was switched off have a new one, which moto refuses for ever."""
    table = _backends("dynamodb")[ACCOUNT][region].tables.get(table_name)
    if table is not None and not (table.stream_specification or {}).get("StreamEnabled"):
        table.latest_stream_label = None


def update_workgroup(
    region: str, name: str, update: Callable[[dict[str, Any]], None], state: str | None, description: str | None
) -> bool:
    """Change an Athena workgroup in place: its configuration, and what else is given; False when there is none."""
    found = _backends("athena")[ACCOUNT][region].work_groups.get(name)
    if found is None:
        return False
    update(found.configuration)
    found.state = found.state if state is None else state
    found.description = found.description if description is None else description
    return True


def expire_messages(now: float, *, look: bool = False) -> int:
    """Remove the messages of SQS queues whose retention period is over at `now` (epoch seconds), or only `look`: how
    many. moto hands none of them out, but keeps them, and one at the head of a queue hides those behind it."""
    count = 0
    for backend in list(_backends("sqs")[ACCOUNT].values()):
        for queue in list(backend.queues.values()):
            since = (now - int(queue.message_retention_period)) * 1000
            old = {message for message in list(queue._messages) if message.sent_timestamp <= since}
            count += len(old)
            if old and not look:
                queue._messages = [message for message in queue._messages if message not in old]
                queue._pending_messages -= old
    return count


# ---- DynamoDB expressions --------------------------------------------------------------------------------------


def condition_holds(expression: str | None, names: Item, values: Item, item: Item | None) -> bool:
    """Whether a condition or filter expression is true of an item (None: there is no such item)."""
    if not expression:
        return True
    with _as_aws_error():
        parsed = create_condition_expression_parser(expression, names, values).parse()
        return bool(parsed.expr(_moto_item(item or {})))


def updated(
    region: str, table_name: str, key: Item, item: Item | None, expression: str, names: Item, values: Item
) -> Item:
    """What an update expression makes of an item (None: of a new one with this key)."""
    with _as_aws_error(), localcontext(prec=38):  # sums have as many digits as DynamoDB's numbers
        target = _moto_item(key if item is None else item)
        nothing: Any = None  # a validator copies its tree, call within call; this one is nobody else's
        validator = UpdateExpressionValidator(
            nothing,
            expression_attribute_names=names,
            expression_attribute_values=values,
            item=target,
            table=_backends("dynamodb")[ACCOUNT][region].tables[table_name],
        )
        validator.node_to_validate = _parsed(expression)
        checked = validator.validate()
        checked.normalize()
        UpdateExpressionExecutor(checked, target, names).execute()
        made: Item = target.to_json()["Attributes"]
        return made


def touched(expression: str, names: Item) -> set[str]:
    """The top-level attributes that an update expression sets, adds to, removes or deletes from."""
    with _as_aws_error():
        found: set[str] = set()
        waiting = [_parsed(expression)]
        while waiting:
            node = waiting.pop()
            if isinstance(node, _ACTIONS):
                first = node.children[0].children[0]
                text = first.to_str()
                found.add(names[text] if text.startswith("#") else text)
            elif isinstance(node, _nodes.Node):
                waiting += node.children
        return found


def _parsed(expression: str) -> Any:
    """The tree of an update expression, in which all actions of a clause are side by side. moto hangs each below the
    one before, and whatever walks there takes a call for each: an expression of 4 KB has more than Python allows."""
    if not expression.strip():
        raise AwsError("ValidationException", "Invalid UpdateExpression: The expression can not be empty;")
    tree = _expressions.UpdateExpressionParser.make(expression)
    _side_by_side(tree)
    for clause in tree.children:
        _side_by_side(clause.children[0])
    return tree


def _side_by_side(first: Any) -> None:
    found, node = [], first
    while node is not None:
        member, *below = node.children
        member.set_parent(first)
        found.append(member)
        node = below[0] if below else None
    first.children = found


def _group(parser: Any) -> Any:
    """A value in parentheses, which moto knows of and cannot make: the value itself."""
    parser.process_token_of_type(Token.OPEN_ROUND_BRACKET)
    value, parser.token_pos = _expressions.UpdateExpressionValueParser(**parser._initializer_args())._parse_with_pos()
    parser.process_token_of_type(Token.CLOSE_ROUND_BRACKET)
    return value


_expressions.UpdateExpressionGroupedValueParser._parse = _group


def key_conditions(
    expression: str, names: Item, values: Item, schema: list[dict[str, str]]
) -> tuple[list[tuple[str, Item]], list[tuple[str, str, list[Item]]]]:
    """A key condition expression as (hash equalities, range comparisons with their operands)."""
    with _as_aws_error():
        hashes, ranges, _ = parse_expression(expression, values, names, schema)
        return hashes, ranges


def _moto_item(item: Item) -> MotoItem:
    nowhere: Any = None  # the keys tell moto where it would store the item; this one is stored by us
    return MotoItem(nowhere, nowhere, item)


class _as_aws_error:
    """moto's own errors, as the service error they stand for; where it stumbles over an expression, that is invalid."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, JsonRESTError):
            code = str(error.error_type).rsplit("#", 1)[-1]
            raise AwsError(code, str(error.message)) from error
        if isinstance(error, ValueError | LookupError | TypeError | AttributeError | NotImplementedError):
            raise AwsError("ValidationException", f"Invalid expression: {error}") from error
        if isinstance(error, RecursionError):
            words = "the local target cannot follow how deeply it is nested; use fewer parentheses or operators"
            raise AwsError("ValidationException", f"Invalid expression: {words}") from error
        if isinstance(error, AssertionError):
            raise AwsError("ValidationException", "Invalid expression: the local target cannot read it") from error
