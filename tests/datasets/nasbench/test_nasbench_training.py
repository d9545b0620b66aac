"""Training, the published optimiser, and the recording of activations."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from shapemetrics.datasets.nasbench import (  # noqa: E402
    TrainingSettings,
    build_network,
    initial_network,
    layer_activations,
    load_images,
    sample_cells,
    train_network,
)
from shapemetrics.datasets.nasbench.activations import calibrate, predict  # noqa: E402
from shapemetrics.datasets.nasbench.optimizer import TensorFlowRMSProp  # noqa: E402
from shapemetrics.datasets.nasbench.training import augment  # noqa: E402

IMAGES = load_images({"n_train": 300, "n_probe": 24})
CELL, OTHER = sample_cells(2, seed=21)
SMALL = TrainingSettings(stem_channels=8, epochs=2, batch_size=50)


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def weights_of(network) -> np.ndarray:
    return np.concatenate([w.detach().numpy().ravel() for w in network.parameters()])


def test_training_learns():
    settings = TrainingSettings(stem_channels=8, epochs=5, batch_size=50)
    trained = train_network(CELL, IMAGES, settings, seed=0)
    # Chance is 0.1.
    assert trained.test_accuracy > 0.6
    assert trained.train_accuracy > 0.6
    assert not trained.diverged
    assert trained.steps == 30
    assert np.isfinite(trained.final_loss)


def test_training_is_reproducible_and_depends_on_the_seed():
    first = train_network(CELL, IMAGES, SMALL, seed=1)
    train_network(OTHER, IMAGES, SMALL, seed=1)
    again = train_network(CELL, IMAGES, SMALL, seed=1)
    other = train_network(CELL, IMAGES, SMALL, seed=2)
    assert np.array_equal(weights_of(first.network), weights_of(again.network))
    assert first.test_accuracy == again.test_accuracy
    assert not np.array_equal(weights_of(first.network), weights_of(other.network))


def test_isomorphic_spellings_share_their_seed_and_networks_do_not():
    first = initial_network(CELL, IMAGES, SMALL, seed=1)
    assert np.array_equal(
        weights_of(first), weights_of(initial_network(CELL.pruned(), IMAGES, SMALL, seed=1))
    )
    stems = [
        initial_network(cell, IMAGES, SMALL, seed=1).stem.convolution.weight
        for cell in (CELL, OTHER)
    ]
    assert not torch.equal(*stems)


def test_training_starts_from_the_initial_network():
    none = TrainingSettings(stem_channels=8, epochs=0, batch_size=50)
    before = initial_network(CELL, IMAGES, none, seed=4)
    after = train_network(CELL, IMAGES, none, seed=4)
    assert after.steps == 0
    for name, values in layer_activations(before, IMAGES.probe_x).items():
        assert np.array_equal(values, layer_activations(after.network, IMAGES.probe_x)[name])


@pytest.mark.parametrize("batch_norm", ["calibrated", "running"])
@pytest.mark.parametrize(("batch_size", "steps"), [(50, None), (150, 2)], ids=["midway", "last"])
def test_divergence_is_marked_and_the_network_stays_usable(batch_norm, batch_size, steps):
    # Step 0 has the rate 0 and step 1 breaks the weights: with two steps in all, no loss tells.
    settings = TrainingSettings(
        stem_channels=8,
        epochs=1,
        batch_size=batch_size,
        learning_rate=1e36,
        batch_norm=batch_norm,
    )
    trained = train_network(CELL, IMAGES, settings, seed=0)
    assert trained.diverged
    assert trained.steps == (steps or 2)
    assert np.isfinite(weights_of(trained.network)).all()
    for values in layer_activations(trained.network, IMAGES.probe_x).values():
        assert np.isfinite(values).all()
    assert 0 <= trained.test_accuracy <= 1


def test_a_batch_must_fit():
    settings = TrainingSettings(batch_size=301)
    with pytest.raises(ValueError, match="batch_size 301 is larger than the 300 training images"):
        train_network(CELL, IMAGES, settings, seed=0)


def moved_averages(shards: int) -> float:
    """How far the stem's running variances went from their start to those of the images."""
    running = dataclasses.replace(SMALL, batch_norm="running", shards=shards)
    first = train_network(CELL, IMAGES, dataclasses.replace(SMALL, shards=shards), seed=3).network
    second = train_network(CELL, IMAGES, running, seed=3).network
    assert np.array_equal(weights_of(first), weights_of(second))
    moved = (1 - second.stem.norm.running_var) / (1 - first.stem.norm.running_var)
    return float(moved.median())


@pytest.mark.parametrize("shards", [1, 2])
def test_running_statistics_are_slow(shards):
    # After 12 steps with a momentum of 0.003 an average still is mostly its start; the shards of
    # a step count as one.
    assert moved_averages(shards) == pytest.approx(1 - 0.997**12, rel=0.35)


def test_shards_are_normalised_by_themselves():
    whole = train_network(CELL, IMAGES, SMALL, seed=3)
    parts = train_network(CELL, IMAGES, dataclasses.replace(SMALL, shards=2), seed=3)
    assert parts.steps == whole.steps == 12
    assert not np.array_equal(weights_of(parts.network), weights_of(whole.network))
    agreement = np.corrcoef(weights_of(parts.network), weights_of(whole.network))[0, 1]
    assert agreement > 0.95


def test_published_settings():
    settings = TrainingSettings.published(36)
    assert settings.epochs == 36
    assert (settings.stem_channels, settings.cells_per_stack, settings.stacks) == (128, 3, 3)
    assert (settings.learning_rate, settings.batch_size, settings.shards) == (0.2, 256, 2)
    assert (settings.weight_decay, settings.momentum, settings.epsilon) == (1e-4, 0.9, 1.0)
    assert (settings.crop_padding, settings.flip, settings.batch_norm) == (4, True, "running")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epoch": 3}, r"unknown training settings \['epoch'\]"),
        ({"batch_norm": "none"}, "batch_norm: found 'none', expected 'calibrated' or 'running'"),
        ({"batch_size": 0}, "batch_size: found 0, expected at least 1"),
        ({"epochs": -1}, "epochs: found -1, expected at least 0"),
    ],
)
def test_wrong_settings_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        TrainingSettings.from_mapping(values)


def test_optimizer_follows_tensorflow_s_definition():
    rng = np.random.default_rng(0)
    start = rng.normal(size=(2, 3))
    weight = torch.nn.Parameter(torch.tensor(start))
    optimizer = TensorFlowRMSProp([weight], decay=0.9, momentum=0.8, epsilon=0.5, weight_decay=0.01)
    expected, square, step = start.copy(), np.ones((2, 3)), np.zeros((2, 3))
    for rate in (0.3, 0.2, 0.05):
        gradient = rng.normal(size=(2, 3))
        optimizer.zero_grad()
        weight.grad = torch.tensor(gradient)
        optimizer.step(rate)
        decayed = gradient + 0.01 * expected
        square = 0.9 * square + 0.1 * decayed**2
        step = 0.8 * step + rate * decayed / np.sqrt(square + 0.5)
        expected = expected - step
        np.testing.assert_allclose(weight.detach().numpy(), expected, rtol=1e-12)


def test_crops_are_shifts_of_the_padded_image():
    settings = TrainingSettings(crop_padding=2)
    pixels = torch.arange(1.0, 1 + 40 * 2 * 25).reshape(40, 2, 5, 5)
    padded = torch.nn.functional.pad(pixels, (2,) * 4)
    found = augment(pixels, settings, torch.Generator().manual_seed(0))
    shifts = set()
    for image, whole in zip(found, padded):
        places = [
            (i, j)
            for i in range(5)
            for j in range(5)
            if torch.equal(image, whole[:, i : i + 5, j : j + 5])
        ]
        assert len(places) == 1
        shifts.update(places)
    assert len(shifts) > 15


def test_flips_mirror_about_half_of_the_images():
    settings = TrainingSettings(flip=True)
    pixels = torch.arange(400.0 * 9).reshape(400, 1, 3, 3)
    found = augment(pixels, settings, torch.Generator().manual_seed(0))
    mirrored = (found == pixels.flip(3)).all(dim=(1, 2, 3)).numpy()
    kept = (found == pixels).all(dim=(1, 2, 3)).numpy()
    assert (mirrored ^ kept).all()
    assert 150 < mirrored.sum() < 250


def test_without_augmentation_images_stay_as_they_are():
    pixels = torch.randn(3, 1, 4, 4)
    assert augment(pixels, SMALL, torch.Generator()) is pixels


def test_activations_are_channels_last_and_those_of_evaluation():
    network = initial_network(CELL, IMAGES, SMALL, seed=0)
    found = layer_activations(network, IMAGES.probe_x, batch_size=7)
    assert {name: values.shape for name, values in found.items()} == {
        "stem": (24, 8, 8, 8),
        "stack1": (24, 8, 8, 8),
        "stack2": (24, 4, 4, 16),
        "stack3": (24, 2, 2, 32),
        "pool": (24, 32),
    }
    assert all(values.dtype == np.float32 for values in found.values())
    assert all(values.flags.c_contiguous for values in found.values())
    np.testing.assert_allclose(found["stack3"].mean(axis=(1, 2)), found["pool"], atol=1e-5)
    # One image at a time gives the same: nothing depends on the batch.
    alone = layer_activations(network, IMAGES.probe_x[5:6])
    for name, values in found.items():
        np.testing.assert_allclose(alone[name][0], values[5], atol=1e-4)


def test_calibration_normalises_every_channel():
    network = build_network(CELL, in_channels=1, stem_channels=8, cells_per_stack=1)
    weights = weights_of(network)
    seen = {}

    def keep(name):
        return lambda module, inputs, output: seen.__setitem__(name, output.detach().clone())

    for name, module in network.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.register_forward_hook(keep(name))
    calibrate(network, IMAGES.train_x)
    assert np.array_equal(weights_of(network), weights)
    predict(network, IMAGES.train_x)
    assert len(seen) > 4
    for values in seen.values():
        # Cloned by the hook, as the rectification that follows works in place.
        spread = values.std(dim=(0, 2, 3))
        assert float(values.mean(dim=(0, 2, 3)).abs().max()) < 5e-3
        # A channel may be dead, and then is constant.
        assert bool(((spread - 1).abs() < 0.02).logical_or(spread < 0.02).all())


def test_calibration_forgets_what_was_before_and_keeps_the_mode():
    network = build_network(CELL, in_channels=1, stem_channels=8, cells_per_stack=1).eval()
    calibrate(network, IMAGES.train_x)
    first = network.stem.norm.running_mean.clone()
    calibrate(network, IMAGES.test_x * 5)
    calibrate(network, IMAGES.train_x)
    assert torch.equal(network.stem.norm.running_mean, first)
    assert not network.training
    assert network.stem.norm.momentum == 0.003


def test_a_black_picture_stays_black_after_a_crop():
    """As published: pictures are padded with black, then standardised."""
    black = torch.tensor([-2.0, -1.5, -1.7])
    pixels = black.view(1, 3, 1, 1).expand(20, 3, 8, 8).contiguous()
    settings = TrainingSettings(crop_padding=3, flip=True)
    found = augment(pixels, settings, torch.Generator().manual_seed(0), black)
    assert torch.equal(found, pixels)
    # Padded with the mean instead, its border would be grey.
    grey = augment(pixels, settings, torch.Generator().manual_seed(0))
    assert not torch.equal(grey, pixels)


def test_training_pads_with_the_black_of_the_pictures(monkeypatch):
    seen = []

    def kept(pixels, changes, padding, black=None):
        seen.append(black)
        return pixels

    monkeypatch.setattr("shapemetrics.datasets.nasbench.fitting.apply_changes", kept)
    settings = dataclasses.replace(SMALL, crop_padding=1, epochs=0.5)
    train_network(CELL, dataclasses.replace(IMAGES, black=(-0.75,)), settings, seed=0)
    assert [black.tolist() for black in seen] == [[-0.75]] * 3


def test_the_training_accuracy_is_of_the_first_pictures():
    settings = dataclasses.replace(SMALL, train_evaluation_images=40)
    trained = train_network(CELL, IMAGES, settings, seed=0)
    logits = predict(trained.network, IMAGES.train_x[:40])
    assert trained.train_accuracy == (logits.argmax(axis=1) == IMAGES.train_y[:40]).mean()
    assert TrainingSettings().train_evaluation_images == 9984
