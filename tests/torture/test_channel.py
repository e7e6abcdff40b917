"""A little of the live channel's torture, on the server that all tests share."""

from concurrent.futures import ThreadPoolExecutor

from driver import Server

from tests.torture import channel


def test_the_channel_holds(server: Server) -> None:
    with ThreadPoolExecutor(1) as thread:  # this one's event loop may be the browser tests'
        rows = thread.submit(lambda: list(channel.rows(0.001, 0, server))).result()
    for row in rows:
        assert row.held, f"{row.what}: {row.survived} of {row.tried} survived; {row.lost}"
