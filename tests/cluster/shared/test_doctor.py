"""doctor with a real cluster: where Ray is, its token and its autoscaler are told, the token itself is not."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from daftnb.doctor.html import findings_html
from daftnb.doctor.report import doctor_text, examine

if TYPE_CHECKING:
    from daftnb.session import Session

pytestmark = [pytest.mark.cluster]


def test_a_cluster_that_runs_is_found_well(session: Session) -> None:
    assert session.cluster is not None
    found = examine(session)
    by_name = {finding.name: finding for finding in found}
    address = session.cluster.address
    assert by_name["Ray's address"].detail == f"{address}, of this kernel's own (%daft start); it answers"
    assert by_name["autoscaler"].detail == "Ray's own, 1 to 3 workers of 1 CPU"
    assert by_name["embedded cluster"].detail == f"runs, at {address}"
    assert by_name["Ray's token"].detail == f"mode token; a token is there ({session.cluster.token_path})"
    assert by_name["internals"].detail.endswith("all are there: no feature is off")
    assert by_name["RAY_AUTH_TOKEN_PATH"].detail == str(session.cluster.token_path)
    assert [finding for finding in found if finding.rank == "problem"] == []
    token = session.cluster.token_path.read_text()
    assert len(token) == 64
    for said in (doctor_text(found), findings_html(found), json.dumps([asdict(finding) for finding in found])):
        assert token not in said
