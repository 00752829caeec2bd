"""boto3 sessions for the tests: each its own, but the service models are read and parsed once for all of them."""

from __future__ import annotations

import boto3
import botocore.loaders
import botocore.session

# A session that loads them itself spends a tenth of a second or more before its first request.
MODELS = botocore.loaders.create_loader()


def new_session(region: str = "us-east-1") -> boto3.Session:
    core = botocore.session.Session()
    core.register_component("data_loader", MODELS)
    return boto3.Session("test", "test", region_name=region, botocore_session=core)
