"""What a pipeline is built with on each target: one table, and nothing else may differ."""

from __future__ import annotations

from dataclasses import fields

from salespipe.settings import BY_TARGET


def test_the_settings_of_each_target() -> None:
    local, aws = BY_TARGET["local"], BY_TARGET["aws"]
    assert (local.buffer_seconds, local.buffer_mb) == (1, 5)
    assert (aws.buffer_seconds, aws.buffer_mb) == (60, 5)
    differing = {field.name for field in fields(local) if getattr(local, field.name) != getattr(aws, field.name)}
    assert differing == {"buffer_seconds", "lambda_buffer_seconds", "tail_poll_seconds"}
