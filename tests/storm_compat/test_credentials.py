from __future__ import annotations

import pytest

from storm_compat.credentials import refuse_foreign
from storm_compat.errors import NotAuthorized

CONF = {"topology.submitter.principal": "", "topology.submitter.user": "ann"}


@pytest.mark.parametrize("owner", [None, "ann"])
def test_the_owner_and_who_does_not_say_may_upload(owner: str | None) -> None:
    refuse_foreign("wc-1-2", CONF, owner)


def test_a_principal_counts_as_well_as_a_user() -> None:
    refuse_foreign("wc-1-2", {**CONF, "topology.submitter.principal": "ann@REALM"}, "ann@REALM")


def test_others_are_refused_with_storms_text() -> None:
    with pytest.raises(NotAuthorized) as caught:
        refuse_foreign("wc-1-2", CONF, "eve")
    assert str(caught.value) == "wc-1-2 is expected to be owned by eve but is actually owned by ann"
