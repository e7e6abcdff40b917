"""A job under way on a page: how far it is, a button that stops it, the page anew at its end."""

import streamlit as st

from explorer import jobs
from explorer.wording import escaped


@st.fragment(run_every=1)
def job_bar() -> None:
    """Once on a page, while jobs.current() runs. The page's other buttons stay as they are: what
    cannot be started meanwhile says so when it is pressed (jobs.Busy)."""
    job = jobs.current()
    if not job or not job.running:
        st.rerun()  # the whole page: what was made, or why there is nothing
    with st.container(horizontal=True, vertical_alignment="center"):
        steps = f", {job.done} of {job.total}" if job.total else " …"
        st.progress(job.share, escaped(f"{job.title}{steps}"))
        st.button("Stop", on_click=job.stop, icon=":material/stop:", key="stop_job")
