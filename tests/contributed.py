"""What the examples of CONTRIBUTING.md add, used: test_contributing.py runs this in a copy."""

import torch
from streamlit.testing.v1 import AppTest

from core import load_checkpoint
from core.checkpoint import CHECKPOINTS
from core.config import TrainConfig
from core.damage import centre_box, observe
from core.data import load_dataset
from core.repair import repair
from core.train import train

MODEL = "mnist-mlp-20"


def data_set() -> torch.Tensor:
    images, labels = load_dataset("emnist-digits", "train")
    assert images.shape == (32, 1, 28, 28) and labels.tolist() == [n % 10 for n in range(32)]
    assert images[1, 0, 2, 5] == 1 and images[1].sum() == 1  # columns were stored for rows
    return images


def architecture(images: torch.Tensor) -> None:
    config = TrainConfig(architecture="LinearVAE", z_dim=2, epochs=1, batch_size=16)
    trained = train(config, images, CHECKPOINTS / "linear")
    opened = load_checkpoint("linear")
    assert type(opened).__name__ == "LinearVAE"
    z = torch.ones(1, 2)
    assert opened.decode(z).equal(trained.decode(z)) and opened.decode(z).shape == (1, 1, 28, 28)


def repair_method() -> None:
    generator = torch.Generator().manual_seed(0)
    seen = centre_box(observe(load_dataset("mnist", "test").images[:1]), generator)
    found = repair(load_checkpoint(MODEL), seen, method="weighting", k=4, generator=generator)
    assert found.completions.shape == (4, 1, 28, 28)
    assert found.weights.sum().isclose(torch.tensor(1.0))


def panel() -> None:
    app = AppTest.from_file("explorer/app.py", default_timeout=60)
    app.query_params["model"] = MODEL
    app.session_state["go_to"] = "average"
    app.run()
    assert not app.exception and not app.error and not app.warning
    (chosen,) = (box for box in app.selectbox if box.label == "Class")
    chosen.select(7).run()
    assert not app.exception
    (button,) = (button for button in app.button if button.label == "Open in Explore")
    button.click().run()
    assert not app.exception
    assert len(app.session_state["z"]) == 20


if __name__ == "__main__":
    architecture(data_set())
    repair_method()
    panel()
    print("contributed")
