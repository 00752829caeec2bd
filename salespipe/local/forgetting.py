"""What was counted goes with what it was counted for, so that a pipeline made anew within the same minute begins at 0.

The counts of a table go with the table. Those of a pipe, a stream and a delivery stream outlive them, since what lags
is told by comparing them with the table's, which a `down` may keep: they go when neither a table nor a stream is left.
Those of a function go at the first look at the functions that does not find it, and so does what it counted at its end.
CloudWatch itself keeps all for 455 days.
"""

from __future__ import annotations

from salespipe.local import moto_inside
from salespipe.local.errors import AwsError
from salespipe.local.stores import Stores

_MOVING = ("PipeName", "StreamName", "DeliveryStreamName")


def forget_gone(stores: Stores) -> None:
    """To be called when a resource is gone; joins an open `write()`."""
    if not moto_inside.tables() and not moto_inside.streams():
        with stores.db.write():
            for dimension in _MOVING:
                stores.metrics.forget(dimension)


def forget_functions(stores: Stores) -> None:
    """To be called when functions may be gone, after their environments have ended."""
    counted = {dimensions.get("FunctionName", "") for _, _, dimensions in stores.metrics.names("AWS/Lambda")}
    for name in counted:
        if not any(_is_there(region, name) for region in moto_inside.regions("lambda")):
            stores.metrics.forget("FunctionName", name)


def _is_there(region: str, function: str) -> bool:
    try:
        moto_inside.function(region, function)
    except AwsError:
        return False
    return True
