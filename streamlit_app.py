"""Start the explorer: streamlit run streamlit_app.py [-- --model module:factory]"""

import sys
from pathlib import Path

import streamlit as st

from explorer import live, served

served.from_command_line(Path(__file__), sys.argv)
app = st.App(
    "explorer/app.py",
    routes=live.routes(st.get_option("server.baseUrlPath")),
    lifespan=live.lifespan,
)
