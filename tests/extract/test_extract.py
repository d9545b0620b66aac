"""Layers' responses to stimuli: equal to what a forward pass by hand gives, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from shapemetrics import RepresentationStore  # noqa: E402
from shapemetrics.extract import extract, list_layers, load_model, read_stimuli  # noqa: E402


class Residual(nn.Module):
    """A residual block whose activation works in place, and is used twice."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.relu(x + self.conv2(self.relu(self.norm(self.conv1(x)))))


class Convolutional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.blocks = nn.Sequential(Residual(8), Residual(8))
        self.head = nn.Linear(8, 5)
        self.unused = nn.Linear(2, 2)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)).mean(dim=(2, 3)))


@dataclass
class ModelOutput:
    last_hidden_state: torch.Tensor
    pooler_output: torch.Tensor
    attentions: None = None


class Transformer(nn.Module):
    """Patches, a CLS token and two encoder layers; returns a dataclass, as Hugging Face does."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 4, stride=4)
        self.cls = nn.Parameter(torch.randn(1, 1, 16))
        layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, pixel_values):
        tokens = self.patches(pixel_values).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.cls.expand(len(tokens), -1, -1), tokens], dim=1)
        tokens = self.encoder(tokens)
        return ModelOutput(tokens, tokens[:, 0].tanh())


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3, 6, batch_first=True)
        self.conv = nn.Conv1d(3, 4, 3)

    def forward(self, x):
        self.conv(x.transpose(1, 2))
        return self.lstm(x)


@pytest.fixture
def pictures() -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(10, 3, 8, 8)


@pytest.fixture
def model() -> Convolutional:
    torch.manual_seed(1)
    return Convolutional()


def test_maps_are_those_of_a_forward_pass_and_in_place_activations_do_not_reach_them(
    model, pictures
):
    found = extract(model, pictures, ["stem", "blocks.?", "output"], batch_size=4)
    assert list(found) == ["stem", "blocks.0", "blocks.1", "output"]
    assert found.stimuli == list(range(10))
    model.eval()
    with torch.no_grad():
        stem = model.stem(pictures)
        np.testing.assert_allclose(found["stem"], stem.permute(0, 2, 3, 1).numpy(), atol=1e-6)
        np.testing.assert_allclose(found["output"], model(pictures).numpy(), atol=1e-6)
    assert (found["stem"] < 0).any()  # the block's activation would have made them zero
    assert found["blocks.1"].shape == (10, 8, 8, 8)


def test_what_is_listed_is_what_is_extracted(model, pictures):
    table = list_layers(model, pictures[:1]).set_index("layer")
    assert table.loc["unused", "calls"] == 0
    assert table.loc["unused", "shape"] == ""
    assert table.loc["blocks.0.relu", "calls"] == 2
    names = [name for name in table.index if table.loc[name, "calls"] == 1]
    for name, array in extract(model, pictures, names).items():
        assert table.loc[name, "shape"] == "x".join(map(str, array.shape[1:]))
        assert table.loc[name, "bytes"] == array[0].nbytes


def test_reductions_of_the_grid(model, pictures):
    whole = extract(model, pictures, "stem")["stem"]
    flat = whole.reshape(10, -1, 8)

    def reduced(**options):
        return extract(model, pictures, "stem", **options)["stem"]

    np.testing.assert_allclose(reduced(positions="mean"), flat.mean(axis=1), atol=1e-6)
    np.testing.assert_array_equal(reduced(positions="first"), flat[:, 0])
    np.testing.assert_array_equal(reduced(positions="flatten"), whole.reshape(10, -1))
    sampled = reduced(positions="sample", n_positions=5, seed=3)
    drawn = np.sort(np.random.default_rng([3, 64]).choice(64, 5, replace=False))
    np.testing.assert_array_equal(sampled, flat[:, drawn])
    assert reduced(positions="sample", n_positions=500).shape == (10, 64, 8)


def test_tokens_dataclasses_and_keyword_batches(pictures):
    torch.manual_seed(0)
    model = Transformer()
    batches = [{"pixel_values": part} for part in pictures.split(4)]
    layers = ["encoder.layers.*", "output", "output:pooler_output"]
    found = extract(model, batches, ["encoder.layers.[01]", *layers[1:]])
    assert found["encoder.layers.1"].shape == (10, 5, 16)
    np.testing.assert_allclose(found["output"], found["encoder.layers.1"], atol=1e-6)
    np.testing.assert_allclose(
        found["output:pooler_output"], np.tanh(found["output"][:, 0]), atol=1e-6
    )
    cls = extract(model, batches, "encoder.layers.1", positions="first")
    np.testing.assert_array_equal(cls["encoder.layers.1"], found["encoder.layers.1"][:, 0])


def test_tuples_and_channels_first_sequences():
    torch.manual_seed(0)
    model, sequences = Recurrent(), torch.randn(6, 7, 3)
    found = extract(model, sequences, ["lstm", "conv"])
    with torch.no_grad():
        np.testing.assert_allclose(found["lstm"], model.lstm(sequences)[0].numpy(), atol=1e-6)
        expected = model.conv(sequences.transpose(1, 2)).transpose(1, 2)
    np.testing.assert_allclose(found["conv"], expected.numpy(), atol=1e-6)


def test_other_layouts_are_told():
    class TimeFirst(nn.Module):
        def forward(self, x):
            return x.transpose(0, 1)

    model = nn.Sequential(TimeFirst())
    x = torch.randn(6, 7, 3)
    with pytest.raises(ValueError, match=r"layer '0': found \(7, 6, 3\) for a batch of 6 stim"):
        extract(model, x, "0")
    found = extract(model, x, "0", layouts={"0": "LNC"})
    np.testing.assert_array_equal(found["0"], x.numpy())
    with pytest.raises(ValueError, match=r"layer '0': found shape \(7, 6, 3\), expected 4 axes"):
        extract(model, x, "0", layouts={"0": "NHWC"})


@pytest.mark.parametrize("precision", ["float16", "bfloat16", "float32", "float64"])
def test_any_precision(precision):
    torch.manual_seed(0)
    model = nn.Linear(4, 3).to(getattr(torch, precision))
    x = torch.randn(5, 4)
    found = extract(model, x, "output")["output"]
    assert found.dtype == ("float32" if precision == "bfloat16" else precision)
    with torch.no_grad():
        expected = model(x.to(getattr(torch, precision))).float()
    np.testing.assert_array_equal(found.astype(np.float32), expected.numpy())
    assert extract(model, x, "output", dtype="float64")["output"].dtype == np.float64


def test_loaders_with_labels_keep_the_order(model, pictures):
    data = torch.utils.data.TensorDataset(pictures, torch.arange(10))
    loader = torch.utils.data.DataLoader(data, batch_size=3)
    ids = [f"picture{i}" for i in range(10)]
    found = extract(model, loader, "head", stimuli=ids)
    assert found.stimuli == ids
    np.testing.assert_allclose(found["head"], extract(model, pictures, "head")["head"], atol=1e-6)


def test_a_store_holds_the_same_arrays_and_nothing_is_left_beside_it(model, pictures, tmp_path):
    ids = [f"picture{i}" for i in range(10)]
    options = {"layers": ["stem", "head"], "stimuli": ids, "batch_size": 4}
    store = extract(
        model, pictures, **options, store=tmp_path / "store", name="cnn", covariates={"seed": 1}
    )
    assert isinstance(store, RepresentationStore)
    assert store.ids == ["cnn.stem", "cnn.head"]
    assert list(store.stimuli) == ids
    assert store.index["layer"].tolist() == ["stem", "head"]
    assert store.index["seed"].tolist() == [1, 1]
    for layer, array in extract(model, pictures, **options).items():
        np.testing.assert_array_equal(store.load(f"cnn.{layer}"), array)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_tokens_in_a_store_are_a_grid_and_no_trials(pictures, tmp_path):
    store = extract(Transformer(), pictures, "encoder", store=tmp_path / "store")
    assert store.load("encoder").shape == (10, 1, 5, 16)


def hooks(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in model.modules())


def test_models_are_left_as_they_were_also_after_an_error(model, pictures, tmp_path):
    model.train()
    model.blocks[0].norm.eval()  # a frozen one
    before = {name: value.clone() for name, value in model.state_dict().items()}
    extract(model, pictures, "head")
    list_layers(model, pictures)
    for options in ({}, {"store": tmp_path / "store"}):
        with pytest.raises(ValueError, match="NaN"):
            extract(model, pictures * torch.nan, "head", **options)
    assert hooks(model) == 0
    assert model.training
    assert model.blocks[1].norm.training
    assert not model.blocks[0].norm.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert list(tmp_path.iterdir()) == []


def test_what_is_wrong_is_one_line_with_the_layers_name(model, pictures):
    def refused(match, *, batches=pictures, layers="head", error=ValueError, **options):
        with pytest.raises(error, match=match) as caught:
            extract(model, batches, layers, **options)
        assert "\n" not in str(caught.value)

    refused("layers: found 'haed', which matches none of .*'head'", layers=["stem", "haed"])
    refused("layers: found none", layers=[])
    refused("layer 'unused': found no call", layers=["stem", "unused"])
    refused("layer 'blocks.0.relu': found 2 calls.*calls='first'", layers="blocks.0.relu")
    refused("stimuli: found 9 identifiers, expected 10", stimuli=list(range(9)))
    refused("batches: found none", batches=[])
    refused("batches: found a list", batches=[[[1.0]]], error=TypeError)
    refused("batches: found a int", batches=3, error=TypeError)
    refused("n_positions", positions="sample")
    refused("positions", positions="max")
    broken = pictures.clone()
    broken[7] = torch.inf
    refused("layer 'stem': found .* first for stimulus 'p7'", layers="stem", batches=broken,
            stimuli=[f"p{i}" for i in range(10)], batch_size=4)  # fmt: skip
    varying = [pictures[:5], pictures[5:, :, :6]]
    refused(r"'stem': found shape \(6, 8, 8\) in batch 1, expected \(8, 8, 8\)", layers="stem",
            batches=varying)  # fmt: skip
    with pytest.raises(TypeError, match="model: found a list"):
        extract([model], pictures, "head")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"several tensors .*'output:hidden'"):
        extract(Several(), pictures, "output")


class Several(nn.Module):
    def forward(self, x):
        return {"hidden": x, "other": x}


def test_layers_that_are_called_twice_can_be_chosen_from(model, pictures):
    first, last = (
        extract(model, pictures, "blocks.0.relu", calls=calls)["blocks.0.relu"]
        for calls in ("first", "last")
    )
    np.testing.assert_array_equal(last, extract(model, pictures, "blocks.0")["blocks.0"])
    assert not np.array_equal(first, last)


def test_images_of_a_folder_and_arrays(tmp_path):
    image = pytest.importorskip("PIL.Image")
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, size=(3, 6, 6, 3), dtype=np.uint8)
    for i in (2, 0, 1):
        image.fromarray(pixels[i]).save(folder / f"p{i}.png")
    (folder / "notes.txt").write_text("no picture")
    found = read_stimuli(folder)
    assert found.ids == ["p0", "p1", "p2"]
    batches = list(found.batches(2))
    expected = pixels.transpose(0, 3, 1, 2) / np.float32(255)
    np.testing.assert_allclose(torch.cat(batches).numpy(), expected)
    prepared = read_stimuli(folder, lambda picture: torch.tensor(picture.size))
    assert next(prepared.batches(3)).tolist() == [[6, 6]] * 3
    image.fromarray(pixels[0][:4]).save(folder / "p9.png")
    with pytest.raises(ValueError, match=r"found \(3, 4, 6\) for p9.png, expected \(3, 6, 6\)"):
        list(read_stimuli(folder).batches(4))
    with pytest.raises(ValueError, match="found no image"):
        read_stimuli(tmp_path)
    with pytest.raises(ValueError, match="expected a folder of images or an"):
        read_stimuli(folder / "notes.txt")


def test_models_by_name(tmp_path):
    (tmp_path / "my_models_for_tests.py").write_text(
        "from torch import nn\ndef net(): return nn.Linear(4, 2)\n"
        "def both(): return nn.Linear(4, 2), abs\ndef wrong(): return 3\n"
    )
    model, prepare = load_model("my_models_for_tests:net", tmp_path)
    assert isinstance(model, nn.Linear)
    assert prepare is None
    assert load_model("my_models_for_tests:both", tmp_path)[1] is abs
    for name, error, match in (
        ("net", ValueError, "expected module:function"),
        ("no_such_module_here:net", ValueError, "cannot import"),
        ("my_models_for_tests:absent", ValueError, "no function 'absent'"),
        ("my_models_for_tests:wrong", TypeError, "return a int"),
    ):
        with pytest.raises(error, match=match):
            load_model(name, tmp_path)
