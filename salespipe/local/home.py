"""The folder that everything local is kept in: where it is, and making it, its owner's alone.

A home that cannot be is refused by its name before anything else is tried. What cannot be a folder at all is a wrong
setting; what could be one, but that this user may not make, is a home that cannot be used.
A folder in which somebody keeps something else is a wrong setting, too, and is left as it is.
"""

from __future__ import annotations

import errno
import os
import shlex
import stat
from pathlib import Path

from salespipe.local.errors import HomeError, NoHomeError

VARIABLE = "SALESPIPE_HOME"

_OTHER = f"or set {VARIABLE} to another folder"
_OURS = frozenset({"store.db", "store.lock", "runtime.lock", "runtime.json"})
"""One of these is in every home from the first moment on."""
_NOBODYS = frozenset({"accept-loss", "lost", "lost+found", ".DS_Store"})
"""What may lie in a folder that is about to become one: a mark for us, or what systems put on a new disk."""
_NOT_A_PATH = frozenset({errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL})


def default_home() -> Path:
    """SALESPIPE_HOME, or the platform's folder for user data. Raises HomeError when there can be no such folder."""
    given = os.environ.get(VARIABLE)
    if given:
        home = Path(os.path.expanduser(given)).absolute()  # noqa: PTH111 - Path's own raises for a user that is unknown
    else:
        from platformdirs import user_data_path

        home = user_data_path("salespipe", appauthor=False)
    _check(home)
    return home


def make(home: Path) -> None:
    """Make the folder if need be, and take from others what rights they have to it. Raises HomeError, OSError.

    A folder that is there has to be a home or empty.
    """
    _check(home)
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        folder = Path(os.fsdecode(error.filename or home)).parent
        raise HomeError(
            f"the folder {home} cannot be made in {folder} ({error.strerror}): make {folder} writable, {_OTHER}"
        ) from error
    found = {entry.name for entry in home.iterdir()}  # at once: another command may be making the same home
    if not found & _OURS and (others := sorted(found - _NOBODYS)):
        raise NoHomeError(
            f"{home} is not empty and no home of salespipe (it has {others[0]}): name a folder of its own in it, as in "
            f"{VARIABLE}={shlex.quote(str(home / 'salespipe'))}"
        )
    if (mode := home.stat().st_mode) & 0o077:
        home.chmod(mode & 0o700)


def _check(home: Path) -> None:
    """Raise HomeError if this is no folder and cannot become one."""
    for path in (home, *home.parents):
        try:
            mode = path.stat().st_mode
        except (FileNotFoundError, NotADirectoryError) as error:
            if path.is_symlink():
                raise NoHomeError(
                    f"{path} is a link to what is not there ({path.readlink()}): make that folder, {_OTHER}"
                ) from error
            continue
        except OSError as error:
            if error.errno in _NOT_A_PATH:
                raise NoHomeError(f"{home} cannot be the name of a folder ({error.strerror}): {_OTHER[3:]}") from error
            raise HomeError(f"{path} cannot be looked at ({error.strerror}): give the right to, {_OTHER}") from error
        if stat.S_ISDIR(mode):
            if path == home and not os.access(home, os.X_OK):
                raise HomeError(
                    f"{home} may not be looked into by this user: give the right back (chmod u+rwX), {_OTHER}"
                )
            return
        inside = "" if path == home else f", so {home} cannot be in it"
        raise NoHomeError(f"{path} is a file and not a folder{inside}: move it away, {_OTHER}")
