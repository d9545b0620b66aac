"""The authors' analysis of recordings, key by key, in small: session files with the true layout, a
volume of the true format, and a server that answers ranges.
"""

from __future__ import annotations

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from annotation_volume import write_volume
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform
from session_layout import Layout, write_layout

from shapemetrics import RepresentationStore
from shapemetrics.datasets.allen.anatomy import structure
from shapemetrics.datasets.allen.ccf import COORDINATES
from shapemetrics.datasets.allen.sessions import session_name
from shapemetrics.files import sha256_of
from shapemetrics.pairwise import DistanceMatrix

pytestmark = [pytest.mark.slow, pytest.mark.workflow]

CONFIG = "authors_allen_recordings.yaml"
SESSIONS = (715093703, 719161530)
#: Along each probe: layers, parts, what is excluded, a fibre tract, outside of the brain.
PLACES = ("VISp2/3", "VISp5", "VISam5", "LGd-sh", "CA1", "SUB", "MB", "alv", "")


class _Ranges(SimpleHTTPRequestHandler):
    """Serves files whole and in ranges."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(404)
            return
        content, asked = path.read_bytes(), self.headers.get("Range")
        first, last = 0, len(content) - 1
        if asked:
            begin, _, end = asked.removeprefix("bytes=").partition("-")
            first, last = int(begin), min(int(end or last), last)
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", f'"{len(content)}"')
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        self.wfile.write(content[first : last + 1])

    def log_message(self, format: str, *args: object) -> None:
        pass


def write_bucket(folder: Path) -> None:
    """Two sessions, their tables, and a volume in which each structure has a voxel."""
    for seed, session in enumerate(SESSIONS):
        write_layout(folder / session_name(session), Layout(session, n_units=400, seed=seed))
    listed = "['VISp' 'VISam' nan 'LGd' 'CA1' 'SUB' 'MB' 'grey']"
    pd.DataFrame(
        {
            "id": SESSIONS,
            "session_type": "brain_observatory_1.1",
            "ecephys_structure_acronyms": listed,
        }
    ).to_csv(folder / "sessions.csv", index=False)
    probes = [(10 * s + k, s, f"probe{'ABCDEF'[k]}") for s in SESSIONS for k in range(6)]
    table = pd.DataFrame(probes, columns=["id", "ecephys_session_id", "name"])
    table.to_csv(folder / "probes.csv", index=False)
    volume = np.zeros((12, 5, 4), dtype=int)
    for at, name in enumerate(PLACES):
        volume[at, 2, 3] = structure(name).id if name else 0
    write_volume(folder / "annotation_10.nrrd", volume)
    index = np.tile(np.arange(384), 6)
    channels = pd.DataFrame({"id": 850261194 + 2 * np.arange(len(index))})
    channels["ecephys_structure_acronym"] = "VISp"  # what coordinates are to replace
    channels[COORDINATES[0]] = 10.0 * (index * len(PLACES) // 384) + 5.0
    channels[COORDINATES[1]], channels[COORDINATES[2]] = 25.0, 35.0
    channels.loc[index % 16 == 0, list(COORDINATES)] = np.nan
    channels.to_csv(folder / "channels.csv", index=False)


@pytest.fixture
def bucket(tmp_path):
    folder = tmp_path / "bucket"
    folder.mkdir()
    write_bucket(folder)
    handler = functools.partial(_Ranges, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def test_it_is_planned_without_a_network_and_says_what_to_expect(fresh):
    fresh.config = CONFIG
    jobs = fresh.planned()
    assert jobs["fetch_sessions"] == 1
    assert not {"train_networks", "simulate_sessions"} & set(jobs)
    assert not (fresh.folder / "results").exists()


def test_it_runs_in_small_on_files_with_the_true_layout(fresh, bucket):
    folder, url = bucket
    settings = yaml.safe_load((fresh.folder / "config" / CONFIG).read_text())
    allen = settings["datasets"]["allen"]
    assert (allen["stimulus"], allen["region_by"]) == ("natural_movie_three", "ccf")
    allen |= {"url": url, "annotation": f"{url}annotation_10.nrrd"}
    allen["regions"] |= {"min_units": 5, "n_components": 4, "smoothing": 2}
    settings["analyses"]["embedding"] = {"n_components": 3, "n_init": 3}
    settings["results"] = "results"
    (fresh.folder / "config" / "small.yaml").write_text(yaml.safe_dump(settings))
    fresh.config = "small.yaml"
    tables = [
        "results/geometry/allen/procrustes/embedding.csv",
        "results/learning/allen/procrustes/linkage.csv",
    ]
    output = fresh.run("--cores", "1", *tables)
    assert "allen: 2 sessions list 7 structures, of which 5 can be regions" in output
    assert "K is not in the tables" in output
    store = RepresentationStore(fresh.results / "allen" / "store")
    whole = store.select(half="all")
    assert set(whole.index["structure_acronym"]) == set(PLACES[:6])
    areas = whole.index.set_index("structure_acronym")["area"]
    parts = ["VISp2/3", "VISp5", "VISam5", "LGd-sh"]
    assert areas[parts].tolist() == ["VISp", "VISp", "VISam", "LGd"]
    for array in whole.arrays():
        assert array.shape == (40, 4)
        assert np.linalg.norm(array) == pytest.approx(1.0)
    facts = store.metadata
    digest = sha256_of(folder / "annotation_10.nrrd")
    assert facts["annotation"] == [
        f"annotation_10.nrrd (sha256 {digest}) at coordinates of channels.csv"
    ]
    for session in SESSIONS:
        dropped = facts["dropped_units_by_session"][str(session)]
        assert min(dropped[r] for r in ("no_coordinates", "fiber_tract", "no_structure")) > 0
    matrix = DistanceMatrix.load(
        fresh.results / "distances" / "allen" / "regions" / "procrustes" / "distances.npz"
    )
    assert matrix.values.max() <= np.sqrt(2) + 1e-9
    tree = pd.read_csv(fresh.folder / tables[1])
    heights = linkage(squareform(matrix.values, checks=False), "ward")[:, 2]
    np.testing.assert_allclose(tree["height"], heights, rtol=1e-8)
    points = pd.read_csv(fresh.folder / tables[0])
    assert {"pc1", "pc2", "pc3"} <= set(points)
    assert len(points) == 6
    # The volume is there once, beside its digest.
    kept = fresh.results / "allen" / "downloads" / "annotation_10.nrrd"
    assert kept.with_name(kept.name + ".sha256").read_text().split()[0] == digest
