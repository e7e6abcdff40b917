"""How files of visitors are read: in one thread, whoever sent them, and each of them once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core import digits
from core.digits import open_image
from explorer import lanes, state
from tests.torture.page_uploads import PANELS, show
from tests.torture.pictures import File, page, written


class Reader:
    """In place of core.digits.to_digit."""

    def __init__(self) -> None:
        self.read: list[bytes] = []
        self.at_once, self.most = 0, 0
        self.counting = threading.Lock()

    def __call__(self, content: bytes) -> str:
        with self.counting:
            self.read.append(content)
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        time.sleep(0.05)  # long enough for another session to come
        with self.counting:
            self.at_once -= 1
        if content == b"bad":
            raise digits.DigitError("This is no picture.")
        return content.decode().upper()


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    reader = Reader()
    monkeypatch.setattr(digits, "to_digit", reader)
    return reader


def script() -> None:
    import streamlit

    from core import digits
    from explorer import links, sources

    links.restore_defaults()
    try:
        streamlit.text(sources.read(digits.to_digit, streamlit.session_state["content"]))
    except digits.DigitError as error:
        streamlit.error(str(error))


def session(content: bytes) -> AppTest:
    app = AppTest.from_function(script)
    app.session_state["content"] = content
    return app.run()


@pytest.mark.parametrize("panel", PANELS)
def test_every_panel_reads_what_was_uploaded_there(
    panel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_in: list[str] = []

    def opened(content: bytes) -> Image.Image:
        read_in.append(threading.current_thread().name)
        return open_image(content)

    monkeypatch.setattr(digits, "open_image", opened)
    assert show(panel, File("four", written(page(), "PNG") or b"")) == "read"
    assert set(read_in) == {"upload lane_0"} and lanes.AT_ONCE["upload"] == 1


def test_what_many_send_is_read_one_after_another() -> None:
    reader, contents = Reader(), [b"one", b"two", b"three", b"four"]
    with ThreadPoolExecutor(len(contents)) as everybody:
        found = everybody.map(lambda sent: lanes.through_lane("upload", reader, sent), contents)
        assert list(found) == ["ONE", "TWO", "THREE", "FOUR"]
    assert reader.most == 1


def test_a_rerun_finds_what_was_read_and_another_file_is_read(reader: Reader) -> None:
    app = session(b"one").run().run()
    assert reader.read == [b"one"]
    app.session_state["content"] = b"two"
    assert app.run().text[0].value == "TWO"
    assert reader.read == [b"one", b"two"]
    assert app.session_state[state.READ][1] == "TWO"  # of the one before nothing is kept


def test_what_cannot_be_read_is_said_and_holds_nobody_up(reader: Reader) -> None:
    app = session(b"bad")
    assert app.error[0].value == "This is no picture."
    assert session(b"one").text[0].value == "ONE"
    assert app.run().error[0].value == "This is no picture."
