"""Networks: published sizes, and an independent implementation's outputs."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from shapemetrics.datasets.nasbench import (  # noqa: E402
    Cell,
    build_network,
    read_tfrecord,
    sample_cells,
)

CELLS = sample_cells(12, seed=4)
CHAIN = Cell([[0, 1, 0], [0, 0, 1], [0, 0, 0]], ["input", "conv3x3-bn-relu", "output"])


def count(network) -> int:
    return sum(weight.numel() for weight in network.parameters() if weight.requires_grad)


def test_published_parameter_count():
    rows = ["0111100", "0000001", "0000001", "0000001", "0000010", "0000001", "0000000"]
    operations = (
        "input,conv3x3-bn-relu,conv1x1-bn-relu,maxpool3x3,conv3x3-bn-relu,conv3x3-bn-relu,output"
    )
    with torch.device("meta"):
        assert count(build_network(Cell.from_strings("".join(rows), operations))) == 2_694_282


def test_parameter_counts_of_all_real_cells(shared):
    records = {r.hash: r for r in read_tfrecord(shared / "data" / "ecnas_energy_4V9E.tfrecord")}
    # Meta tensors have shapes and no numbers: 91 networks of millions of weights in no time.
    with torch.device("meta"):
        for record in records.values():
            assert count(build_network(record.cell)) == record.trainable_parameters


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.hash[:8])
def test_closed_form_counts_what_torch_has(cell):
    sizes = {
        "in_channels": 2,
        "stem_channels": 13,
        "cells_per_stack": 2,
        "n_classes": 7,
        "stacks": 2,
    }
    assert count(build_network(cell, **sizes)) == cell.trainable_parameters(**sizes)


def copy_weights(own, oracle, cell: Cell) -> None:
    """Give the oracle the same weights; its projections are separate convolutions."""
    pairs = [(own.stem, oracle.layers[0].conv_bn_relu, slice(None))]
    modules = [module for stack in own.stacks for module in stack]
    others = [oracle.layers[i] for i in sorted(oracle.cell_indices)]
    for module, other in zip(modules, others, strict=True):
        start = 0
        for vertex in module.projected:
            stop = start + module.widths[vertex]
            sequence = other.input_op[vertex].conv_bn_relu
            pairs.append((module.projection, sequence, slice(start, stop)))
            start = stop
        for vertex, operation in enumerate(module.operations, start=1):
            if "conv" in cell.operations[vertex]:
                (inner,) = other.vertex_op[vertex].children()
                pairs.append((operation, inner.conv_bn_relu, slice(None)))
    with torch.no_grad():
        for source, (convolution, norm, _), rows in pairs:
            convolution.weight.copy_(source.convolution.weight[rows])
            for name in ("weight", "bias", "running_mean", "running_var"):
                getattr(norm, name).copy_(getattr(source.norm, name)[rows])
        oracle.classifier.weight.copy_(own.classifier.weight)
        oracle.classifier.bias.copy_(own.classifier.bias)


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.hash[:8])
def test_forward_pass_equals_nasbench_pytorch(cell, training):
    model = pytest.importorskip("nasbench_pytorch.model")
    draws = torch.Generator().manual_seed(1)
    own = build_network(cell, stem_channels=10, cells_per_stack=2, generator=draws).double()
    for module in own.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for values in (module.weight, module.bias, module.running_mean):
                torch.nn.init.normal_(values, generator=draws)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0, generator=draws)
    oracle = model.Network(
        (cell.adjacency.astype(int), list(cell.operations)),
        stem_out_channels=10,
        num_modules_per_stack=2,
    ).double()
    copy_weights(own, oracle, cell)
    images = torch.randn(3, 3, 8, 8, generator=draws, dtype=torch.float64)
    own.train(training)
    oracle.train(training)
    with torch.no_grad():
        np.testing.assert_allclose(own(images), oracle(images), rtol=1e-9, atol=1e-9)


def test_layers_and_their_shapes():
    network = build_network(CELLS[0], in_channels=1, stem_channels=16, cells_per_stack=1)
    found = network.activations(torch.zeros(2, 1, 8, 8))
    assert {name: tuple(values.shape) for name, values in found.items()} == {
        "stem": (2, 16, 8, 8),
        "stack1": (2, 16, 8, 8),
        "stack2": (2, 32, 4, 4),
        "stack3": (2, 64, 2, 2),
        "pool": (2, 64),
    }


def test_published_layer_shapes():
    with torch.device("meta"):
        found = build_network(CHAIN).activations(torch.zeros(1, 3, 32, 32))
    assert [tuple(values.shape[1:]) for values in found.values()] == [
        (128, 32, 32),
        (128, 32, 32),
        (256, 16, 16),
        (512, 8, 8),
        (512,),
    ]


def test_odd_sizes_are_pooled_as_tensorflow_does():
    network = build_network(CHAIN, in_channels=1, stem_channels=4)
    found = network.activations(torch.zeros(1, 1, 7, 5))
    assert found["stack2"].shape[2:] == (4, 3)
    assert found["stack3"].shape[2:] == (2, 2)


def test_logits_are_those_of_the_pool():
    network = build_network(CELLS[1], in_channels=1, stem_channels=8, n_classes=4).eval()
    images = torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = network.classifier(network.activations(images)["pool"])
        assert network(images).shape == (5, 4)
        torch.testing.assert_close(network(images), expected)


def test_published_initialisers():
    draws = torch.Generator().manual_seed(0)
    network = build_network(CHAIN, stem_channels=64, cells_per_stack=1, generator=draws)
    weights = network.stacks[2][0].operations[0].convolution.weight.detach()
    fan_in = 256 * 9
    assert float(weights.std()) == pytest.approx(fan_in**-0.5, rel=0.01)
    assert float(weights.abs().max()) <= 2 * fan_in**-0.5 / 0.8796 + 1e-6
    dense = network.classifier.weight.detach()
    bound = (6 / (256 + 10)) ** 0.5
    assert bound * 0.98 < float(dense.abs().max()) <= bound
    assert not network.classifier.bias.any()
    norm = network.stem.norm
    assert (norm.momentum, norm.eps) == (0.003, 1e-5)
    assert bool((norm.weight == 1).all())
    assert not norm.bias.any()


def test_weights_come_from_the_generator_alone():
    def build(seed):
        return build_network(
            CELLS[2], stem_channels=8, generator=torch.Generator().manual_seed(seed)
        )

    before = torch.random.get_rng_state()
    first, second, third = build(5), build(5), build(6)
    assert torch.equal(torch.random.get_rng_state(), before)
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(first.stem.convolution.weight, third.stem.convolution.weight)


def test_unpruned_cells_give_the_pruned_network():
    adjacency = [[0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    cell = Cell(adjacency, ["input", "maxpool3x3", "conv3x3-bn-relu", "output"])
    with torch.device("meta"):
        assert count(build_network(cell)) == count(build_network(CHAIN))


def test_impossible_networks_are_refused():
    with pytest.raises(ValueError, match="is not in the search space"):
        build_network(Cell(np.zeros((2, 2)), ["input", "output"]))
    with pytest.raises(ValueError, match="vertex 1 is 'identity', expected one of"):
        build_network(Cell(CHAIN.adjacency, ["input", "identity", "output"]))
    with pytest.raises(ValueError, match="stem_channels must be at least 1, found 0"):
        build_network(CHAIN, stem_channels=0)
