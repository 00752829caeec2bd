"""The roles, one a service, each with one inline policy that holds all it may do.

An inline policy goes with its role, so nothing is left behind and nothing else can use it. A managed policy that
somebody attached widens the role: that is drift and is taken off again.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from salespipe.aws.absent import if_there
from salespipe.aws.clients import Clients
from salespipe.settings import Settings
from salespipe.stack.dynamodb import stream_arn
from salespipe.stack.naming import Names
from salespipe.stack.policies import Service, permissions, trust
from salespipe.stack.resource import Found, Resource, Seen, Values, from_tag_list

_POLICY = "salespipe"


class Role(Resource):
    """The role that `service` of the pipeline runs under."""

    kind = "role"
    exists_codes = frozenset({"EntityAlreadyExists"})

    def __init__(self, aws: Clients, names: Names, settings: Settings, service: Service) -> None:
        super().__init__(aws, names, settings)
        self.service = service

    @property
    def name(self) -> str:
        return self.names.role(self.service)

    def desired(self, seen: Seen) -> dict[str, Any]:
        return {
            "trust": trust(self.names, self.service),
            "permissions": permissions(self.names, self.service, stream_arn(self.names.table, seen)),
            "other policies": [],
        }

    def read(self) -> Found | None:
        iam = self.aws.client("iam")
        answer = if_there(iam.get_role, RoleName=self.name)
        if answer is None:
            return None
        inline = iam.list_role_policies(RoleName=self.name)["PolicyNames"]
        attached = iam.list_attached_role_policies(RoleName=self.name)["AttachedPolicies"]
        ours = if_there(iam.get_role_policy, RoleName=self.name, PolicyName=_POLICY) or {}
        role = answer["Role"]
        settings = {
            "trust": _document(role["AssumeRolePolicyDocument"]),
            "permissions": _document(ours.get("PolicyDocument")),
            "other policies": sorted([name for name in inline if name != _POLICY] + [p["PolicyArn"] for p in attached]),
        }
        return Found(settings, from_tag_list(role.get("Tags")))

    def create(self, desired: Values) -> None:
        iam = self.aws.client("iam")
        iam.create_role(
            RoleName=self.name,
            AssumeRolePolicyDocument=json.dumps(desired["trust"]),
            Description=f"salespipe {self.names.pipeline}: {self.service}",
            Tags=self.tag_list,
        )
        self._put_permissions(desired)

    def update(self, desired: Values, found: Found) -> None:
        iam = self.aws.client("iam")
        if found.settings["trust"] != desired["trust"]:
            iam.update_assume_role_policy(RoleName=self.name, PolicyDocument=json.dumps(desired["trust"]))
        if found.settings["permissions"] != desired["permissions"]:
            self._put_permissions(desired)
        self._remove(found.settings["other policies"])

    def delete(self) -> None:
        iam = self.aws.client("iam")
        found = self.read()
        if found is None:
            return
        self._remove([*found.settings["other policies"], _POLICY])
        if_there(iam.delete_role, RoleName=self.name)

    def describe(self, desired: Values, seen: Seen) -> tuple[str, ...]:
        actions = sorted(a for s in desired["permissions"]["Statement"] for a in s["Action"])
        return ("no FullAccess policy, only: " + ", ".join(actions),)

    def _put_permissions(self, desired: Values) -> None:
        self.aws.client("iam").put_role_policy(
            RoleName=self.name, PolicyName=_POLICY, PolicyDocument=json.dumps(desired["permissions"])
        )

    def _remove(self, policies: list[str]) -> None:
        """Detach the managed policies (ARNs) and delete the inline ones (names)."""
        iam = self.aws.client("iam")
        for policy in policies:
            if policy.startswith("arn:"):
                if_there(iam.detach_role_policy, RoleName=self.name, PolicyArn=policy)
            else:
                if_there(iam.delete_role_policy, RoleName=self.name, PolicyName=policy)


def _document(policy: Any) -> Any:
    """botocore decodes IAM's URL-encoded documents; what it leaves as text is decoded here."""
    return json.loads(unquote(policy)) if isinstance(policy, str) else policy
