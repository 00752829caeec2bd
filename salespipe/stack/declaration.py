"""The stack, declared once: every resource of a pipeline and what has to stand before it.

The order is that of creation; deletion goes the other way. The pipe comes last, when everything else is ready: no
change event meets a delivery stream that does not read yet, and where the pipe stands the whole pipeline stands.
"""

from __future__ import annotations

from dataclasses import dataclass

from salespipe.aws.clients import Clients
from salespipe.settings import Settings
from salespipe.stack.athena import Workgroup
from salespipe.stack.dynamodb import Table
from salespipe.stack.firehose import Delivery
from salespipe.stack.function import Function
from salespipe.stack.glue import Classifier, Crawler, Database
from salespipe.stack.iam import Role
from salespipe.stack.kinesis import Stream
from salespipe.stack.logs import LogGroup
from salespipe.stack.naming import Names
from salespipe.stack.pipes import Pipe
from salespipe.stack.resource import Key, Resource
from salespipe.stack.s3 import Bucket
from salespipe.stack.sqs import DeadLetters


@dataclass(frozen=True)
class Declared:
    """A resource and the keys of those that it needs."""

    resource: Resource
    needs: tuple[Key, ...] = ()


def declare(aws: Clients, names: Names, settings: Settings) -> tuple[Declared, ...]:
    """All resources of one pipeline, each after everything it needs."""
    parts = (aws, names, settings)
    bucket, table, stream, queue = Bucket(*parts), Table(*parts), Stream(*parts), DeadLetters(*parts)
    function_log = LogGroup(*parts, group=names.function_log)
    delivery_log = LogGroup(*parts, group=names.delivery_log, log_stream=names.delivery_log_stream)
    pipe_log = LogGroup(*parts, group=names.pipe_log)
    function_role, delivery_role = Role(*parts, service="transform"), Role(*parts, service="delivery")
    crawler_role, pipe_role = Role(*parts, service="crawler"), Role(*parts, service="pipe")
    database, classifier, workgroup = Database(*parts), Classifier(*parts), Workgroup(*parts)
    function, delivery, crawler, pipe = Function(*parts), Delivery(*parts), Crawler(*parts), Pipe(*parts)
    before_the_pipe = (
        _after(bucket),
        _after(table),
        _after(stream),
        _after(queue),
        _after(function_log),
        _after(delivery_log),
        _after(pipe_log),
        _after(function_role),
        _after(delivery_role),
        _after(crawler_role),
        _after(pipe_role, table),
        _after(function, function_role, function_log),
        _after(delivery, bucket, stream, function, delivery_role, delivery_log),
        _after(database),
        _after(classifier),
        _after(crawler, bucket, database, classifier, crawler_role),
        _after(workgroup, bucket),
    )
    return (*before_the_pipe, _after(pipe, *(entry.resource for entry in before_the_pipe)))


def _after(resource: Resource, *needed: Resource) -> Declared:
    return Declared(resource, tuple(other.key for other in needed))
