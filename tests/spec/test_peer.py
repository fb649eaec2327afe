"""saas-metrics, which computes recurring revenue too: on its own sample export both give the same figures."""

import pytest

from tests import bench, bench_peer


@pytest.mark.slow  # the peer comes from the network
def test_every_figure_that_saas_metrics_gives_too_is_the_same(tmp_path):
    if not (tool := bench_peer.installed(tmp_path)):
        pytest.skip("saas-metrics cannot be installed here")
    bench_peer.write(tool, tmp_path, copies=1)
    bench.seconds(*bench_peer.command(tool, tmp_path), folder=tmp_path)
    bench.build(tmp_path / "pack", *bench_peer.order(tmp_path))
    # eight figures of each of 24 months, and two of each of the four quarters that have a year before them
    assert bench_peer.equal_figures(tmp_path, tmp_path / "pack") == 8 * 24 + 2 * 4
