"""Start the explorer: streamlit run streamlit_app.py"""

import streamlit as st

from explorer import live

app = st.App("explorer/app.py", routes=live.ROUTES, lifespan=live.lifespan)
