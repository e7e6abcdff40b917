"""A map of the codes for every epoch of a training, turned so that it does not flip or jump.

Principal axes have no sign and swap when their variances cross; from epoch to epoch a map of them
would mirror and spin. Turned onto the epoch before by the orthogonal matrix that fits best, it
only moves as the codes do.
"""

import numpy as np


def plane(mu: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
    """mu (N, D) of one epoch on its two principal axes, (N, 2) float32, centred.

    With `before` (N, 2), the same images one epoch earlier, it is rotated and perhaps mirrored to
    lie as close to it as can be: orthogonal Procrustes (Schönemann 1966), in which no distance
    changes. Of one latent dimension the second column is 0. Raises ValueError if N differ.
    """
    centred = np.asarray(mu, np.float64)
    centred = centred - centred.mean(0)
    _, axes = np.linalg.eigh(centred.T @ centred)  # (D, D), the largest last
    xy = centred @ axes[:, :-3:-1]  # (N, 2), or (N, 1) when D is 1
    if xy.shape[1] < 2:
        xy = np.pad(xy, ((0, 0), (0, 2 - xy.shape[1])))
    if before is not None:
        if before.shape != xy.shape:
            raise ValueError(f"An epoch has {len(xy)} codes, the one before {len(before)}.")
        u, _, v = np.linalg.svd(xy.T @ before)
        xy = xy @ (u @ v)
    return xy.astype(np.float32)
