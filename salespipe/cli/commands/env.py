"""`salespipe env`: shell exports that point any AWS tool at the pipeline's target."""

from __future__ import annotations

import shlex

from salespipe.cli.shell import Shell


def env(shell: Shell) -> None:
    """Print shell exports that point any AWS tool here.

    Use it as: eval "$(salespipe env)"
    """
    with shell.start() as target:
        exports = dict(target.exports)
    if shell.config.json:
        shell.console.document(exports)
        return
    shell.console.lines(f"export {name}={shlex.quote(value)}" for name, value in exports.items())
    if shell.config.target == "aws":
        shell.console.talk("# the aws target uses your own credentials; only the place is set here")
