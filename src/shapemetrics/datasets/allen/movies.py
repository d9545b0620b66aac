"""What simulated animals see, and features of it that grow deeper level by level.

Pictures are windows on scikit-learn's two sample photographs. Features come from a small
convolutional cascade with fixed random filters: each level sees a larger part of the picture, is
less linear, and integrates over a longer time, as levels of the visual hierarchy do.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.signal import lfilter

from shapemetrics.datasets.allen.stimuli import Stimulus

SIDE = 48
LEVELS = 6
CHANNELS = 16
#: Principal components kept of each level.
COMPONENTS = 40
#: Published conditions: orientations in degrees, temporal frequencies in Hz, pictures.
ORIENTATIONS = tuple(range(0, 360, 45))
FREQUENCIES = (1.0, 2.0, 4.0, 8.0, 15.0)
N_SCENES = 118


def photographs() -> list[np.ndarray]:
    """scikit-learn's sample photographs as grey pictures with values from 0 to 1."""
    from sklearn.datasets import load_sample_images

    return [image.mean(axis=2) / 255.0 for image in load_sample_images().images]


def conditions(kind: Stimulus, n_frames: int | None = None) -> dict[str, np.ndarray]:
    """Columns of conditions, one entry a stimulus, in the order of :func:`pictures`."""
    if kind.movie:
        return {"frame": np.arange(n_frames or 900, dtype=float)}
    if kind.name == "natural_scenes":
        return {"frame": np.arange(N_SCENES, dtype=float)}
    grid = [(o, f) for o in ORIENTATIONS for f in FREQUENCIES]
    orientation, frequency = np.array(grid, dtype=float).T
    return {"orientation": orientation, "temporal_frequency": frequency}


def pictures(kind: Stimulus, rng: np.random.Generator, n_frames: int | None = None) -> np.ndarray:
    """Pictures of shape (stimuli, SIDE, SIDE), values from 0 to 1.

    A movie pans over the photographs along a smooth path and cuts from one to the other; scenes are
    windows at random places; gratings drift too fast to matter here, so one phase each stands for
    its orientation, and contrast falls with temporal frequency.
    """
    if kind.name == "drifting_gratings":
        columns = conditions(kind)
        theta = np.deg2rad(columns["orientation"])[:, None, None]
        y, x = np.mgrid[:SIDE, :SIDE] / SIDE
        wave = np.sin(2 * np.pi * 4 * (x * np.cos(theta) + y * np.sin(theta)))
        contrast = np.exp(-columns["temporal_frequency"] / 8.0)[:, None, None]
        return 0.5 + 0.5 * contrast * wave
    photos = photographs()
    number = len(conditions(kind, n_frames)["frame"])
    if kind.movie:
        places = _path(number, rng)
        # A cut every tenth of the movie, as real clips have.
        source = (np.arange(number) * 10 // number) % len(photos)
    else:
        places = rng.random((number, 2))
        source = np.arange(number) % len(photos)
    return np.stack([_window(photos[s], place) for s, place in zip(source, places)])


def features(kind: Stimulus, shown: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """Features by level, each (stimuli, COMPONENTS) or fewer, of mean square one.

    Parameters
    ----------
    kind : Stimulus
        Whether time runs along the stimuli.
    shown : ndarray of shape (stimuli, SIDE, SIDE)
    rng : numpy.random.Generator
        Draws the filters.

    Returns
    -------
    list of ndarray
        Shallow to deep.
    """
    maps = (shown - shown.mean())[..., None].astype(np.float32)
    result = []
    for level in range(LEVELS):
        size = 5 if level == 0 else 3
        filters = rng.standard_normal((size, size, maps.shape[-1], CHANNELS)).astype(np.float32)
        filters -= filters.mean(axis=(0, 1), keepdims=True) * (level == 0)
        maps = _layer(maps, filters)
        if kind.movie:
            # Leaky integration; over levels the time constants add up.
            decay = level / (level + 1.5)
            maps = lfilter([1 - decay], [1, -decay], maps, axis=0).astype(np.float32)
        result.append(_components(maps.reshape(len(maps), -1)))
    return result


def _path(number: int, rng: np.random.Generator) -> np.ndarray:
    """A smooth walk in the unit square."""
    time = np.linspace(0, 1, number)[:, None]
    cycles = rng.uniform(1.0, 6.0, (2, 3))
    phases = rng.uniform(0, 2 * np.pi, (2, 3))
    waves = np.sin(2 * np.pi * cycles[None] * time[..., None] + phases[None]).sum(axis=2)
    low, high = waves.min(axis=0), waves.max(axis=0)
    return (waves - low) / (high - low)


def _window(photo: np.ndarray, place: np.ndarray, zoom: int = 3) -> np.ndarray:
    """A window of SIDE x SIDE pixels, each the mean of zoom x zoom pixels of the photograph."""
    span = SIDE * zoom
    top, left = (np.array(photo.shape) - span) * place
    part = photo[int(top) : int(top) + span, int(left) : int(left) + span]
    return part.reshape(SIDE, zoom, SIDE, zoom).mean(axis=(1, 3))


def _layer(maps: np.ndarray, filters: np.ndarray, chunk: int = 64) -> np.ndarray:
    """Convolve, rectify, divide by the local mean activity, and pool 2 x 2 where there is room."""
    size, _, n_in, n_out = filters.shape
    flat = filters.reshape(-1, n_out) / (np.sqrt(size * size * n_in) * maps.std())
    pad = size // 2
    padded = np.pad(maps, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode="reflect")
    parts = []
    for start in range(0, len(maps), chunk):
        windows = sliding_window_view(padded[start : start + chunk], (size, size), axis=(1, 2))
        columns = windows.transpose(0, 1, 2, 4, 5, 3)
        shape = columns.shape[:3]
        out = columns.reshape(-1, flat.shape[0]) @ flat
        out = out.reshape(*shape, n_out)
        out = np.maximum(out, 0)
        out /= out.mean(axis=-1, keepdims=True) + 0.1
        if shape[1] >= 6:
            half = shape[1] // 2
            out = out[:, : 2 * half, : 2 * half]
            out = out.reshape(shape[0], half, 2, half, 2, n_out).mean(axis=(2, 4))
        parts.append(out)
    return np.concatenate(parts)


def _components(flat: np.ndarray) -> np.ndarray:
    """Leading principal components, scaled together to mean square one."""
    centred = (flat - flat.mean(axis=0)).astype(np.float64)
    if flat.shape[0] <= flat.shape[1]:
        values, vectors = np.linalg.eigh(centred @ centred.T)
        scores = vectors * np.sqrt(np.maximum(values, 0))
    else:
        _, vectors = np.linalg.eigh(centred.T @ centred)
        scores = centred @ vectors
    scores = scores[:, ::-1][:, :COMPONENTS]
    return scores / np.sqrt((scores**2).sum(axis=1).mean())
