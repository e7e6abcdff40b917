"""Train: settings on the left, the training itself on the right, live."""

import streamlit as st

from explorer import train_form, train_watch
from explorer.changes import REFUSED, writable


def render() -> None:
    """What is to be trained, and beside it what is being trained."""
    st.markdown(
        "#### Train a model\n"
        "A training runs in a process of its own: it goes on when you close this page, and when "
        "the server is started again."
    )
    if not writable():
        st.info(f"{REFUSED} What whoever runs it is training can be watched here.")
        train_watch.render()
        return
    form, watch = st.columns([35, 65], gap="large")
    with form:
        train_form.render()
    with watch:
        train_watch.render()
