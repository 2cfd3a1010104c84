"""What a job runs, and in what: a slip is told before anyone is asked."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

from daftnb.engine import raynames
from daftnb.engine.jobs import job as jobs
from daftnb.engine.jobs.server import JobError
from daftnb.engine.jobs.source import check_working_dir, make_runtime_env, path_inside, read_source
from daftnb.errors import SettingError
from tests.helpers.releases import needs_ray


def test_text_runs_as_it_is() -> None:
    text = "import daft\nprint('é')\n"
    program = read_source(text)
    assert (program.content, program.name, program.path) == (text.encode(), "cell", None)
    assert program.module != read_source(text + "\n").module
    assert program.member == program.module.replace(".", "/") + ".py"
    assert read_source("import daft").name == "cell"
    assert read_source("x = 1").name == "cell"


def test_a_file_by_any_spelling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "nightly-run.py"
    file.write_bytes(b"# -*- coding: latin-1 -*-\nprint('\xe9')\n")
    monkeypatch.chdir(tmp_path)
    for given in (file, str(file), "nightly-run.py", Path("nightly-run.py")):
        program = read_source(given)
        assert program.content == file.read_bytes()
        assert program.name == "nightly_run"
    assert path_inside(read_source("nightly-run.py"), str(tmp_path)) == "nightly-run.py"
    assert path_inside(read_source(file), ".") == "nightly-run.py"
    assert path_inside(read_source(file), str(tmp_path / "elsewhere")) is None
    assert path_inside(read_source(file), "s3://bucket/folder.zip") is None
    assert path_inside(read_source("print(1)"), str(tmp_path)) is None


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("", "There is nothing to run: the source is empty."),
        ("absent.py", "The script 'absent.py' cannot be read: No such file or directory."),
        (Path("absent"), "The script 'absent' cannot be read: No such file or directory."),
        ("data/job", "'data/job' is neither a file nor Python source that does anything."),
        ("my job", "'my job' is neither a file nor Python source that does anything."),
        ("hello", "'hello' is neither a file nor Python source that does anything."),
        ("print(", "The source is not Python: line 1, '(' was never closed: print("),
        ("x = 1\n%timeit x\n", "The source is not Python: line 2, invalid syntax: %timeit x"),
        ("x = 1\nawait x\n", "The source is not Python: line 2, 'await' outside function: await x"),
    ],
)
def test_what_does_not_run_is_told_before_anyone_is_asked(source: str | Path, what: str) -> None:
    with pytest.raises(JobError) as caught:
        jobs.submit(source, "http://127.0.0.1:1")
    assert caught.value.what == what


@pytest.mark.parametrize("source", ["x = 1\n\0", "x = '\ud800'\n", "(" * 5000 + "\n"])
def test_source_that_no_file_can_hold(source: str) -> None:
    with pytest.raises(JobError, match="The source is not Python"):
        read_source(source)


# -- what it runs in --------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("clean_settings")
def test_the_settings_go_along_unless_others_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAFT_AUTOSCALING_THRESHOLD", "3")
    given = {"env_vars": {"A": "1", "DAFT_SCHEDULER_LINEAR": "1"}}
    made = make_runtime_env(given, "/work", ["x"], {"A": "2"})
    assert made == {
        "working_dir": "/work",
        "pip": ["x"],
        "env_vars": {
            "A": "2",
            "DAFT_PROGRESS_BAR": "0",
            "DAFT_AUTOSCALING_THRESHOLD": "3.0",
            "DAFT_AUTOSCALING_DOWNSCALE_ENABLED": "1",
            "DAFT_AUTOSCALING_DOWNSCALE_IDLE_SECONDS": "60",
            "DAFT_AUTOSCALING_MIN_SURVIVOR_WORKERS": "1",
            "DAFT_SCHEDULER_LINEAR": "1",
            "DAFTNB_GROWTH": "step",
        },
    }
    monkeypatch.setenv("DAFT_AUTOSCALING_THRESHOLD", "0.5")
    with pytest.warns(UserWarning, match=r"DAFT_AUTOSCALING_THRESHOLD: .* The default 1.25 is used"):
        made = make_runtime_env({}, None, None, None)
    assert made["env_vars"]["DAFT_AUTOSCALING_THRESHOLD"] == "1.25"


@pytest.mark.usefixtures("clean_settings")
def test_an_environment_that_cannot_be() -> None:
    with pytest.raises(SettingError, match=r"threshold cannot be '0\.5'"):
        make_runtime_env({}, None, None, {"DAFT_AUTOSCALING_THRESHOLD": "0.5"})
    with pytest.raises(JobError, match="Environment variables are text, and N=1 is not"):
        make_runtime_env({}, None, None, {"N": 1})  # type: ignore[dict-item]
    with pytest.raises(JobError, match="working_dir is given twice"):
        make_runtime_env({"working_dir": "a"}, "b", None, None)
    with pytest.raises(JobError, match="pip is given twice"):
        make_runtime_env({"pip": ["a"]}, None, "requirements.txt", None)


def test_what_is_given_is_not_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Server:
        def __init__(self, address: object) -> None:
            raise JobError("no", "server")

    monkeypatch.setattr(jobs, "JobServer", Server)
    given: dict[str, Any] = {"env_vars": {"A": "1"}, "py_modules": ["gcs://x.zip"]}
    with pytest.raises(JobError):
        jobs.submit("print(1)", runtime_env=given, env={"B": "2"}, working_dir="/work")
    assert given == {"env_vars": {"A": "1"}, "py_modules": ["gcs://x.zip"]}


def test_a_working_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(JobError) as caught:
        check_working_dir({"working_dir": str(tmp_path / "absent")}, None)
    assert caught.value.what == f"The working directory '{tmp_path}/absent' does not exist."
    (tmp_path / "file").touch()
    with pytest.raises(JobError, match="is not a folder"):
        check_working_dir({"working_dir": str(tmp_path / "file")}, None)
    with zipfile.ZipFile(tmp_path / "folder.zip", "w"):
        check_working_dir({"working_dir": str(tmp_path / "folder.zip")}, None)
    check_working_dir({"working_dir": "s3://bucket/folder.zip"}, None)


@needs_ray
def test_a_working_directory_too_large_is_told_from_its_sizes_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray._private.runtime_env import packaging

    for name in ("a", "b"):
        with open(tmp_path / f"{name}.parquet", "wb") as file:
            os.truncate(file.fileno(), packaging.GCS_STORAGE_MAX_SIZE // 2)  # sparse: no byte of it is read
    (tmp_path / "job.py").touch()
    environment = {"working_dir": str(tmp_path)}
    with pytest.raises(JobError) as caught:
        check_working_dir(environment, "job.py")
    assert f"{str(tmp_path)!r} holds more than the 512 MiB that a job may take along" in caught.value.what
    assert "b.parquet, 256 MiB" in caught.value.what
    check_working_dir({**environment, "excludes": ["b.*"]}, "job.py")
    (tmp_path / (".rayignore" if raynames.reads_rayignore() else ".gitignore")).write_text("*.parquet\njob.py\n")
    check_working_dir(environment, None)
    with pytest.raises(JobError, match=r"The script 'job.py' is kept out of the working directory"):
        check_working_dir(environment, "job.py")
