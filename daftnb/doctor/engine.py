"""Whether the private names of Daft and Ray are there, where Ray is, and what it would take for a token."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from daftnb.doctor.finding import Finding
from daftnb.engine import internals
from daftnb.engine.connection.address import parse
from daftnb.engine.installed import InternalsProbe, Token, token
from daftnb.errors import DaftnbError
from daftnb.text.numbers import plural
from daftnb.text.states import logical

if TYPE_CHECKING:
    from daftnb.session import Session

PART = "engine"
GET_TOKEN = "`ray get-auth-token` prints the cluster's token on its head."


def names(probe: InternalsProbe, told: Mapping[str, str]) -> list[Finding]:
    """Return a finding on the private names, and one for each feature that is off without a known reason.

    ``told``: the features that the session knows to be off. What a release is known to be without is named with the
    names; what can be done about it is said where the feature has its own finding.
    """
    found = probe.result()
    off = {**told, **found.off}
    remedy = "Install the Daft and Ray that this daftnb needs (see versions); queries still run."
    known = {feature for each in internals.INTERNALS if each.lack for feature in each.features}
    lost = [Finding(PART, feature, "problem", text, remedy) for feature, text in off.items() if feature not in known]
    if not found.looked_for:
        return [Finding(PART, "internals", "problem", "Daft is not installed", "pip install daft"), *lost]
    what = f"{found.looked_for} private names of Daft and Ray looked for"
    if lost:
        return [Finding(PART, "internals", "problem", f"{what}: {plural(len(lost), 'feature')} off", remedy), *lost]
    if off:
        return [Finding(PART, "internals", "ok", f"{what}; not with this release: {', '.join(sorted(off))}")]
    return [Finding(PART, "internals", "ok", f"{what}, all are there: no feature is off")]


def ray_address(session: Session | None, environment: Mapping[str, str] | None = None) -> Finding:
    """Return where Ray is for this process, and whether it answers."""
    from daftnb.engine.connection import link as ray_link
    from daftnb.engine.connection import preflight

    name = "Ray's address"
    if session is not None and session.cluster is not None:
        where = f"{session.cluster.address}, of this kernel's own (%daft start)"
        if getattr(session, "disconnected", False):
            what = f"{where}; this kernel is no longer connected to it"
            return Finding(PART, name, "problem", what, "%daft start starts a new one, %daft stop ends it")
        if session.cluster.answers():
            return Finding(PART, name, "ok", f"{where}; it answers")
        return Finding(PART, name, "problem", f"{where}; its head does not answer", "%daft stop, then %daft start")
    if session is not None and session.external is not None:
        whose = "connected by daftnb" if session.external.ours else "connected by this process itself"
        where = f"{session.external.address}, {whose}"
        if session.external.answers():
            return Finding(PART, name, "ok", f"{where}; it answers")
        remedy = "Is the head still running? %daft stop, then %daft connect."
        return Finding(PART, name, "problem", f"{where}; it does not answer", remedy)
    link = ray_link.link()
    if link is not None:
        return Finding(PART, name, "ok", f"{link.address}, connected by this process itself")
    named = (os.environ if environment is None else environment).get("RAY_ADDRESS", "")
    if not named:
        how = "%daft start or %daft connect makes a connection; without one, queries run on Daft's native runner"
        return Finding(PART, name, "ok", f"not connected, and RAY_ADDRESS is not set: {how}")
    try:
        address = parse(named)
        if address.kind in ("gcs", "client"):
            preflight.reach(address)
    except DaftnbError as error:
        remedy = "Correct RAY_ADDRESS, or unset it: %daft connect without an address goes there."
        return Finding(PART, name, "problem", f"RAY_ADDRESS is {named}. {error.what}", remedy)
    return Finding(PART, name, "ok", f"not connected; RAY_ADDRESS is {named}, and takes connections")


def authentication(
    session: Session | None, environment: Mapping[str, str] | None = None, home: Path | None = None
) -> Finding:
    """Return Ray's mode of authentication, and whether there is a token; never the token."""
    found = token(os.environ if environment is None else environment, home or Path.home())
    return judge_token(found, _beyond_loopback(session))


def _beyond_loopback(session: Session | None) -> str | None:
    """Return the address of the Ray that this process is connected to; None if it is on loopback or there is none."""
    from daftnb.engine.connection import link as ray_link

    link = ray_link.link()
    if link is None and (session is None or session.external is None):
        return None
    text = session.external.address if session is not None and session.external is not None else ""
    text = link.address if link is not None else text
    return None if parse(text).loopback else text


def judge_token(found: Token, beyond: str | None) -> Finding:
    """Judge Ray's mode of authentication and the token that was found.

    ``beyond``: the address of a Ray that is not on loopback, as :func:`_beyond_loopback` returns it.
    """
    name = "Ray's token"
    mode = f"mode {found.mode}" if found.mode else "mode not set"
    if found.wrong in ("missing", "empty") and found.mode != "disabled":
        where = "the file that RAY_AUTH_TOKEN_PATH names is missing"
        if found.wrong == "empty":
            where = "the token's file is empty"
        return Finding(PART, name, "problem", f"{mode}, and {where}", GET_TOKEN)
    if found.mode == "token" and found.source is None:
        remedy = f"%env RAY_AUTH_TOKEN=…, or put it into ~/.ray/auth_token. {GET_TOKEN}"
        return Finding(PART, name, "problem", f"{mode}, and there is no token: no connection can be made", remedy)
    if found.wrong == "open":
        detail = f"{mode}; a token is in {found.source}, which others on this machine may read"
        return Finding(PART, name, "warning", detail, f"chmod 600 {found.source}")
    if found.mode == "disabled" and beyond is not None:
        detail = f"{mode}: whoever reaches {beyond} can run code there"
        return Finding(PART, name, "warning", detail, "Start that cluster with RAY_AUTH_MODE=token.")
    there = f"a token is there ({found.source})" if found.source else "no token is there"
    if not found.mode and found.source is None:
        there += ": %daft start makes its own; a cluster that wants one needs RAY_AUTH_MODE=token and its token"
    return Finding(PART, name, "ok", f"{mode}; {there}")


def autoscaler(session: Session | None) -> Finding:
    """Return whether the cluster can grow."""
    name = "autoscaler"
    if session is not None and session.cluster is not None:
        size = session.cluster.size
        detail = f"Ray's own, {size.min_workers} to {size.max_workers} workers of {size.cpus} CPU{logical(size.gpus)}"
        return Finding(PART, name, "ok", detail)
    if session is not None and session.external is not None:
        grows = session.external.grows
        if grows:
            return Finding(PART, name, "ok", f"there is one at {session.external.address}")
        if grows is None:
            return Finding(
                PART, name, "warning", f"{session.external.address} has not said yet whether it has one",
                "Ask again after the first query.",
            )  # fmt: skip
        return Finding(
            PART, name, "warning", f"none at {session.external.address}: that cluster never grows",
            "%daft start has one; elsewhere: ray start --head --autoscaling-config=…, ray up, or KubeRay.",
        )  # fmt: skip
    return Finding(PART, name, "ok", "not connected by daftnb, so not known; the cluster of %daft start has one")
