"""The conformance test, called from a test suite of one's own."""

from my_dataset import MyDataset

from shapemetrics.datasets import check_dataset


def test_my_dataset_keeps_the_contract():
    assert check_dataset(MyDataset()) == 12
