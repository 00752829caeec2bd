"""Imported by the process that commands are forked from: what nearly every one of them would import by itself, and
the service models that it would read."""

from __future__ import annotations

import gc
import importlib
import pkgutil

import botocore.httpsession
import botocore.loaders
import pydantic.type_adapter  # noqa: F401

import salespipe.cli.app
import salespipe.cli.views
import salespipe.services
import salespipe.stack
from tests.aws import MODELS, new_session

for package in (salespipe.cli.views, salespipe.services, salespipe.stack):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)

# Those of `up` and `tail`.
SERVICES = ["athena", "dynamodb", "dynamodbstreams", "firehose", "glue", "iam", "kinesis", "lambda", "logs", "pipes"]
SERVICES += ["s3", "sqs", "sts"]

session = new_session()
for service in SERVICES:
    session.client(service).close()
botocore.loaders.create_loader = lambda search_path_string=None: MODELS

# Nothing of this is ever garbage: a command need not look at it, and so shares the memory.
gc.freeze()
