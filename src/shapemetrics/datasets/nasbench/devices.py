"""Where PyTorch computes, and how precisely."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from .settings import TrainingSettings


def resolve_device(name: str, job: int = 0) -> str:
    """Name the device of one job.

    Parameters
    ----------
    name : str
        "cpu", "cuda" (jobs take the machine's GPUs in turn), or one GPU such as "cuda:1".
    job : int, default 0
        Number of the job.

    Raises
    ------
    ValueError
        If there is no such device.
    """
    kind, _, number = name.partition(":")
    if kind == "cpu" and not number:
        return "cpu"
    if kind != "cuda" or (number and not number.isdigit()):
        raise ValueError(f"device {name!r} is unknown, expected 'cpu', 'cuda' or 'cuda:<number>'")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    wanted = int(number) if number else job % max(count, 1)
    if wanted >= count:
        raise ValueError(f"device {name!r} is not there: PyTorch {torch.__version__} finds {count}")
    return f"cuda:{wanted}"


@contextmanager
def numerics(settings: TrainingSettings, device: str) -> Iterator[None]:
    """Compute as the settings say: the same sums each time, TF32 only where it is asked for.

    On the CPU, one thread: jobs share the cores, and the order of sums stays the same.
    """
    threads = torch.get_num_threads()
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = (cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32)
    tf32 = settings.precision != "float32"
    if device == "cpu":
        torch.set_num_threads(1)
    cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32 = (
        True,
        False,
        tf32,
        tf32,
    )
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32 = before


def autocast(settings: TrainingSettings, device: str) -> AbstractContextManager:
    """Mixed precision around a forward pass, if the settings ask for it."""
    if settings.precision != "bfloat16":
        return nullcontext()
    return torch.autocast(device.partition(":")[0], dtype=torch.bfloat16)
