"""The steps of the Learn panel: formula, sources, tasks, and what each shows.

words.py has what is said, in two languages; stages.py what a step's stage is made of; the stage
itself is explorer/components/lesson.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from explorer.lessons import stages


class Source(NamedTuple):
    """Where something is from: as a person cites it."""

    title: str
    url: str


AEVB = Source(
    "Kingma, Welling 2013, Auto-Encoding Variational Bayes", "https://arxiv.org/abs/1312.6114"
)
REZENDE = Source(
    "Rezende, Mohamed, Wierstra 2014, Stochastic Backpropagation and Approximate Inference",
    "https://arxiv.org/abs/1401.4082",
)
BURDA = Source(
    "Burda, Grosse, Salakhutdinov 2016, Importance Weighted Autoencoders",
    "https://arxiv.org/abs/1509.00519",
)
HINTON = Source(
    "Hinton, Salakhutdinov 2006, Reducing the Dimensionality of Data with Neural Networks",
    "https://doi.org/10.1126/science.1127647",
)
HIGGINS = Source("Higgins et al. 2017, beta-VAE", "https://openreview.net/forum?id=Sy2fzU9gl")
MATCHING = Source(
    "Strauss, Oliva 2022, Posterior Matching for Arbitrary Conditioning",
    "https://arxiv.org/abs/2201.12414",
)


class Lesson(NamedTuple):
    """One step."""

    formula: str  # LaTeX
    sources: tuple[Source, ...]
    # What its stage shows: of the picture that was chosen, or, without one, of the pair of models.
    of_picture: Callable[[str, Any], dict[str, Any]] | None
    of_pair: Callable[[], dict[str, Any]] | None = None


LESSONS: dict[str, Lesson] = {
    "compress": Lesson(
        r"\begin{gathered} z = \mathrm{encode}(x), \quad \hat{x} = \mathrm{decode}(z) \\ "
        r"\min \; \mathbb{E}_x \bigl[ -\log p(x \mid \hat{x}) \bigr] \end{gathered}",
        (HINTON, AEVB),
        stages.compress,
    ),
    "noise": Lesson(
        r"z \sim \mathcal{N}(\mu(x), \sigma(x)^2) \qquad \text{vs.} \qquad z = \mu(x)",
        (AEVB, REZENDE),
        None,
        stages.noise,
    ),
    "terms": Lesson(
        r"\begin{gathered} \mathcal{L} = \mathbb{E}_{q(z \mid x)} [ -\log p(x \mid z) ] + \beta \, "
        r"\mathrm{KL}(q(z \mid x) \,\|\, p(z)) \\ \mathrm{KL} = \tfrac{1}{2} \sum_d \left( "
        r"\mu_d^2 + \sigma_d^2 - 1 - \log \sigma_d^2 \right) \end{gathered}",
        (AEVB, HIGGINS, BURDA),
        stages.terms,
    ),
    "trick": Lesson(
        r"\begin{gathered} z = \mu + \sigma \odot \varepsilon, \quad \varepsilon \sim "
        r"\mathcal{N}(0, I) \\ \nabla_{\mu, \sigma} \, \mathbb{E}_{q}[f(z)] = "
        r"\mathbb{E}_{\varepsilon} [\nabla_{\mu, \sigma} f(\mu + \sigma \odot \varepsilon)] "
        r"\end{gathered}",
        (AEVB, REZENDE),
        stages.trick,
    ),
    "repair": Lesson(
        r"\begin{gathered} p(z \mid x_{\mathrm{seen}}) \propto p(z) \prod_{i \in "
        r"\mathrm{seen}} p(x_i \mid z) \\ \text{vs.} \quad q(z \mid x_{\mathrm{damaged}}) "
        r"\end{gathered}",
        (REZENDE, MATCHING),
        stages.repair,
    ),
}
