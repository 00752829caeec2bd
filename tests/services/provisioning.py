"""A pipeline over moto for the provisioning tests, and a process death at any call.

moto 5.2 has no classifiers, no UpdateCrawler and no UpdateWorkGroup: those are answered here, at the place where a
request leaves botocore, so that the code under test makes its real calls. It forgets the tags of CreateStream and
CreateBucket too; they are put on before the answer arrives.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
from moto import mock_aws

from salespipe.aws.clients import Clients
from salespipe.services import provision
from salespipe.services.pipeline import Pipeline
from salespipe.settings import BY_TARGET, Settings
from salespipe.stack.naming import Names
from salespipe.stack.plan import Plan
from tests.aws import new_session

ACCOUNT = "123456789012"
READING = ("Get", "List", "Describe", "Head")


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Answer:
    status_code: int
    headers: dict[str, str] = field(default_factory=dict)


class MissingInMoto:
    """Answers the operations that moto lacks. Classifiers are kept here; the others are made of what moto has."""

    def __init__(self, session: boto3.Session) -> None:
        self.session = session
        self.classifiers: dict[str, dict[str, str]] = {}
        for operation, answer in {
            "glue.CreateClassifier": self.create_classifier,
            "glue.GetClassifier": self.get_classifier,
            "glue.UpdateClassifier": self.update_classifier,
            "glue.DeleteClassifier": self.delete_classifier,
            "glue.UpdateCrawler": self.update_crawler,
            "athena.UpdateWorkGroup": self.update_work_group,
        }.items():
            session.events.register(f"before-call.{operation}", _answering(answer))

    def create_classifier(self, body: Any) -> Any:
        classifier = body["JsonClassifier"]
        if classifier["Name"] in self.classifiers:
            return 400, "AlreadyExistsException"
        self.classifiers[classifier["Name"]] = classifier
        return 200, {}

    def get_classifier(self, body: Any) -> Any:
        if body["Name"] not in self.classifiers:
            return 400, "EntityNotFoundException"
        return 200, {"Classifier": {"JsonClassifier": self.classifiers[body["Name"]]}}

    def update_classifier(self, body: Any) -> Any:
        self.classifiers[body["JsonClassifier"]["Name"]].update(body["JsonClassifier"])
        return 200, {}

    def delete_classifier(self, body: Any) -> Any:
        return (200, {}) if self.classifiers.pop(body["Name"], None) else (400, "EntityNotFoundException")

    def update_crawler(self, body: Any) -> Any:
        glue = self.session.client("glue")
        arn = f"arn:aws:glue:{self.session.region_name}:{ACCOUNT}:crawler/{body['Name']}"
        tags = glue.get_tags(ResourceArn=arn)["Tags"]
        glue.delete_crawler(Name=body["Name"])
        glue.create_crawler(**body, Tags=tags)
        return 200, {}

    def update_work_group(self, body: Any) -> Any:
        athena = self.session.client("athena")
        name, updates = body["WorkGroup"], body["ConfigurationUpdates"]
        arn = f"arn:aws:athena:{self.session.region_name}:{ACCOUNT}:workgroup/{name}"
        tags = athena.list_tags_for_resource(ResourceARN=arn)["Tags"]
        athena.delete_work_group(WorkGroup=name, RecursiveDeleteOption=True)
        updates["ResultConfiguration"] = updates.pop("ResultConfigurationUpdates")
        athena.create_work_group(Name=name, Configuration=updates, Tags=tags)
        return 200, {}


class TagsAtCreation:
    """Puts on the tags that CreateStream and CreateBucket carry, as AWS does within the call.

    The clients are of a session of their own: no death comes between a creation and its tags.
    """

    def __init__(self, session: boto3.Session, endpoint_url: str | None) -> None:
        own = new_session(session.region_name)
        self.kinesis = own.client("kinesis", endpoint_url=endpoint_url)
        self.s3 = own.client("s3", endpoint_url=endpoint_url)
        for operation, put_on in {"kinesis.CreateStream": self.tag_stream, "s3.CreateBucket": self.tag_bucket}.items():
            session.events.register(f"before-parameter-build.{operation}", self.keep)
            session.events.register_first(f"after-call.{operation}", put_on)

    def keep(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["given"] = params

    def tag_stream(self, http_response: Any, context: dict[str, Any], **_: Any) -> None:
        given = context["given"]
        if http_response.status_code == 200 and given.get("Tags"):
            self.kinesis.add_tags_to_stream(StreamName=given["StreamName"], Tags=given["Tags"])

    def tag_bucket(self, http_response: Any, context: dict[str, Any], **_: Any) -> None:
        given = context["given"]
        tags = given.get("CreateBucketConfiguration", {}).get("Tags")
        if http_response.status_code == 200 and tags:
            self.s3.put_bucket_tagging(Bucket=given["Bucket"], Tagging={"TagSet": tags})


def _answering(answer: Callable[[Any], Any]) -> Callable[..., Any]:
    def before_call(params: dict[str, Any], **_: Any) -> Any:
        status, body = answer(json.loads(params["body"]))
        if status >= 300:
            body = {"Error": {"Code": body, "Message": "answered by the test"}}
        return Answer(status), {**body, "ResponseMetadata": {"HTTPStatusCode": status}}

    return before_call


class Death:
    """Lets `after` writing calls through, then nothing more: no call of any thread returns."""

    def __init__(self, session: boto3.Session) -> None:
        self.left: int | None = None
        self.writes: list[str] = []
        self._lock = threading.Lock()
        session.events.register("before-call", self._before)
        session.events.register_first("after-call", self._after)

    def _before(self, **_: Any) -> None:
        if self.left is not None and self.left <= 0:
            raise Killed

    def _after(self, model: Any, **_: Any) -> None:
        if model.name.startswith(READING):
            return
        with self._lock:
            self.writes.append(model.name)
            if self.left is not None:
                self.left -= 1
                if self.left <= 0:
                    raise Killed


@dataclass
class World:
    """One pipeline over one empty moto."""

    pipeline: Pipeline
    missing: MissingInMoto
    death: Death

    def client(self, service: str) -> Any:
        return self.pipeline.aws.client(service)

    def plan(self) -> Plan:
        return provision.plan(self.pipeline)

    def up(self) -> provision.UpResult:
        *_, result = provision.up(self.pipeline, self.plan())
        assert isinstance(result, provision.UpResult)
        return result

    def down(self, *, delete_data: bool) -> provision.DownResult:
        plan = provision.plan_down(self.pipeline, delete_data=delete_data)
        *_, result = provision.down(self.pipeline, plan)
        assert isinstance(result, provision.DownResult)
        return result

    def with_settings(self, settings: Settings) -> World:
        changed = Pipeline(self.pipeline.aws, self.pipeline.names, settings)
        return World(changed, self.missing, self.death)


@cache
def _connection(region: str, endpoint_url: str | None) -> tuple[Clients, MissingInMoto, Death]:
    """One set of clients a region for all tests: making them takes longer than a test."""
    session = new_session(region)
    TagsAtCreation(session, endpoint_url)
    return Clients(session, endpoint_url), MissingInMoto(session), Death(session)


def open_world(region: str = "us-east-1", name: str = "sales", endpoint_url: str | None = None) -> World:
    """A pipeline whose clients reach moto: in this process, or at `endpoint_url`."""
    clients, missing, death = _connection(region, endpoint_url)
    return World(Pipeline(clients, Names(name, ACCOUNT, region), BY_TARGET["local"]), missing, death)


@contextmanager
def world_in_process(region: str = "us-east-1") -> Iterator[World]:
    with mock_aws():
        world = open_world(region)
        world.missing.classifiers.clear()
        world.death.left = None
        world.death.writes.clear()
        yield world


def actions(plan: Plan) -> dict[str, str]:
    """`{"bucket": "noop", ...}`; of several of a kind the name is added."""
    return {(f"{c.kind} {c.name}" if c.kind in {"role", "log group"} else c.kind): c.action for c in plan.changes}


def changed(plan: Plan) -> dict[str, str]:
    """The actions that are no noop."""
    return {what: action for what, action in actions(plan).items() if action != "noop"}
