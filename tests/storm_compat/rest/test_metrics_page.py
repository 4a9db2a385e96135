from __future__ import annotations

from pathlib import Path

import pytest

from tests.storm_compat.rest.answers import ANSWER
from tests.storm_compat.rest.served import Site, serve

pytestmark = pytest.mark.timeout(30)


def test_the_page_shows_topologies_and_this_process(tmp_path: Path) -> None:
    async def story(site: Site) -> None:
        topology_id = await site.submit()
        site.world.masters.answers[topology_id] = ANSWER
        status, headers, body = await site.raw("/metrics")
        lines = body.decode().splitlines()
        assert status == 200
        assert headers["Content-Type"].startswith("text/plain; version=")
        assert 'heronry_component_queued_bytes{component="count",topology="wc"} 100.0' in lines
        assert any(line.startswith("process_resident_memory_bytes ") for line in lines)

    serve(tmp_path, story)
