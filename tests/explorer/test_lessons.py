"""The words of Learn in both languages, and what its stages are made of."""

import base64
import re
import string

import numpy as np
import pytest
import torch

from core.data import load_dataset
from explorer import caches, catalogue
from explorer.components.wrapping import FOLDER
from explorer.lessons import LESSONS, chinese, english, stages, words

NAME = "mnist-mlp-20"
SCRIPTS = sorted((FOLDER / "lesson").glob("*.js"))


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_say_the_same_things() -> None:
    assert list(english.WORDS) == list(chinese.WORDS)
    for key, text in english.WORDS.items():
        assert placeholders(text) == placeholders(chinese.WORDS[key]), key
        assert text.strip() and chinese.WORDS[key].strip(), key


def test_the_chinese_is_chinese_and_in_the_terms_of_the_field() -> None:
    same = {key for key, text in english.WORDS.items() if chinese.WORDS[key] == text}
    symbols = {"trick.mu", "trick.log_var", "trick.epsilon", "trick.aside", "trick.derivatives"}
    assert same == symbols
    everything = "".join(chinese.WORDS.values())
    terms = "自编码器 变分自编码器 隐空间 重参数化 重构误差 KL散度 先验 后验 修复 似然"
    assert all(term in everything.replace(" ", "") for term in terms.split())
    assert not re.search(r"[\u4e00-\u9fff][,;?!]", everything), "half-width punctuation"


def test_every_word_is_used_and_every_used_one_is_there() -> None:
    scripts = "".join(file.read_text(encoding="utf-8") for file in SCRIPTS)
    used = set(re.findall(r"\bwords\.(\w+)", scripts))
    known = {key.partition(".")[2] for key in english.WORDS}
    assert used <= known, used - known
    # Those of a model's kind are looked up by its name.
    in_stages = used | {"autoencoder", "vae", "done", "tasks"}
    python = {"name", "title", "lead", "formula"}
    for step in LESSONS:
        told = {k.partition(".")[2] for k in english.WORDS if k.startswith(f"{step}.")}
        own = {word for word in told if not word.startswith("task.")}
        assert own <= in_stages | python | {"fair", "distance", "both", "none"}, step
        assert python <= told and 2 <= len(words.tasks(step)) <= 3
        noticed = set(re.findall(r'done\("(\w+)"\)', scripts)) | {"pick"}
        assert set(words.tasks(step)) <= noticed, step


def test_words_for_the_browser_keep_what_it_fills_in() -> None:
    told = words.for_browser("en", "repair", noun="digit", passes="7")
    assert told["task.again"].endswith("up to 7 times. Does it get there?")
    assert "{psnr}" in told["error"] and told["tasks"] == english.WORDS["common.tasks"]
    assert not any("{noun}" in text for text in told.values())


def test_a_noun_that_is_not_translated_is_an_image() -> None:
    assert words.noun("zh", "digit") == "手写数字"
    assert words.noun("zh", "garment") == words.noun("zh", "image") == "图像"


def first() -> torch.Tensor:
    return load_dataset("mnist", "test").images[:1]


def test_a_stage_begins_at_the_encoders_own_answer() -> None:
    mu, log_var = (part[0].tolist() for part in caches.model(NAME).encode(first()))
    made = stages.compress(NAME, first())
    np.testing.assert_allclose(made["code"], mu, atol=1e-5)
    levels = np.frombuffer(base64.b64decode(made["x"]), np.uint8)
    np.testing.assert_array_equal(levels, first().mul(255).round().byte().flatten())
    assert {axis["d"] for axis in made["axes"]} == set(range(20))
    for axis in made["axes"]:
        assert axis["low"] <= made["code"][axis["d"]] <= axis["high"]
    np.testing.assert_allclose(stages.terms(NAME, first())["log_var"], log_var, atol=1e-5)
    made = stages.trick(NAME, first())
    assert made["low"] <= made["mu"][made["dimension"]] <= made["high"]


def test_the_autoencoder_and_the_vae_are_told_apart_fairly() -> None:
    made = stages.noise()
    plain, vae = made["models"]
    assert (plain["kind"], vae["kind"]) == ("autoencoder", "vae")
    shares = [
        np.array(side["noise"]) / caches.latent_map(side["name"]).mu.numpy().std(0)
        for side in (plain, vae)
    ]
    np.testing.assert_allclose(shares[0], shares[0][0], rtol=1e-4)
    np.testing.assert_allclose(*shares, rtol=1e-4)
    for side in (plain, vae):
        latent = caches.latent_map(side["name"])
        factor = np.array(side["factor"])
        np.testing.assert_allclose(factor @ factor.T, np.cov(latent.mu.T.numpy()), atol=1e-3)
        assert len(side["keys"]) == len(made["classes"]) == 10
        xy = np.frombuffer(base64.b64decode(side["dots"]), "<f4").reshape(-1, 2)
        assert len(xy) == len(base64.b64decode(side["labels"])) == stages.MOST_DOTS


def test_the_shipped_autoencoder_is_one() -> None:
    plain, vae = (catalogue.described(name) for name in (stages.AUTOENCODER, stages.ITS_VAE))
    assert plain.config["training"]["noise"] is False and plain.config["training"]["beta"] == 0
    for key in ("h_dim", "z_dim", "epochs", "batch_size", "learning_rate", "seed"):
        assert plain.config["training"][key] == vae.config["training"][key], key
    assert plain.metrics and vae.metrics
    assert plain.metrics["reconstruction"] < vae.metrics["reconstruction"]
    assert plain.metrics["frechet_prior"] > vae.metrics["frechet_prior"]


@pytest.mark.parametrize("model", ["mnist-mlp-2", "mnist-conv-32"])
def test_repair_takes_the_best_method_that_a_model_has(model: str) -> None:
    made = stages.repair(model, first())
    wanted = "posterior" if caches.posterior(model) else "smc"
    assert made["settings"]["method"] == wanted
