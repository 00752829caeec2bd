"""What every use case is given: the clients, the names and the settings of one pipeline."""

from __future__ import annotations

from dataclasses import dataclass

from salespipe.aws.clients import Clients
from salespipe.settings import Settings
from salespipe.stack.naming import Names


@dataclass(frozen=True)
class Pipeline:
    """One pipeline on one target; which target is not to be seen from here."""

    aws: Clients
    names: Names
    settings: Settings
