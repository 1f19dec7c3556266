"""Work done ahead of who needs it, in threads or processes, and handed over in its order.

Knows nothing of what the work is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from restobench.errors import RestobenchError

Item = TypeVar("Item")
Read = TypeVar("Read")


def read_ahead(
    items: Iterable[Item], read: Callable[[Item], Read], *, workers: int = 4, ahead: int | Callable[[], int] = 8
) -> Iterator[tuple[Item, Read | RestobenchError]]:
    """Items in their order, each with what `read` gave, while threads read the next ones.

    A `RestobenchError` is handed over in place of the result: one bad picture stops nothing.
    At most `ahead` results wait at any time, so memory does not grow with the data set; a function
    may say another number as time goes on.
    """
    with ThreadPoolExecutor(workers, thread_name_prefix="read") as pool:
        yield from in_order(pool, items, read, ahead=ahead)


def in_order(
    pool: Executor, items: Iterable[Item], work: Callable[[Item], Read], *, ahead: int | Callable[[], int]
) -> Iterator[tuple[Item, Read | RestobenchError]]:
    """As `read_ahead`, by a pool of threads or processes that is there."""
    source = iter(items)
    waiting: deque[tuple[Item, Future[Read]]] = deque()

    def send() -> None:
        wanted = ahead if isinstance(ahead, int) else ahead()
        waiting.extend((item, pool.submit(work, item)) for item in islice(source, max(0, wanted - len(waiting))))

    try:
        send()
        while waiting:
            item, future = waiting.popleft()
            try:
                result: Read | RestobenchError = future.result()
            except RestobenchError as error:
                result = error
            send()
            yield item, result
    finally:
        for _, future in waiting:
            future.cancel()
