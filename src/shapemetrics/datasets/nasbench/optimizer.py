"""The optimiser that NAS-Bench-101 was trained with: RMSProp as TensorFlow defines it."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


class TensorFlowRMSProp:
    """RMSProp with momentum and L2 decay, by TensorFlow's definition.

    Parameters
    ----------
    parameters : iterable of Tensor
        Weights to train; all of them decay.
    decay : float, default 0.9
        Memory of the mean square.
    momentum : float, default 0.9
        Memory of the step.
    epsilon : float, default 1.0
        Added to the mean square, inside the square root.
    weight_decay : float, default 1e-4
        Factor of the weights in the gradient.

    Notes
    -----
    For a weight w with gradient g, s starting from 1 and v from 0::

        g <- g + weight_decay w
        s <- decay s + (1 - decay) g^2
        v <- momentum v + rate g / sqrt(s + epsilon)
        w <- w - v

    `torch.optim.RMSprop` adds epsilon outside the square root, starts s from 0, and applies the
    rate to v, so that a changing rate also rescales past steps. With epsilon = 1 (Ying et al.
    2019) small gradients are hardly rescaled at all, and the difference decides how a run goes.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        decay: float = 0.9,
        momentum: float = 0.9,
        epsilon: float = 1.0,
        weight_decay: float = 1e-4,
    ) -> None:
        self.parameters = list(parameters)
        self.decay = decay
        self.momentum = momentum
        self.epsilon = epsilon
        self.weight_decay = weight_decay
        self._squares = [torch.ones_like(weight) for weight in self.parameters]
        self._steps = [torch.zeros_like(weight) for weight in self.parameters]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for weight in self.parameters:
            weight.grad = None

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Change the weights once, at a learning rate."""
        gradients = torch._foreach_add(
            [weight.grad for weight in self.parameters], self.parameters, alpha=self.weight_decay
        )
        torch._foreach_mul_(self._squares, self.decay)
        torch._foreach_addcmul_(self._squares, gradients, gradients, value=1 - self.decay)
        scales = torch._foreach_add(self._squares, self.epsilon)
        torch._foreach_sqrt_(scales)
        torch._foreach_mul_(self._steps, self.momentum)
        torch._foreach_addcdiv_(self._steps, gradients, scales, value=rate)
        torch._foreach_sub_(self.parameters, self._steps)
