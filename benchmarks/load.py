"""The client side of a hop: four callers of stock boto3, and what they cost.

Either four threads that share one client, as most programs do; one interpreter lock is then the most that any server
can be asked for. Or four processes with a client each, which ask a server for all that the machine has left.
"""

from __future__ import annotations

import gc
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Literal

from benchmarks.home import held_interrupts
from salespipe.errors import SalespipeError

CALLERS = 4
Callers = Literal["threads", "processes"]

Send = Callable[[Any, Any], int]
"""Makes one call with the client; how many items, records or objects were acknowledged or read."""


@dataclass(frozen=True)
class Load:
    """`done` items, records or objects in `seconds` of wall time, for `cpu_seconds` of the client."""

    done: int
    seconds: float
    cpu_seconds: float


def run(new_client: Callable[[], Any], send: Send, calls: Sequence[Any], callers: Callers) -> Load:
    """Make all calls, four at a time. Raises SalespipeError when one fails."""
    # The garbage collector must not go through what the benchmark holds, which no client would: in a forked process
    # it would also copy every page of it.
    gc.collect()
    gc.freeze()
    try:
        if callers == "threads":
            return _by_threads(new_client(), send, calls)
        return _by_processes(new_client, send, calls)
    finally:
        gc.unfreeze()


def _by_threads(client: Any, send: Send, calls: Sequence[Any]) -> Load:
    left = iter(calls)
    done = [0] * CALLERS
    errors: list[Exception] = []

    def work(number: int) -> None:
        try:
            for call in left:
                done[number] += send(client, call)
        except Exception as error:  # noqa: BLE001 - raised below, where somebody looks
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(CALLERS)]
    cpu, began = time.process_time(), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load = Load(sum(done), time.perf_counter() - began, time.process_time() - cpu)
    client.close()
    if errors:
        raise SalespipeError(_reason(errors[0])) from errors[0]
    return load


def _by_processes(new_client: Callable[[], Any], send: Send, calls: Sequence[Any]) -> Load:
    context = multiprocessing.get_context("fork")  # so that calls need not be sent over
    go, taken = context.Event(), context.Value("q", 0)

    def left() -> Iterator[Any]:
        """The calls that no other process has taken."""
        while True:
            with taken:
                index = taken.value
                taken.value += 1
            if index >= len(calls):
                return
            yield calls[index]

    def work(tell: Connection) -> None:
        for sent in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sent, signal.SIG_DFL)  # whoever started it says what there is to say
        try:
            client = new_client()
            tell.send("ready")
            go.wait()
            cpu, began = time.process_time(), time.perf_counter()
            done = sum(send(client, call) for call in left())
            tell.send((done, began, time.perf_counter(), time.process_time() - cpu))
        except Exception as error:  # noqa: BLE001 - told to the parent, which raises it
            tell.send(SalespipeError(_reason(error)))

    pipes = [context.Pipe(duplex=False) for _ in range(CALLERS)]
    processes = [context.Process(target=work, args=(tell,), daemon=True) for _, tell in pipes]
    try:
        with held_interrupts():
            for process in processes:
                process.start()
        for _, tell in pipes:
            tell.close()
        for listen, _ in pipes:
            _received(listen)
        go.set()
        told = [_received(listen) for listen, _ in pipes]
    finally:
        with held_interrupts():
            for process in processes:
                if process.pid is not None:
                    process.kill()
                    process.join()
    dones, begins, ends, cpus = zip(*told, strict=True)
    return Load(sum(dones), max(ends) - min(begins), sum(cpus))


def _received(listen: Connection) -> Any:
    """What a client process has to say. Raises SalespipeError for an error, and when it will say nothing more."""
    try:
        told = listen.recv()
    except EOFError:
        raise SalespipeError("a client process ended without a word") from None
    if isinstance(told, SalespipeError):
        raise told
    return told


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
