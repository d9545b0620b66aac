"""Distances for tests of analyses: angles between points, and a target that depends on them."""

from __future__ import annotations

import numpy as np


def angles_and_target(n_items: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Angles between points of 20 dimensions and 80 more of noise, and one number per point.

    Gaussian kernels of the angles are positive definite where they are narrow, and indefinite
    where they are wide.
    """
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(n_items, 20)) * np.linspace(1.5, 0.5, 20)
    points = np.hstack([signal, 0.35 * rng.normal(size=(n_items, 80))])
    points /= np.linalg.norm(points, axis=1)[:, None]
    angles = np.arccos(np.clip(points @ points.T, -1.0, 1.0))
    angles = (angles + angles.T) / 2
    np.fill_diagonal(angles, 0.0)
    noise = 0.5 * rng.normal(size=n_items)
    return angles, np.tanh(signal[:, 0]) + 0.5 * signal[:, 1] * signal[:, 2] + noise
