"""The list of settings: what is read, what is refused, and what is told."""

from __future__ import annotations

import pytest
from hypothesis import given
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
