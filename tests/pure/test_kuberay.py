"""The RayCluster manifest: what Kubernetes reads in it, and what is refused before it is printed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from daftnb import magics
from daftnb.errors import DaftnbError
from daftnb.kuberay import Pool, manifest
from daftnb.settings import AutoscalingSettings
from tests.helpers.releases import needs_token

SETTINGS = AutoscalingSettings(threshold=2.0, downscale=False, idle_seconds=7, survivors=3, linear=True).environment()


@needs_token
def test_the_defaults() -> None:
    cluster = yaml.safe_load(manifest(Pool(), SETTINGS))
    spec = cluster["spec"]
    assert (cluster["apiVersion"], cluster["kind"], cluster["metadata"]) == (
        "ray.io/v1",
        "RayCluster",
        {"name": "daft"},
    )
    assert (spec["enableInTreeAutoscaling"], spec["authOptions"]) == (True, {"mode": "token"})
    assert spec["headGroupSpec"]["rayStartParams"] == {"num-cpus": "0"}
    [group] = spec["workerGroupSpecs"]
    assert (group["minReplicas"], group["replicas"], group["maxReplicas"]) == (1, 1, 4)
    for template in (spec["headGroupSpec"]["template"], group["template"]):
        [container] = template["spec"]["containers"]
        assert {each["name"]: each["value"] for each in container["env"]} == SETTINGS, "and no variable of Ray's beside"
        assert container["image"].startswith(f"rayproject/ray:{spec['rayVersion']}-py3")
        assert container["resources"]["limits"] == container["resources"]["requests"]


@needs_token
@pytest.mark.parametrize(
    ("options", "version", "variable"),
    [("", "v2", None), ("--autoscaler v2", "v2", None), ("--autoscaler v1", None, "0")],
)
def test_each_autoscaler_is_named_in_the_one_way_that_each_kuberay_takes(
    options: str, version: str | None, variable: str | None, capsys: pytest.CaptureFixture[str], clean_settings: None
) -> None:
    """KubeRay refuses the field and the variable together, and before 1.7 tells Ray nothing of version v1."""
    session: Any = type("Session", (), {"settings": AutoscalingSettings()})()
    magics.run(f"env --kuberay {options}", session)
    spec = yaml.safe_load(capsys.readouterr().out)["spec"]
    [container] = spec["headGroupSpec"]["template"]["spec"]["containers"]
    said = {each["name"]: each["value"] for each in container["env"]}
    assert (spec["autoscalerOptions"].get("version"), said.get("RAY_enable_autoscaler_v2")) == (version, variable)
    [group] = spec["workerGroupSpecs"]
    assert group["template"]["spec"]["restartPolicy"] == "Never", "a worker that was taken away stays away"
    assert [each["name"] for each in group["template"]["spec"]["containers"][0]["env"]] == [
        *AutoscalingSettings().environment()
    ]


@needs_token
def test_every_option_is_in_it(capsys: pytest.CaptureFixture[str], clean_settings: None) -> None:
    session: Any = type("Session", (), {"settings": AutoscalingSettings()})()
    line = "env --kuberay --name big --min 0 --max 20 --cpus 8 --memory 32Gi --image me/ray-daft:1"
    magics.run(line, session)
    said = capsys.readouterr().out
    cluster = yaml.safe_load(said)
    [group] = cluster["spec"]["workerGroupSpecs"]
    [container] = group["template"]["spec"]["containers"]
    assert (cluster["metadata"]["name"], group["minReplicas"], group["maxReplicas"]) == ("big", 0, 20)
    assert (container["image"], container["resources"]["limits"]) == ("me/ray-daft:1", {"cpu": "8", "memory": "32Gi"})
    assert "%daft connect ray://big-head-svc:10001" in said
    assert "runtime_env" not in said, "the image has Daft"
    assert "runtime_env" in manifest(Pool(), {})


@pytest.mark.parametrize(
    ("pool", "names"),
    [
        (Pool(name="Big Cluster"), "'Big Cluster'"),
        (Pool(name="x" * 41), "at most 40 characters"),
        (Pool(name="a\nb: c"), "lower-case letters"),
        (Pool(min_workers=5, max_workers=4), "--min 5 --max 4"),
        (Pool(min_workers=-1), "--min -1"),
        (Pool(min_workers=0, max_workers=0), "max at least 1"),
        (Pool(cpus=0), "--cpus 0"),
        (Pool(memory="8 GB"), "'8 GB'"),
        (Pool(autoscaler="v3"), "v1 or v2 (got v3)"),  # type: ignore[arg-type]  # as a caller may
    ],
)
def test_what_kubernetes_would_not_take_is_said(pool: Pool, names: str) -> None:
    with pytest.raises(DaftnbError) as error:
        manifest(pool, {})
    assert names in error.value.what
    assert error.value.remedy.startswith("Try --")


def test_an_option_of_a_manifest_without_one_is_said(clean_settings: None) -> None:
    session: Any = type("Session", (), {"settings": AutoscalingSettings()})()
    with pytest.raises(DaftnbError) as error:
        magics.run("env --max 20", session)
    assert error.value.what == "%daft env: --max is an option of --kuberay."
    assert error.value.remedy == "Try %daft env --kuberay --max 20"


def closed(schema: Any) -> Any:
    """A Kubernetes schema in which a field that it does not name is an error; the API server drops such in silence."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: closed(value) for name, value in schema.items()}
    if made.pop("x-kubernetes-int-or-string", False):
        made["type"] = ["integer", "string"]
    if isinstance(made.get("properties"), dict) and "additionalProperties" not in made:
        made["additionalProperties"] = bool(made.get("x-kubernetes-preserve-unknown-fields"))
    return made


# The schema is KubeRay's and is not kept here; without it the tests above still say what must be in the manifest.
@pytest.mark.skipif(
    "KUBERAY_CRD" not in os.environ, reason="KUBERAY_CRD=…/ray.io_rayclusters.yaml, of KubeRay's source"
)
@pytest.mark.parametrize("pool", [Pool(), Pool("big", 0, 20, 8, "32Gi", "me/ray-daft:1", "v1")])
def test_kuberays_published_schema_takes_it(pool: Pool) -> None:
    import jsonschema

    definition = yaml.safe_load(Path(os.environ["KUBERAY_CRD"]).read_text())
    [schema] = [each["schema"] for each in definition["spec"]["versions"] if each["name"] == "v1"]
    validator = jsonschema.Draft202012Validator(closed(schema["openAPIV3Schema"]))
    cluster = yaml.safe_load(manifest(pool, SETTINGS))
    assert list(validator.iter_errors(cluster)) == []
    cluster["spec"]["workerGroupSpecs"][0]["maxReplica"] = 3
    assert list(validator.iter_errors(cluster)), "a field that is misspelt is seen"
