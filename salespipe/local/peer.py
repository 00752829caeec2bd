"""Whose process is at the other end of a connection on loopback.

The home is closed to other users, and so must be the port, which any process of the machine can reach. Linux tells
to whom a socket belongs (https://man7.org/linux/man-pages/man7/sock_diag.7.html: one question about one connection,
20 us, where reading /proc/net/tcp takes 10 ms); elsewhere nobody does, and every user of the machine is let in.
"""

from __future__ import annotations

import os
import socket
import struct

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_ANY_STATE = 0xFFFFFFFF

_HEADER = struct.Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
_REQUEST = struct.Struct("=BBxxI")  # inet_diag_req_v2: family, protocol, states; then the connection
_CONNECTION = struct.Struct("!HH4s12x4s12x")  # inet_diag_sockid: ports and addresses, in network order
_NO_COOKIE = struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)  # any interface, any cookie
_UID = struct.Struct("=I")
_UID_AT = _HEADER.size + 4 + _CONNECTION.size + len(_NO_COOKIE) + 12


def is_stranger(ours: tuple[str, int], theirs: tuple[str, int]) -> bool:
    """Whether the socket at `theirs`, connected to `ours`, is known to belong to another user (root may pass)."""
    owner = _owner(theirs, ours)
    return owner is not None and owner not in (0, os.geteuid())


def _owner(at: tuple[str, int], to: tuple[str, int]) -> int | None:
    """The user id of the socket at one address that is connected to the other; None where it cannot be known."""
    if not hasattr(socket, "AF_NETLINK"):
        return None
    connection = _CONNECTION.pack(at[1], to[1], socket.inet_aton(at[0]), socket.inet_aton(to[0])) + _NO_COOKIE
    body = _REQUEST.pack(socket.AF_INET, socket.IPPROTO_TCP, _ANY_STATE) + connection
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as kernel:
            kernel.settimeout(1)
            head = _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0)
            kernel.sendto(head + body, (0, 0))
            answer = kernel.recv(4096)
    except OSError:  # a sandbox that has no such socket
        return None
    if _HEADER.unpack_from(answer)[1] != _SOCK_DIAG_BY_FAMILY:
        return None  # the connection is gone already
    return int(_UID.unpack_from(answer, _UID_AT)[0])
