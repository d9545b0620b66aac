"""Time the training of NAS-Bench networks: this package's loop against plain PyTorch.

The same cells are trained both ways for some steps on random pictures of CIFAR-10's size; reported
are images per second, networks per hour, and the operations per second of convolutions that this
is, beside those of a large matrix product, the most that the device gives. As a case of the
benchmarks networks are small enough for a CPU; ``python -m benchmarks.train_throughput`` takes the
published size and any other. Plain means: one network at a time with all threads, float32, channels
first, torch.optim.RMSprop, a DataLoader with the same augmentation picture by picture, the loss
read at every step. With ``--device cuda`` the package's side takes bfloat16 and several processes
on the one GPU.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import multiprocessing
import time
from multiprocessing.synchronize import Barrier

import numpy as np
import pandas as pd
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from benchmarks.harness import Options, markdown
from shapemetrics.datasets.nasbench import ImageSet, TrainingSettings, build_network, sample_cells
from shapemetrics.datasets.nasbench.devices import numerics
from shapemetrics.datasets.nasbench.fitting import Fit

PUBLISHED_IMAGES = 40_000
#: That networks an hour refer to.
EPOCHS = 12


@dataclasses.dataclass(frozen=True)
class Case:
    """What is trained, and where."""

    device: str
    settings: TrainingSettings
    steps: int
    n_cells: int
    n_images: int

    def images(self) -> ImageSet:
        """Random pictures."""
        rng = np.random.default_rng(0)
        pixels = rng.standard_normal((self.n_images, 3, 32, 32), dtype=np.float32)
        classes = np.arange(self.n_images) % 10
        few = pixels[:1], classes[:1]
        return ImageSet(pixels, classes, *few, *few, ("0",), "random")

    def network(self, number: int) -> torch.nn.Module:
        """The network of one cell, always the same."""
        cell = sample_cells(self.n_cells, seed=1)[number]
        settings = self.settings
        generator = torch.Generator().manual_seed(number)
        return build_network(
            cell, 3, settings.stem_channels, settings.cells_per_stack, generator=generator
        ).to(self.device)


class Pictures(Dataset):
    """Pictures one by one, cropped and mirrored at random."""

    def __init__(self, images: ImageSet) -> None:
        self.pixels, self.classes = torch.from_numpy(images.train_x), images.train_y

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        padded = functional.pad(self.pixels[index], (4,) * 4)
        row, column = torch.randint(9, (2,)).tolist()
        picture = padded[:, row : row + 32, column : column + 32]
        if torch.rand(()) < 0.5:
            picture = picture.flip(2)
        return picture, int(self.classes[index])


def operations(network: torch.nn.Module, side: int = 32) -> int:
    """Additions and multiplications of convolutions and products for one picture, forwards."""
    total = 0

    def count(module: torch.nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal total
        total += 2 * output[0].numel() * module.weight[0].numel()

    kinds = (torch.nn.Conv2d, torch.nn.Linear)
    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, kinds)]
    device = next(network.parameters()).device
    with torch.inference_mode():
        network.eval()(torch.zeros(1, 3, side, side, device=device))
    for hook in hooks:
        hook.remove()
    return total


def peak(device: str, dtype: torch.dtype, threads: int, size: int = 2048) -> float:
    """Operations per second of a product of two square matrices."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    A = torch.ones(size, size, device=device, dtype=dtype)
    try:
        best = math.inf
        for _ in range(4):
            start = time.perf_counter()
            float((A @ A)[0, 0])  # reading a number waits for a GPU
            best = min(best, time.perf_counter() - start)
    finally:
        torch.set_num_threads(before)
    return 2 * size**3 / best


def plain(case: Case) -> float:
    """Images a second of plain PyTorch, one network at a time."""
    loader = DataLoader(
        Pictures(case.images()), case.settings.batch_size, shuffle=True, drop_last=True
    )
    seconds = 0.0
    for number in range(case.n_cells):
        network = case.network(number).train()
        optimizer = torch.optim.RMSprop(
            network.parameters(), lr=0.01, alpha=0.9, momentum=0.9, weight_decay=1e-4
        )
        done = -1  # the first step warms up
        while done < case.steps:
            for pixels, classes in loader:
                if done == 0:
                    start = time.perf_counter()
                optimizer.zero_grad()
                loss = functional.cross_entropy(
                    network(pixels.to(case.device)), classes.to(case.device)
                )
                loss.backward()
                optimizer.step()
                float(loss.detach())
                done += 1
                if done == case.steps:
                    break
        seconds += time.perf_counter() - start
    return case.n_cells * case.steps * case.settings.batch_size / seconds


def _train(case: Case, barrier: Barrier, rates: multiprocessing.Queue) -> None:
    images = case.images()
    with numerics(case.settings, case.device):
        seconds = 0.0
        for number in range(case.n_cells):
            network = case.network(number).to(memory_format=torch.channels_last)
            draws = torch.Generator().manual_seed(number)
            fit = Fit(network, images, case.settings, draws, case.device)
            network.train()
            fit._advance(1)
            barrier.wait()
            start = time.perf_counter()
            fit.total = case.steps + 1
            fit.run()
            seconds += time.perf_counter() - start
    rates.put(case.n_cells * case.steps * case.settings.batch_size / seconds)


def package(case: Case, processes: int) -> float:
    """Images a second of all processes together, each training a network at a time."""
    context = multiprocessing.get_context("spawn")
    barrier, rates = context.Barrier(processes), context.Queue()
    jobs = [context.Process(target=_train, args=(case, barrier, rates)) for _ in range(processes)]
    for job in jobs:
        job.start()
    total = sum(rates.get() for _ in jobs)
    for job in jobs:
        job.join()
    return total


def run(options: Options) -> pd.DataFrame:
    """One row a way of training: networks that a CPU can train, on all devices there are."""
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    settings = TrainingSettings.published(
        EPOCHS,
        stem_channels=16,
        cells_per_stack=1,
        batch_size=64,
        precision="float32" if device == "cpu" else "bfloat16",
    )
    case = Case(device, settings, 3 if options.quick else 30, 2, 1000)
    return compared(case, 2)


def compared(case: Case, processes: int, epochs: int = EPOCHS) -> pd.DataFrame:
    """Both ways, one row each."""
    rates = {"plain, one at a time": plain(case), f"{processes} at once": package(case, processes)}
    slowest = next(iter(rates.values()))
    networks = [case.network(number) for number in range(case.n_cells)]
    # Backwards there are two products for each one forwards.
    step = 3 * sum(map(operations, networks)) / len(networks)
    dtype = torch.bfloat16 if case.settings.precision == "bfloat16" else torch.float32
    most = peak(case.device, dtype, processes)
    return pd.DataFrame(
        {
            "way": name,
            "device": case.device,
            "stem channels": case.settings.stem_channels,
            "images a second": rate,
            f"networks of {epochs} epochs an hour": rate * 3600 / (epochs * PUBLISHED_IMAGES),
            "times faster": rate / slowest,
            "GFLOP/s": rate * step / 1e9,
            "of a matrix product's": rate * step / most,
        }
        for name, rate in rates.items()
    )


def main() -> None:
    """Print both rates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--stem-channels", type=int, default=128, help="published: 128")
    parser.add_argument("--cells-per-stack", type=int, default=3, help="published: 3")
    parser.add_argument("--batch-size", type=int, default=256, help="published: 256")
    parser.add_argument("--steps", type=int, default=100, help="timed steps a network")
    parser.add_argument("--cells", type=int, default=3, help="networks, one after another")
    parser.add_argument("--processes", type=int, default=2, help="networks at once")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="that networks an hour refer to")
    parser.add_argument("--precision", help="by default float32 on the CPU, bfloat16 on a GPU")
    options = parser.parse_args()
    precision = options.precision or ("float32" if options.device == "cpu" else "bfloat16")
    settings = TrainingSettings.published(
        options.epochs,
        stem_channels=options.stem_channels,
        cells_per_stack=options.cells_per_stack,
        batch_size=options.batch_size,
        precision=precision,
    )
    n_images = max(2 * options.batch_size, 1000)
    case = Case(options.device, settings, options.steps, options.cells, n_images)
    print(markdown(compared(case, options.processes, options.epochs)))


if __name__ == "__main__":
    main()
