"""The words of explorer/explained.py: every number and picture of the page in a line, its formula,
and who has defined it."""

from typing import NamedTuple

ARXIV, DOI = "https://arxiv.org/abs/", "https://doi.org/"


class Term(NamedTuple):
    """A number or picture that the page shows."""

    name: str
    line: str  # what it is
    formula: str  # LaTeX
    source: str  # who has defined it; of our own choices, the file that computes it
    url: str = ""


VAE = ("Kingma and Welling 2014, Auto-Encoding Variational Bayes", ARXIV + "1312.6114")
IWAE = ("Burda et al. 2016, Importance Weighted Autoencoders", ARXIV + "1509.00519")
BETA_VAE = ("Burgess et al. 2018, Understanding disentangling in β-VAE", ARXIV + "1804.03599")
PEARSON = (
    "Pearson 1895, Note on regression and inheritance", DOI + "10.1098/rspl.1895.0041"
)  # fmt: skip
MORPHO = ("Castro et al. 2019, Morpho-MNIST", ARXIV + "1809.10780")
ODDITY = ("Arvanitidis et al. 2018, Latent Space Oddity", ARXIV + "1710.11379")
MATCHING = ("Strauss and Oliva 2022, Posterior Matching", ARXIV + "2201.12414")
FRECHET = (
    "Heusel et al. 2017, GANs Trained by a Two Time-Scale Update Rule", ARXIV + "1706.08500"
)  # fmt: skip
PSNR = ("Huynh-Thu and Ghanbari 2008, Scope of validity of PSNR", DOI + "10.1049/el:20080522")
SSIM = ("Wang et al. 2004, Image quality assessment", DOI + "10.1109/TIP.2003.819861")

TERMS: dict[str, Term] = {
    # ---- the network
    "decode": Term(
        "The picture", "What the decoder makes of z, the numbers of the sliders.",
        r"\hat x = \mathrm{decode}(z)", *VAE,
    ),
    "posterior": Term(
        "Posterior q(z | x)", "Where the encoder puts a picture, and how unsure it is of that. Its "
        "mean μ is the picture's code.",
        r"q(z \mid x) = \mathcal N(\mu(x), \mathrm{diag}\,\sigma^2(x))", *VAE,
    ),
    "recon_picture": Term(
        "Reconstruction", "The picture encoded to the mean of its posterior, and decoded.",
        r"\hat x = \mathrm{decode}(\mu(x))", *VAE,
    ),
    "difference": Term(
        "Difference", "Pixel by pixel: red where ink was lost, blue where some was added.",
        r"\hat x - x", "core/images.py",
    ),
    "reconstruction": Term(
        "Reconstruction (nats)", "How surprised the decoder is by the picture, given its z.",
        r"-\mathbb E_{q(z \mid x)} \log p(x \mid z)", *VAE,
    ),
    "kl": Term(
        "KL (nats)", "What the code costs: how far the posterior lies from the prior. A nat is "
        "1.44 bits.",
        r"\mathrm{KL}(q(z \mid x) \,\|\, \mathcal N(0, I))"
        r" = \tfrac12 \sum_d (\mu_d^2 + \sigma_d^2 - 1 - \log \sigma_d^2)", *VAE,
    ),
    "kl_per_dim": Term(
        "KL of a dimension (nats)", "What one latent dimension spends, on average over the test "
        "set: the more, the more it says about the picture.",
        r"\tfrac12\,\mathbb E_x[\mu_d^2 + \sigma_d^2 - 1 - \log \sigma_d^2]", *VAE,
    ),
    "neg_elbo": Term(
        "Negative ELBO (nats)", "Reconstruction plus KL, which training makes small: a bound from "
        "above on −log p(x).",
        r"-\log p(x) \le -\mathbb E_{q} \log p(x \mid z) + \mathrm{KL}(q(z \mid x) \,\|\, p(z))",
        *VAE,
    ),
    "neg_elbo_binarized": Term(
        "Negative ELBO, binarised (nats)", "The same of images whose pixels are drawn as black or "
        "white, as papers report it.",
        r"\tilde x_i \sim \mathrm{Bernoulli}(x_i)", *IWAE,
    ),
    "nll": Term(
        "−log p(x) (nats)", "How surprised the whole model is by a binarised test image, by "
        "importance sampling with K draws; less is better.",
        r"-\log \tfrac1K \sum_{k=1}^K p(x, z_k) / q(z_k \mid x)", *IWAE,
    ),
    "active_units": Term(
        "Active units", "Dimensions whose mean moves with the picture; the others carry nothing.",
        r"\#\{d : \mathrm{Var}_x\,\mu_d(x) > 0.01\}", *IWAE,
    ),
    "mse": Term(
        "MSE of a pixel", "Mean squared error between a test image and its reconstruction.",
        r"\tfrac1{CHW} \| \mathrm{decode}(\mu(x)) - x \|^2", "core/metrics.py",
    ),
    "frechet": Term(
        "Fréchet distance", "How far samples of a prior lie from test images, in a small "
        "classifier's features with mean m and covariance C. Not the FID of papers, whose network "
        "is another.",
        r"\|m_1 - m_2\|^2 + \mathrm{tr}(C_1 + C_2 - 2 (C_1 C_2)^{1/2})", *FRECHET,
    ),
    "prior_sample": Term(
        "Prior samples", "Decoded draws from N(0, I), or from a Gaussian mixture over the codes.",
        r"\hat x = \mathrm{decode}(z),\quad z \sim \mathcal N(0, I)",
        "Ghosh et al. 2020, From Variational to Deterministic Autoencoders", ARXIV + "1903.12436",
    ),
    # ---- the latent space
    "distance": Term(
        "How usual", "Mean distance of z to the codes of its eight nearest pictures, ranked among "
        "the same of real ones: up to 95% is in the data, beyond 99.5% is off it.",
        r"\tfrac18 \sum_{n=1}^{8} \| z - \mu(x_{(n)}) \|",
        "Sun et al. 2022, Out-of-Distribution Detection with Deep Nearest Neighbors",
        ARXIV + "2204.06507",
    ),
    "log_p": Term(
        "log p(z) (nats)", "The prior's log density at z, and the share of its draws with less. It "
        "is highest at z = 0, though draws lie about √D away from there.",
        r"\log p(z) = -\tfrac12 \|z\|^2 - \tfrac D2 \log 2\pi", *VAE,
    ),
    "traversal": Term(
        "Filmstrip", "What is decoded along one dimension while all others stay, from the 0.5% to "
        "the 99.5% quantile of the codes.",
        r"\mathrm{decode}(z + t\,e_d)", *BETA_VAE,
    ),
    "direction": Term(
        "Direction", "A line through the latent space along which one thing changes: from the "
        "middle of A to that of B, or perpendicular to the boundary between them.",
        r"z + t\,v,\quad v = \bar\mu_B - \bar\mu_A",
        "Larsen et al. 2016, Autoencoding beyond pixels", ARXIV + "1512.09300",
    ),
    "pca": Term(
        "PCA", "The plane on which the codes spread most; z moves exactly within it.",
        r"W (z - \bar\mu),\quad W = \text{first two eigenvectors of } \mathrm{Cov}(\mu)",
        "Pearson 1901, On lines and planes of closest fit", DOI + "10.1080/14786440109462720",
    ),
    "lda": Term(
        "LDA", "The plane that tells the classes apart best.",
        r"\max_w \; w^\top S_{\text{between}}\, w \,/\, w^\top S_{\text{within}}\, w",
        "Fisher 1936, The use of multiple measurements", DOI + "10.1111/j.1469-1809.1936.tb02137.x",
    ),
    "umap": Term(
        "UMAP", "A map that keeps neighbours together; it has no formula for other points.",
        r"\min \sum_{ij} p_{ij} \log \tfrac{p_{ij}}{q_{ij}}"
        r" + (1 - p_{ij}) \log \tfrac{1 - p_{ij}}{1 - q_{ij}}",
        "McInnes et al. 2018, UMAP", ARXIV + "1802.03426",
    ),
    "tsne": Term(
        "t-SNE", "A map that keeps neighbours together; distances between islands mean little.",
        r"\min\, \mathrm{KL}(P \,\|\, Q),\quad q_{ij} \propto (1 + \|y_i - y_j\|^2)^{-1}",
        "van der Maaten and Hinton 2008, Visualizing Data using t-SNE",
        "https://jmlr.org/papers/v9/vandermaaten08a.html",
    ),
    "dimensions": Term(
        "Dimensions", "Two latent dimensions as they are.", r"(z_i, z_j)", *BETA_VAE
    ),
    "line": Term(
        "The line", "A single latent dimension: how many codes lie where.", r"z_0", *VAE
    ),
    "under": Term(
        "Under the dots", "Tiles: what is decoded there, all else of z as it is. Density: how "
        "close the dots lie.",
        r"\mathrm{decode}(\mathrm{lift}(x, y; z))", "core/projection.py",
    ),
    "selection": Term(
        "Selected pictures", "Their classes, the mean of their pixels, and what is decoded from "
        "the mean of their codes.",
        r"\tfrac1M \sum_m x_m \quad\text{and}\quad \mathrm{decode}(\tfrac1M \sum_m \mu(x_m))",
        "explorer/selections.py",
    ),
    "apart": Term(
        "Apart in z", "The length of the straight line from A to B.", r"\|z_B - z_A\|",
        "explorer/shelf.py",
    ),
    # ---- pictures compared
    "psnr": Term(
        "PSNR (dB)", "How near one picture comes to another; 10 dB more is a tenth of the squared "
        "error.",
        r"-10 \log_{10} \mathrm{MSE}", *PSNR,
    ),
    "ssim": Term(
        "SSIM", "Likeness of two pictures in light, contrast and structure; 1 is the same.",
        r"\frac{(2 m_x m_y + c_1)(2 s_{xy} + c_2)}{(m_x^2 + m_y^2 + c_1)(s_x^2 + s_y^2 + c_2)}",
        *SSIM,
    ),
    # ---- repair
    "plain": Term(
        "Plain pass", "The damaged picture encoded and decoded as if nothing were missing.",
        r"\mathrm{decode}(\mu(x_{\text{damaged}}))", *VAE,
    ),
    "repaired": Term(
        "Repaired", "The mean of what the picture may have been, given the pixels that are known; "
        "with the partial encoder, averaged with that network's own estimate.",
        r"\mathbb E[x \mid x_{\text{seen}}] \approx \sum_k w_k\, \hat x_k", *MATCHING,
    ),
    "weights": Term(
        "Weights", "How much each answer counts; those of a class add up to its bar. The power ½, "
        "of the partial encoder's, keeps hundreds of pixels from being too sure.",
        r"w_k \propto \bigl(p(x_{\text{seen}} \mid z_k)\, p(z_k) \,/\,"
        r" q(z_k \mid x_{\text{seen}})\bigr)^{1/2}",
        *MATCHING,
    ),
    "uncertainty": Term(
        "Uncertainty", "Standard deviation of every pixel, given what is seen: what the answers "
        "disagree on, and what each of them leaves open.",
        r"\sqrt{\mathrm{Var}[x \mid x_{\text{seen}}]}", "core/repair.py",
    ),
    "ess": Term(
        "Effective sample size", "How many equally weighted draws those are worth from which the "
        "answers were chosen.",
        r"1 \,/\, \textstyle\sum_n w_n^2",
        "Kong et al. 1994, Sequential Imputations", DOI + "10.1080/01621459.1994.10476469",
    ),
    # ---- walks and attributes
    "lerp": Term("Lerp", "Straight on.", r"(1 - t)\,a + t\,b", *ODDITY),
    "slerp": Term(
        "Slerp", "Along an arc about z = 0, whose distance from it goes evenly from one key's to "
        "the next's.",
        r"\bigl((1 - t)\,\|a\| + t\,\|b\|\bigr)\,\frac{\sin((1 - t)\,\omega)\,\hat a"
        r" + \sin(t\,\omega)\,\hat b}{\sin \omega},\quad \hat a = a / \|a\|",
        "Shoemake 1985, Animating rotation with quaternion curves", DOI + "10.1145/325334.325242",
    ),
    "geodesic": Term(
        "Geodesic", "The path on which the decoded picture travels least.",
        r"\min_\gamma \int \dot\gamma^\top J^\top J\,\dot\gamma \; dt,\quad"
        r" J = \partial\,\mathrm{decode} / \partial z", *ODDITY,
    ),
    "length": Term(
        "Length", "How far the picture travels on the whole walk; a bar is one step of it.",
        r"\sum_n \| \hat x_{n+1} - \hat x_n \|", *ODDITY,
    ),
    "unevenness": Term(
        "Unevenness", "How much the steps differ; 0% is an even pace.",
        r"\mathrm{sd}(\ell) \,/\, \mathrm{mean}(\ell)", "core/walk.py",
    ),
    "correlation": Term(
        "Correlation", "How closely a latent dimension and a measure follow one line: +1 rising, "
        "−1 falling, 0 not at all.",
        r"r = \mathrm{Cov}(\mu_d, a) \,/\, (\mathrm{sd}(\mu_d)\, \mathrm{sd}(a))", *PEARSON,
    ),
    "handwriting": Term(
        "Thickness, slant, width, loops", "Twice the mean distance from a stroke's skeleton to "
        "its edge; the lean by second moments; the width without it; and, our own, enclosed area.",
        r"\text{slant} = \arctan(-m_{11} / m_{02})", *MORPHO,
    ),
    "preparation": Term(
        "From your picture to a digit", "The steps by which MNIST was made: ink on black, scaled "
        "into 20 × 20, its centre of mass in the middle of 28 × 28.",
        r"\textstyle\sum_i x_i\,p_i \,/\, \sum_i x_i = (14, 14)",
        "LeCun et al. 1998, Gradient-based learning", DOI + "10.1109/5.726791",
    ),
}  # fmt: skip
