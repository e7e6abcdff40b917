"""What component.js does for every component, whatever Streamlit calls it with and when."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

PROBE = """
  const { component } = await import(new URL("live/static/component.js", document.baseURI));
  const place = document.body.appendChild(document.createElement("div"));
  const mount = component("probe", (root, listen, ended) => {
    ended.addEventListener("abort", () => (root.dataset.ended = true));
    return ({ data }) => (root.textContent = data.age);
  });
  const call = (age) => mount({ data: [{ age }], parentElement: place });
  const aWhile = () => new Promise((done) => setTimeout(done, 20));
"""
# Streamlit calls a script once for all data that came while it was fetched. Which call comes first
# is not promised; all but that of the newest data are taken back at once, by their clean-up.
CALLED_IN_ORDER = (
    "async (order) => {"
    + PROBE
    + """
      for (const ages of order) {
        for (const age of ages) {
          const cleanUp = call(age);
          if (age !== "newest") Promise.resolve(cleanUp).then((clean) => clean());
        }
        await aWhile();
      }
      const [probe] = place.children;
      return [place.children.length, probe.textContent, "ended" in probe.dataset];
    }"""
)
CALLED_AND_REMOVED = (
    "async () => {"
    + PROBE
    + """
      call("first");
      await aWhile();
      const cleanUp = call("last");
      const [probe] = place.children;
      place.remove();
      cleanUp();
      await aWhile();
      return [probe.textContent, "ended" in probe.dataset];
    }"""
)


@pytest.mark.parametrize(
    "order",
    [
        [["old", "newest"]],
        [["newest", "old"]],
        [["older", "newest", "old"]],
        [["newest", "old", "older"]],
        [["old"], ["newest"]],
        [["newest"], ["old"]],
        [["newest"], ["old"], ["older"]],
    ],
    ids=lambda order: " | ".join(" ".join(ages) for ages in order),
)
def test_the_newest_data_are_shown_in_whatever_order_they_come(
    open_page: Callable[..., Page], order: list[list[str]]
) -> None:
    page = open_page("learn", ready=False)
    assert page.evaluate(CALLED_IN_ORDER, order) == [1, "newest", False]


def test_what_has_left_the_page_is_not_drawn_again(open_page: Callable[..., Page]) -> None:
    page = open_page("learn", ready=False)
    assert page.evaluate(CALLED_AND_REMOVED) == ["last", True]
