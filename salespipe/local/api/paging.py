"""Lists in pages: the token is the number of items before the page."""

from __future__ import annotations

from typing import Any

from salespipe.local.errors import AwsError


def page(items: list[Any], member: str, params: dict[str, Any], default: int = 100) -> dict[str, Any]:
    """The page that `MaxResults` and `NextToken` ask for. Raises AwsError for a token that is not ours."""
    token = str(params.get("NextToken") or "0")
    if not token.isdigit():
        raise AwsError("InvalidInputException", "NextToken is not valid")
    start, size = int(token), int(params.get("MaxResults") or default)
    answer: dict[str, Any] = {member: items[start : start + size]}
    if start + size < len(items):
        answer["NextToken"] = str(start + size)
    return answer
