"""The list of settings: what is read, what is refused, and what is told."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daftnb.errors import SettingError
from daftnb.settings import SETTINGS, AutoscalingSettings, assign, find


def test_the_documented_defaults_hold_where_nothing_is_set() -> None:
    assert AutoscalingSettings.read({}).environment() == {
        "DAFT_AUTOSCALING_THRESHOLD": "1.25",
        "DAFT_AUTOSCALING_DOWNSCALE_ENABLED": "1",
        "DAFT_AUTOSCALING_DOWNSCALE_IDLE_SECONDS": "60",
        "DAFT_AUTOSCALING_MIN_SURVIVOR_WORKERS": "1",
        "DAFT_SCHEDULER_LINEAR": "0",
    }


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("threshold", "0.5", "threshold cannot be '0.5': it must be at least 1.0"),
        ("threshold", "nan", "it is not a finite number"),
        ("threshold", "1_0", "it is not a number"),
        ("threshold", "", "it is not a number"),
        ("idle_seconds", "-1", "it must be at least 0"),
        ("idle_seconds", "1.5", "it is not a whole number"),
        ("idle_seconds", "٣", "it is not a whole number"),
        ("survivors", "9" * 30, "it must be at most 9223372036854775807"),
        ("downscale", "maybe", "it is neither 1/true nor 0/false"),
        ("linear", "2", "it is neither 1/true nor 0/false"),
    ],
)
def test_a_wrong_value_is_refused_with_its_reason_and_the_next_step(name: str, text: str, said: str) -> None:
    environment: dict[str, str] = {}
    with pytest.raises(SettingError) as caught:
        assign(name, text, environment)
    assert said in caught.value.what
    assert caught.value.remedy.startswith(f"Try %daft set {name}=")
    assert environment == {}
    read = AutoscalingSettings.read({SETTINGS[name].env: text})
    assert read == AutoscalingSettings()
    assert len(read.problems) == 1
    assert SETTINGS[name].env in read.problems[0]


def test_a_name_that_is_nearly_right_is_named() -> None:
    with pytest.raises(SettingError) as caught:
        find("treshold")
    assert caught.value.remedy == "Try %daft set threshold=…"
    assert find("idle-seconds") is SETTINGS["idle_seconds"]
    assert find("DAFT_SCHEDULER_LINEAR") is SETTINGS["linear"]


@given(st.sampled_from(sorted(SETTINGS)), st.text(max_size=20))
def test_whatever_is_accepted_is_read_back_as_it_was_written(name: str, text: str) -> None:
    environment: dict[str, str] = {}
    try:
        assign(name, text, environment)
    except SettingError:
        assert environment == {}
        return
    read = AutoscalingSettings.read(environment)
    assert read.problems == ()
    assert read.environment()[SETTINGS[name].env] == environment[SETTINGS[name].env]
    assert read.threshold >= 1.0


ANYTHING = st.one_of(
    st.text(max_size=40),
    st.integers().map(str),
    st.floats().map(repr),
    st.sampled_from(["", " ", "1e400", "-0", "0x1", "１", "9" * 5000, "1_000", "inf", "None", "TRUE ", "1\n2", "\0"]),
    st.from_regex(r"[+-]?[0-9]{0,25}(\.[0-9]{0,5})?(e[+-]?[0-9]{1,4})?", fullmatch=True),
)


@settings(max_examples=10_000, deadline=None)
@given(st.sampled_from(sorted(SETTINGS)), ANYTHING)
def test_whatever_is_set_the_engine_gets_a_value_it_can_read(name: str, text: str) -> None:
    setting = SETTINGS[name]
    # Through os.environ: what goes to the engine is valid, and a wrong value is named with the default that is used.
    read = AutoscalingSettings.read({setting.env: text})
    for_engine = read.environment()
    assert float(for_engine["DAFT_AUTOSCALING_THRESHOLD"]) >= 1.0
    assert math.isfinite(float(for_engine["DAFT_AUTOSCALING_THRESHOLD"]))
    assert {for_engine["DAFT_AUTOSCALING_DOWNSCALE_ENABLED"], for_engine["DAFT_SCHEDULER_LINEAR"]} <= {"0", "1"}
    for variable in ("DAFT_AUTOSCALING_DOWNSCALE_IDLE_SECONDS", "DAFT_AUTOSCALING_MIN_SURVIVOR_WORKERS"):
        assert for_engine[variable].isascii()
        assert 0 <= int(for_engine[variable]) < 2**63
    assert AutoscalingSettings.read(for_engine) == read, "what was read back is what was meant"
    # Through %daft set and the panel: either it is set as it was meant, or refused with a message, and nothing changed.
    environment: dict[str, str] = {}
    try:
        assign(name, text, environment)
    except SettingError as error:
        assert environment == {}
        assert error.what.startswith(f"{name} cannot be ")
        assert len(error.what) < 250
        assert error.remedy.startswith(f"Try %daft set {name}=")
        assert len(read.problems) == 1
        assert read.text(name) == AutoscalingSettings().text(name)
        assert read.problems[0].startswith(f"{setting.env}: {error.what}")
    else:
        assert read.problems == ()
        assert environment == {setting.env: for_engine[setting.env]}
