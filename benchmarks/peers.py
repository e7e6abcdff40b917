"""One slider and the picture it decodes, with Gradio and with Dash, for live_drag.py --peers.

python benchmarks/peers.py gradio 7860

Runs in the environment of requirements-bench.txt. Both have the settings that were quickest here:
Gradio without its queue, the newest value waiting; Dash on FastAPI, the picture within the answer.
"""

import base64
import os
import sys
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # nothing leaves this machine
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from PIL import Image

from core import load_checkpoint
from core.images import to_pil, to_png

SCALE = 10  # screen pixels of a pixel

torch.set_num_threads(1)  # one image is too little to share, see explorer/live.py
model = load_checkpoint("mnist-mlp-20")


def decoded(z4: float) -> torch.Tensor:
    """(1, 28, 28) in [0, 1]."""
    z = torch.zeros(1, model.z_dim)
    z[0, 4] = z4
    with torch.inference_mode():
        return model.decode(z)[0]


def run_gradio(port: int) -> None:
    import gradio as gr

    def picture(z4: float) -> Image.Image:
        return to_pil(decoded(z4), scale=SCALE)

    with gr.Blocks() as page:
        slider = gr.Slider(-4, 4, 0, step=0.01, label="z4")
        image = gr.Image(picture(0), format="png", elem_id="picture")
        slider.input(
            picture, slider, image,
            queue=False, trigger_mode="always_last", show_progress="hidden",
        )  # fmt: skip
    page.launch(server_name="localhost", server_port=port, quiet=True)


def run_dash(port: int) -> None:
    import uvicorn
    from dash import Dash, Input, Output, dcc, html

    app = Dash(backend="fastapi", update_title=None)
    slider = dcc.Slider(-4, 4, 0.01, value=0, marks=None, updatemode="drag", id="z4")
    app.layout = html.Div([slider, html.Img(id="picture")])

    @app.callback(Output("picture", "src"), Input("z4", "value"))
    def picture(z4: float) -> str:
        png = to_png(decoded(z4), scale=SCALE)
        return "data:image/png;base64," + base64.b64encode(png).decode()

    uvicorn.run(app.server, host="localhost", port=port, log_level="error")


if __name__ == "__main__":
    name, port = sys.argv[1:]
    {"gradio": run_gradio, "dash": run_dash}[name](int(port))
