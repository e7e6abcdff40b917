"""Impossible settings are refused with the field's name before anything starts."""

import dataclasses
import math
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.config import TrainConfig

HINTS = get_type_hints(TrainConfig)
POSITIVE = ("h_dim", "blocks", "width", "z_dim", "epochs", "batch_size", "importance_samples")
NOT_NEGATIVE = ("seed", "beta", "warm_up", "free_bits", "shift")
not_positive = st.one_of(st.integers(-(10**9), 0), st.floats(max_value=0))
negative = st.one_of(st.integers(-(10**9), -1), st.floats(max_value=-1e-9))
no_number = st.sampled_from([math.nan, math.inf, -math.inf])


def refused(field: str, value: object) -> None:
    with pytest.raises(ValueError) as error:
        TrainConfig(**{field: value})
    said = str(error.value)
    assert said.startswith(field) and said.endswith(".") and str(value) in said


@given(st.sampled_from([*POSITIVE, "learning_rate"]), st.one_of(not_positive, no_number))
def test_what_must_be_above_zero(field: str, value: float) -> None:
    refused(field, value)


@given(st.sampled_from(NOT_NEGATIVE), st.one_of(negative, no_number))
def test_what_must_not_be_negative(field: str, value: float) -> None:
    refused(field, value)


@given(st.one_of(negative, st.floats(min_value=1), no_number))
def test_a_decay_lies_below_one(value: float) -> None:
    refused("ema", value)


@given(st.one_of(negative, st.floats(min_value=1.0001), no_number))
def test_a_share_lies_between_0_and_1(value: float) -> None:
    refused("shift_until", value)


CHOICES = [name for name, hint in HINTS.items() if get_args(hint)]


@given(st.sampled_from(CHOICES), st.one_of(st.text(max_size=5), st.integers(100), st.none()))
def test_a_choice_is_one_of_its_values(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{field} must be one of"):
        TrainConfig(**{field: value})  # type: ignore[arg-type]


@given(
    st.builds(
        dict,
        h_dim=st.integers(1, 4096), z_dim=st.integers(1, 512), batch_size=st.integers(1, 10_000),
        learning_rate=st.floats(1e-9, 10), beta=st.floats(0, 100), ema=st.floats(0, 0.99999),
        importance_samples=st.integers(1, 64), shift=st.integers(0, 27), seed=st.integers(0, 2**63),
    )
)  # fmt: skip
def test_what_is_possible_is_accepted_and_kept(fields: dict[str, Any]) -> None:
    config = TrainConfig(**fields)
    assert dataclasses.asdict(config).items() >= fields.items()
    assert TrainConfig(**dataclasses.asdict(config)) == config


def test_every_number_is_checked() -> None:
    """A field that is added is added here too."""
    numbers = {name for name, hint in HINTS.items() if hint in (int, float)}
    assert numbers == {*POSITIVE, *NOT_NEGATIVE, "learning_rate", "ema", "shift_until"}


def test_a_plain_autoencoder_has_neither_noise_nor_kl() -> None:
    assert not TrainConfig(noise=False, beta=0).noise
    for other in ({"beta": 1.0}, {"beta": 0.0, "importance_samples": 2}):
        with pytest.raises(ValueError, match="^noise can be left out only with beta 0"):
            TrainConfig(noise=False, **other)  # type: ignore[arg-type]
