"""The list of settings: what is read, what is refused, and what is told."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daftnb import settings as settings_
from daftnb.errors import SettingError
from daftnb.settings import (
    EXCLUDE_ENV,
    REAPER_ENV,
    SETTINGS,
    AutoscalingSettings,
    assign,
    check,
    current,
    exclude_seconds,
    find,
    keep,
    reaper_interval,
    reset,
)


def test_the_documented_defaults_hold_where_nothing_is_set() -> None:
    assert AutoscalingSettings.read({}).environment() == {
        "DAFT_AUTOSCALING_THRESHOLD": "1.25",
        "DAFT_AUTOSCALING_DOWNSCALE_ENABLED": "1",
        "DAFT_AUTOSCALING_DOWNSCALE_IDLE_SECONDS": "60",
        "DAFT_AUTOSCALING_MIN_SURVIVOR_WORKERS": "1",
        "DAFT_SCHEDULER_LINEAR": "0",
        "DAFTNB_GROWTH": "step",
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
        ("growth", "fast", "growth cannot be 'fast': it is none of step, needed and double"),
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


@pytest.mark.parametrize(
    ("name", "text", "kept"),
    [
        ("threshold", "1.0", "1.0"),
        ("threshold", " 2 ", "2.0"),
        ("threshold", "1e3", "1000.0"),
        ("idle_seconds", "0", "0"),
        ("idle_seconds", " 7 ", "7"),
        ("idle_seconds", "007", "7"),
        ("survivors", "0", "0"),
        ("growth", " Needed ", "needed"),
        ("survivors", "9223372036854775807", "9223372036854775807"),
        *[("downscale", text, "1") for text in ("1", "true", "on", "yes", " TRUE ")],
        *[("linear", text, "0") for text in ("0", "false", "off", "no", " Off ")],
    ],
)
def test_what_is_right_is_kept_as_the_engine_reads_it(name: str, text: str, kept: str) -> None:
    environment: dict[str, str] = {}
    assign(name, text, environment)
    assert environment == {SETTINGS[name].env: kept}
    assert AutoscalingSettings.read(environment).text(name) == kept


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("threshold", "0.99", "threshold cannot be '0.99': it must be at least 1.0: below that the engine's scheduler "
         "stops with a panic."),
        ("idle_seconds", "-1", "idle_seconds cannot be '-1': it must be at least 0."),
        ("survivors", "9223372036854775808", "survivors cannot be '9223372036854775808': it must be at most "
         "9223372036854775807."),
        ("survivors", "--1", "survivors cannot be '--1': it is not a whole number."),
        ("survivors", "-", "survivors cannot be '-': it is not a whole number."),
        ("survivors", "1_0", "survivors cannot be '1_0': it is not a whole number."),
        ("threshold", "１", "threshold cannot be '１': it is not a number."),
        ("threshold", "x" * 40, f"threshold cannot be '{'x' * 40}': it is not a number."),
        ("threshold", "x" * 41, f"threshold cannot be '{'x' * 39}…': it is not a number."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_sentence(name: str, text: str, what: str) -> None:
    with pytest.raises(SettingError) as caught:
        SETTINGS[name].parse(text)
    default = AutoscalingSettings().text(name)
    assert (caught.value.what, caught.value.remedy) == (what, f"Try %daft set {name}={default}")
    read = AutoscalingSettings.read({SETTINGS[name].env: text})
    assert read.problems == (f"{SETTINGS[name].env}: {what} The default {default} is used.",)


def test_values_from_before_daftnbs_own_setting_had_its_default() -> None:
    before = {name: text for name, text in AutoscalingSettings().environment().items() if name.startswith("DAFT_")}
    assert {name: setting.among(before) for name, setting in SETTINGS.items()} == {
        name: AutoscalingSettings().text(name) for name in SETTINGS
    }
    assert {setting.among(None) for setting in SETTINGS.values()} == {None}, "that is not known"
    assert SETTINGS["growth"].among({**before, "DAFTNB_GROWTH": "double"}) == "double"
    assert SETTINGS["linear"].among({"DAFT_AUTOSCALING_THRESHOLD": "2"}) is None


ALL = "(there are threshold, downscale, idle_seconds, survivors, linear, growth)"


@pytest.mark.parametrize(
    ("name", "what", "near"),
    [
        ("treshold", "There is no setting 'treshold'.", "threshold"),
        ("IDLE_SECOND", "There is no setting 'IDLE_SECOND'.", "idle_seconds"),
        ("xyz", f"There is no setting 'xyz' {ALL}.", "threshold"),
        ("z" * 50, f"There is no setting '{'z' * 39}…' {ALL}.", "threshold"),
    ],
)  # fmt: skip
def test_a_setting_that_there_is_not(name: str, what: str, near: str) -> None:
    with pytest.raises(SettingError) as caught:
        find(name)
    assert (caught.value.what, caught.value.remedy) == (what, f"Try %daft set {near}=…")


@pytest.mark.parametrize(("facts", "name"), [(SETTINGS["threshold"], "default"), (AutoscalingSettings(), "threshold")])
def test_what_was_validated_cannot_be_changed(facts: Any, name: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(facts, name, 0.5)
    assert not hasattr(facts, "__dict__")


def test_each_setting_is_found_by_each_of_its_names() -> None:
    for name, setting in SETTINGS.items():
        assert find(name) is find(setting.env) is find(name.replace("_", "-").upper()) is setting


def test_several_are_set_or_none_and_unset_by_name_or_all(clean_settings: None) -> None:
    assert check(threshold=2, downscale=False, linear="on") == {
        "DAFT_AUTOSCALING_THRESHOLD": "2.0",
        "DAFT_AUTOSCALING_DOWNSCALE_ENABLED": "0",
        "DAFT_SCHEDULER_LINEAR": "1",
    }
    assert current() == AutoscalingSettings(), "it was only a trial"
    settings_.set(threshold=2, survivors=3)
    assign("linear", "1")
    assert current() == AutoscalingSettings(threshold=2.0, survivors=3, linear=True)
    with pytest.raises(SettingError):
        settings_.set(threshold=3, survivors=-1)
    with pytest.raises(SettingError):
        reset("threshold", "no")
    assert current().threshold == 2.0
    reset("DAFT_AUTOSCALING_THRESHOLD", "linear")
    assert current() == AutoscalingSettings(survivors=3)
    reset()
    reset("survivors")
    assert current() == AutoscalingSettings() == AutoscalingSettings(problems=("said, not compared",))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, "120"), ("0", "0"), (" 30 ", "30"), ("9" * 18, "9" * 18), ("9" * 19, "120"),
        ("9" * 20, "120"), ("-1", "120"),
        ("1.5", "120"), ("", "120"), ("٣", "120"), ("soon", "120"),
    ],
)  # fmt: skip
def test_how_long_a_node_is_left_out(text: str | None, seconds: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {} if text is None else {EXCLUDE_ENV: text}
    assert exclude_seconds(variables) == seconds
    monkeypatch.delenv(EXCLUDE_ENV, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert exclude_seconds() == seconds


def test_what_set_runner_ray_is_given_is_what_is_set_until_it_is_changed(
    clean_settings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import daft.runners

    monkeypatch.setenv(EXCLUDE_ENV, "120")
    monkeypatch.setattr(daft.runners, "_set_runner_ray", lambda **_given: None)  # no Ray is started
    daft.set_runner_ray(
        downscale_enabled=False, downscale_idle_seconds=7, min_survivor_workers=3, pending_release_exclude_seconds=9
    )
    assert current() == AutoscalingSettings(downscale=False, idle_seconds=7, survivors=3)
    assert exclude_seconds() == "9"
    keep(downscale=True, idle_seconds=30)
    assert current() == AutoscalingSettings(downscale=True, idle_seconds=30, survivors=3), "unless it is changed later"
    daft.set_runner_ray(downscale_enabled=False)
    assert current() == AutoscalingSettings(downscale=False, idle_seconds=30, survivors=3), "or given again"


@pytest.mark.parametrize(
    ("text", "variables"),
    [("2", {REAPER_ENV: "2"}), (" 30 ", {REAPER_ENV: "30"}), ("1.5", {}), ("", {}), ("-1", {}), ("9" * 19, {})],
)
def test_how_often_dafts_reaper_looks_goes_along_where_it_is_set(text: str, variables: dict[str, str]) -> None:
    assert reaper_interval({REAPER_ENV: text}) == variables
    assert reaper_interval({}) == {}


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


@pytest.mark.parametrize("examples", [200, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_whatever_is_set_the_engine_gets_a_value_it_can_read(examples: int) -> None:
    @settings(max_examples=examples, deadline=None)
    @given(st.sampled_from(sorted(SETTINGS)), ANYTHING)
    def check(name: str, text: str) -> None:
        setting = SETTINGS[name]
        # By os.environ: what goes to the engine is valid, and a wrong value is named with the default that is used.
        read = AutoscalingSettings.read({setting.env: text})
        for_engine = read.environment()
        assert float(for_engine["DAFT_AUTOSCALING_THRESHOLD"]) >= 1.0
        assert math.isfinite(float(for_engine["DAFT_AUTOSCALING_THRESHOLD"]))
        assert {for_engine["DAFT_AUTOSCALING_DOWNSCALE_ENABLED"], for_engine["DAFT_SCHEDULER_LINEAR"]} <= {"0", "1"}
        for variable in ("DAFT_AUTOSCALING_DOWNSCALE_IDLE_SECONDS", "DAFT_AUTOSCALING_MIN_SURVIVOR_WORKERS"):
            assert for_engine[variable].isascii()
            assert 0 <= int(for_engine[variable]) < 2**63
        assert AutoscalingSettings.read(for_engine) == read, "what was read back is what was meant"
        # By %daft set and the panel: it is set as it was meant, or refused with a message, and nothing is changed.
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

    check()
