"""Why a transaction was cancelled: a reason for each of its parts, `None` for those that could have been carried out.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html (errors)
"""

from __future__ import annotations

from collections.abc import Sequence

from salespipe.local.errors import AwsError

_CODES = {"ThrottlingException": "ThrottlingError"}


def cancellation(error: AwsError | None) -> dict[str, str]:
    """The reason of one part, from the error that it would have been alone."""
    if error is None:
        return {"Code": "None"}
    return {"Code": _CODES.get(error.code, error.code.removesuffix("Exception")), "Message": error.message}


def cancel_for(reasons: Sequence[dict[str, str]]) -> None:
    """Raise AwsError (TransactionCanceledException) if a part has a reason not to be carried out."""
    if all(reason["Code"] == "None" for reason in reasons):
        return
    codes = ", ".join(reason["Code"] for reason in reasons)
    raise AwsError(
        "TransactionCanceledException",
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        details={"CancellationReasons": list(reasons)},
    )
