"""The Lambda function that makes lake rows of change events, deployed as a reproducible package.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html; a function may only be changed while its last
update is not in progress (https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html).
"""

from __future__ import annotations

from typing import Any, Literal

from salespipe.aws.absent import if_there
from salespipe.aws.waiting import poll_until
from salespipe.errors import SalespipeError
from salespipe.stack.package import code_sha256, package, transform_source
from salespipe.stack.resource import Found, Resource, Seen, Values

_READY_SECONDS = 300.0
_SUCCESSFUL = "Successful"
_FAILED = "Failed"
_CONFIGURATION = ("Runtime", "Handler", "Role", "Timeout", "MemorySize")


class Function(Resource):
    """Firehose allows a transform five minutes; one batch of 3 MB needs seconds."""

    kind = "function"
    awaited = True
    exists_codes = frozenset({"ResourceConflictException"})

    @property
    def name(self) -> str:
        return self.names.function

    def desired(self, seen: Seen) -> dict[str, Any]:
        return {
            "code": code_sha256(self._package()),
            "Runtime": "python3.13",
            "Handler": "transform.handler",
            "Role": self.names.role_arn("transform"),
            "Timeout": 60,
            "MemorySize": 256,
            "Architectures": ["arm64"],
            "last update": _SUCCESSFUL,
        }

    def read(self) -> Found | None:
        answer = if_there(self.aws.client("lambda").get_function, FunctionName=self.name)
        if answer is None:
            return None
        configuration = answer["Configuration"]
        settings = {name: configuration.get(name) for name in _CONFIGURATION}
        settings["Architectures"] = configuration.get("Architectures", ["x86_64"])
        settings["code"] = configuration["CodeSha256"]
        # A failed update leaves the function as it was before, and working.
        refused = configuration.get("LastUpdateStatus") == _FAILED
        settings["last update"] = _FAILED if refused else _SUCCESSFUL
        state: Literal["ready", "busy", "failed"] = "ready"
        if configuration.get("State") == _FAILED:
            state = "failed"
        elif configuration.get("State") == "Pending" or configuration.get("LastUpdateStatus") == "InProgress":
            state = "busy"
        reason = configuration.get("LastUpdateStatusReason" if refused else "StateReason", "")
        return Found(settings, answer.get("Tags", {}), state, reason)

    def create(self, desired: Values) -> None:
        self.aws.client("lambda").create_function(
            FunctionName=self.name,
            Code={"ZipFile": self._package()},
            Architectures=desired["Architectures"],
            Description=f"salespipe {self.names.pipeline}: change events to lake rows",
            Tags=self.names.tags,
            **{name: desired[name] for name in _CONFIGURATION},
        )

    def update(self, desired: Values, found: Found) -> None:
        functions = self.aws.client("lambda")
        # Only an update that succeeds clears a failed one, so the code is sent again even when it seems the same.
        if any(found.settings.get(name) != desired[name] for name in ("code", "Architectures", "last update")):
            functions.update_function_code(
                FunctionName=self.name, ZipFile=self._package(), Architectures=desired["Architectures"]
            )
            after = poll_until(self._when_settled, f"function {self.name}", timeout=_READY_SECONDS, sleep=self.sleep)
            if after.state == "failed" or after.settings["last update"] == _FAILED:
                raise SalespipeError(f"its new code was not taken: {after.reason or 'no reason given'}")
        changed = {n: desired[n] for n in _CONFIGURATION if found.settings.get(n) != desired[n]}
        if changed:
            functions.update_function_configuration(FunctionName=self.name, **changed)

    def delete(self) -> None:
        if_there(self.aws.client("lambda").delete_function, FunctionName=self.name)

    def describe(self, desired: Values, seen: Seen) -> tuple[str, ...]:
        return (
            f"{desired['Handler']} on {desired['Runtime']} ({desired['Architectures'][0]}), "
            f"{desired['MemorySize']} MB, {desired['Timeout']} s",
            "money stays decimal, a delete becomes a row, a bad record fails alone",
        )

    def _package(self) -> bytes:
        return package({"transform.py": transform_source()})

    def _when_settled(self) -> Found | None:
        found = self.read()
        return found if found and found.state in {"ready", "failed"} else None
