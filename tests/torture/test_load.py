"""A second of the class at work, on the server that all tests share."""

from concurrent.futures import ThreadPoolExecutor

from driver import Server

from tests.torture import load


def test_the_class_is_answered(server: Server) -> None:
    with ThreadPoolExecutor(1) as thread:  # this one's event loop may be the browser tests'
        rows = thread.submit(
            lambda: list(load.rows(0.003, 0, server, models=("mnist-mlp-20",), upload=False))
        ).result()
    for row in rows:
        assert row.held, f"{row.what}: {row.survived} of {row.tried} survived; {row.lost}"
