"""A person's own VAE, any object with `encode(x) -> (mu, log_var)` and `decode(z)`, as ours.

It is named `module:factory`: calling `factory()` out of `module` gives the object, or the pair
(object, (C, H, W)). That runs code, so only a command line may ask for it, never a page or a link.
What the object takes and gives is found by trying, and checked each time: a sentence names the
factory when it does not fit. Shapes: B batch, C channels, H = W pixels, D latent dimensions.
"""

import importlib
import itertools
import os
import re
import sys
from typing import Any

import torch
from torch import Tensor, nn

from core.model import VAE, Config
from core.weights import CheckpointError, first_line

FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
# Tried in this order where the object does not say: common ones first.
SHAPES = [(c, side, side) for c, side in ((1, 28), (1, 32), (1, 64), (3, 32), (3, 64), (3, 28))]
SAID_BY = ("image_shape", "input_dim", "img_size")  # attributes that may hold (C, H, W)
SLACK = 1e-3  # beyond [0, 1], as half a precision rounds
EPSILON = 1e-6  # a decoded mean is at least that far from 0 and 1 when its logit is taken


def is_factory(text: str) -> bool:
    """Whether `text` has the form module:factory."""
    return bool(FACTORY.fullmatch(text))


def open_factory(spec: str) -> "ForeignVAE":
    """The model that `module:factory` makes: frozen, in eval mode, on the CPU. CheckpointError."""
    module_name, _, path = spec.partition(":")
    if os.getcwd() not in sys.path:  # where the person who types it has the module
        sys.path.insert(0, os.getcwd())
    try:
        made: Any = importlib.import_module(module_name)
    except Exception as error:
        hint = ""
        if isinstance(error, ModuleNotFoundError) and error.name in _parents(module_name):
            hint = f" Modules are looked for in {os.getcwd()} and where packages are installed."
        raise CheckpointError(
            f"{spec}: importing {module_name} failed. {_said(error)}{hint}"
        ) from error
    for part in path.split("."):
        if not hasattr(made, part):
            raise CheckpointError(f"{spec}: {module_name} has no {path!r}.")
        made = getattr(made, part)
    if isinstance(made, type) or not _is_vae(made):
        if not callable(made):
            raise CheckpointError(
                f"{spec}: {path} is a {type(made).__name__}; it must be callable."
            )
        try:
            made = made()
        except Exception as error:
            raise CheckpointError(f"{spec}: calling {path}() failed. {_said(error)}") from error
    shape = None
    if isinstance(made, tuple) and len(made) == 2:
        made, shape = made
    return ForeignVAE(made, spec, shape)


class Misfit(CheckpointError):
    """Not our interface; `stage` says how far it went."""

    def __init__(self, sentence: str, stage: int) -> None:
        super().__init__(sentence)
        self.stage = stage


class ForeignVAE(VAE):
    """The adapter. It has VAE's interface and none of its layers."""

    def __init__(self, theirs: Any, spec: str, image_shape: object = None) -> None:
        nn.Module.__init__(self)  # no layers of ours
        self.spec, self.theirs = spec, theirs
        if not _is_vae(theirs):
            raise CheckpointError(
                f"{spec} gives a {type(theirs).__name__} without encode(x) and decode(z). An "
                "adapter of a few lines adds them: see docs/examples/pythae_model.py."
            )
        # An object that holds modules without being one would keep them from being moved.
        held = (
            [] if isinstance(theirs, nn.Module) else list(getattr(theirs, "__dict__", {}).values())
        )
        self.held = nn.ModuleList(value for value in held if isinstance(value, nn.Module))
        # What asks the first parameter for the device finds one, whatever the object holds.
        self.anchor = nn.Parameter(torch.empty(0), requires_grad=False)
        self.to("cpu").requires_grad_(False).eval()
        self.likelihood, self.log_sigma = "bernoulli", None
        self.flat = False  # whether theirs takes (B, C * H * W)
        self._probe(image_shape)

    def config(self) -> Config:
        """There is none: nothing but its own code builds it again. Raises CheckpointError."""
        raise CheckpointError(f"{self.spec} is code, so no checkpoint can be written of it.")

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z | x), each (B, D)."""
        if x.ndim < 2 or x[0].numel() != self.image_size:
            c, h, w = self.image_shape
            raise ValueError(
                f"encode takes images of {self.image_size} numbers, (B, {c}, {h}, {w}); got "
                f"{tuple(x.shape)}."
            )
        mu, log_var = self._encoded(x, self.image_shape, flat=self.flat)
        if mu.shape[1] != self.z_dim:
            raise CheckpointError(
                f"{self.spec}: encode gave {mu.shape[1]} latent dimensions, before {self.z_dim}."
            )
        return mu, log_var

    def decode(self, z: Tensor) -> Tensor:
        """Images, (B, C, H, W), in [0, 1]."""
        if z.ndim != 2 or z.shape[1] != self.z_dim:
            raise ValueError(f"decode takes z of shape (B, {self.z_dim}); got {tuple(z.shape)}.")
        images = self._decoded(z, self.image_size)
        if torch.is_grad_enabled() and z.requires_grad and not images.requires_grad:
            raise CheckpointError(
                f"{self.spec}: decode gives no gradient, which this needs. Leave out no_grad, "
                "detach and numpy there, or choose a method that needs none."
            )
        return images.reshape(-1, *self.image_shape)

    def decode_logits(self, z: Tensor) -> Tensor:
        """The logit of the decoded mean, clamped to finite numbers, (B, C, H, W)."""
        return torch.logit(self.decode(z), EPSILON)

    def _probe(self, declared: object) -> None:
        """Find shape and z_dim by trying; raise CheckpointError unless all is as it must be."""
        said = [declared] if declared is not None else [
            getattr(self.theirs, name) for name in SAID_BY if hasattr(self.theirs, name)
        ]  # fmt: skip
        shapes = [_checked_shape(self.spec, said[0])] if said else SHAPES
        misfits: list[Misfit] = []
        for shape, flat in itertools.product(shapes, (False, True)):
            try:
                mu, decoded = self._tried(shape, flat=flat)
            except Misfit as misfit:
                misfits.append(misfit)
                continue
            self.image_shape, self.flat = shape, flat
            self.image_size, self.z_dim = decoded.shape[1], mu.shape[1]
            self.channels, self.h_dim = shape[0], 0
            return
        nearest = max(misfits, key=lambda misfit: misfit.stage)  # the first of those
        if nearest.stage or said:
            raise nearest
        tried = ", ".join(str(shape) for shape in shapes)
        raise CheckpointError(
            f"{nearest} It takes none of the image shapes that were tried, {tried} and the same "
            "flat. Give the object an attribute image_shape = (C, H, W), or let the factory return "
            "(object, (C, H, W))."
        )

    @torch.no_grad()
    def _tried(self, shape: tuple[int, int, int], *, flat: bool) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(0)
        x = torch.rand(3, *shape, generator=generator)
        mu, _ = self._encoded(x, shape, flat=flat)
        again, _ = self._encoded(x, shape, flat=flat)
        if not torch.allclose(mu, again, atol=1e-4):
            raise Misfit(
                f"{self.spec}: encode gave two answers for one image; it must return the mean and "
                "the log variance, not a sample.",
                stage=2,
            )
        z = torch.cat([mu, torch.randn(5, mu.shape[1], generator=generator)])
        return mu, self._decoded(z, x[0].numel())

    def _encoded(
        self, x: Tensor, shape: tuple[int, int, int], *, flat: bool
    ) -> tuple[Tensor, Tensor]:
        x = x.flatten(1) if flat else x.reshape(-1, *shape)
        try:
            found = self.theirs.encode(x)
        except Exception as error:
            raise Misfit(
                f"{self.spec}: encode failed on images {tuple(x.shape)}. {_said(error)}", stage=0
            ) from error
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise Misfit(
                f"{self.spec}: encode must return the pair (mu, log_var); it returned "
                f"{_described(found)}.",
                stage=1,
            )
        mu, log_var = (_tensor(value, self.spec, "encode") for value in found)
        if _traced():
            return mu, log_var
        if mu.ndim != 2 or mu.shape != log_var.shape or len(mu) != len(x) or not mu.shape[1]:
            raise Misfit(
                f"{self.spec}: encode must return mu and log_var of shape (B, D), a vector for "
                f"each image; of {len(x)} images it made {tuple(mu.shape)} and "
                f"{tuple(log_var.shape)}.",
                stage=1,
            )
        if not (mu.isfinite().all() and log_var.isfinite().all()):
            raise Misfit(f"{self.spec}: encode gave values that are not finite numbers.", stage=1)
        return mu, log_var

    def _decoded(self, z: Tensor, pixels: int) -> Tensor:
        """(B, C * H * W) in [0, 1]."""
        try:
            found = self.theirs.decode(z)
        except Exception as error:
            raise Misfit(
                f"{self.spec}: decode failed on z {tuple(z.shape)}. {_said(error)}", stage=3
            ) from error
        images = _tensor(found, self.spec, "decode")
        if _traced():
            return images.flatten(1).clamp(0, 1)
        if images.ndim < 2 or len(images) != len(z) or images[0].numel() != pixels:
            raise Misfit(
                f"{self.spec}: decode gave {tuple(images.shape)} for {len(z)} points z; images of "
                f"{pixels} numbers were encoded, so ({len(z)}, {pixels}) or the like is expected.",
                stage=4,
            )
        low, high = float(images.detach().min()), float(images.detach().max())
        if not (low >= -SLACK and high <= 1 + SLACK):  # false for NaN, too
            raise Misfit(
                f"{self.spec}: decode gave values from {low:.3g} to {high:.3g}; images must lie in "
                "[0, 1]. Apply a sigmoid to logits; (x + 1) / 2 brings [-1, 1] there.",
                stage=5,
            )
        return images.flatten(1).clamp(0, 1)


def _traced() -> bool:
    """Whether this runs for an export: asking for values or lengths would fix them for good."""
    return bool(torch.compiler.is_exporting())


def _is_vae(value: object) -> bool:
    return all(callable(getattr(value, name, None)) for name in ("encode", "decode"))


def _checked_shape(spec: str, shape: object) -> tuple[int, int, int]:
    """(C, H, W) as our pictures are: 1 or 3 channels, square."""
    try:
        c, h, w = (int(number) for number in shape)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        c = h = w = 0
    if c not in (1, 3) or h != w or h < 1:
        raise CheckpointError(
            f"{spec}: its image_shape is {shape!r}; it must be (C, H, W) with 1 or 3 channels and "
            "H = W."
        )
    return c, h, w


def _tensor(value: object, spec: str, method: str) -> Tensor:
    try:
        return torch.as_tensor(value).float()
    except (TypeError, ValueError, RuntimeError):
        raise Misfit(
            f"{spec}: {method} must return tensors or arrays; it returned {_described(value)}.",
            stage=1,
        ) from None


def _described(value: object) -> str:
    kind = type(value).__name__
    if isinstance(value, Tensor):
        return f"a tensor {tuple(value.shape)}"
    return f"{len(value)} values" if isinstance(value, tuple | list) else f"a {kind}"


def _said(error: Exception) -> str:
    """What someone else's code raised, in one line."""
    return f"{type(error).__name__}: {first_line(error)}".rstrip(": ") + "."


def _parents(module: str) -> set[str]:
    parts = module.split(".")
    return {".".join(parts[: n + 1]) for n in range(len(parts))}
