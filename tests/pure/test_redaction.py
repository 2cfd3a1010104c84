"""Secrets are taken out of texts, and ordinary texts stay as they are."""

from __future__ import annotations

import daft
import pytest
from daft.io import AzureConfig, GCSConfig, HTTPConfig, IOConfig, S3Config, UnityConfig
from hypothesis import given
from hypothesis import strategies as st

from daftnb.engine.queries.plans import logical_nodes, plan_nodes, plans_of, text_nodes
from daftnb.engine.rows.printed import plan_text
from daftnb.errors import DaftnbError
from daftnb.telemetry import events as e
from daftnb.telemetry.codec import from_columns, to_columns
from daftnb.telemetry.monitor import Monitor
from daftnb.telemetry.recorder import Recorder
from daftnb.text.cleaning import NAME
from daftnb.text.redaction import MASK, redact, redact_plan

SECRETS = [
    "Key ID = AKIA-SEKRET, Session token = ** redacted **",
    "Azure config = { Shared Access Signature = sv=2024&sig=SEKRET, Bearer Token = SEKRET, Tenant ID = T }",
    "Shared Access Signature = sv=2024&sig=SEKRET\nother",
    "Endpoint URL = https://u:SEKRET@minio:9000, X = 1",
    "https://SEKRET@github.com/x",
    "postgresql+psycopg2://me:SEKRET@h/db",
    "s3://k:SEKRET@b/x",
    "https://u:p@SEKRET@host/x",
    "http://h/a?sig=SEKRET&x=1",
    "https://h/a?X-Amz-Algorithm=A&X-Amz-Credential=SEKRET%2F2024&X-Amz-Signature=SEKRET",
    "http://h/?token=SEKRET)",
    "sv=2024&sig=SEKRET%3D",
    '{"access_key": "SEKRET", "x": 1}',
    "{'password': \"SEKRET it's\"}",
    '{\\"client_secret\\": \\"SEKRET\\"}',
    "S3Config(key_id='a', access_key = 'SEKRET')",
    'access_key: Some("SEKRET")',
    'key_id: Some("SEKRET")',
    "S3Config(key_id='SEKRET', region_name='r')",
    "AWS_SECRET_ACCESS_KEY=SEKRET/x+y=",
    "HF_TOKEN=hf_SEKRETSEKRET",
    "export MY_API_KEY='SEKRET'",
    "DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=SEKRET+/abc==;EndpointSuffix=core.windows.net",
    "Endpoint=sb://x/;SharedAccessKeyName=Root;SharedAccessKey=SEKRET=",
    "Server=db;User Id=me;Password=SEKRET;",
    "Driver={x};Pwd=SEKRET",
    "Authorization: Bearer SEKRET.abc",
    "authorization: Basic SEKRETx=",
    "'Authorization': 'token SEKRET'",
    "Authorization: AWS4-HMAC-SHA256 Credential=SEKRET/2024, SignedHeaders=host, Signature=SEKRET",
    "curl -H 'X-Api-Key: SEKRET' x",
    "Cookie: session=SEKRET; a=b",
    "got Bearer SEKRETSEKRETSEKRET12",
    "-----BEGIN RSA PRIVATE KEY-----\nSEKRET\nSEKRET\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\\nSEKRET",
    "aws_secret_access_key: SEKRET/123",
    "password: SEKRET1!",
    "token AKIASEKRETSEKRET1234",
    "ghp_SEKRETSEKRETSEKRET1234",
    "url=https%3A%2F%2Fh%3Fsig%3DSEKRET%26x",
    "?a=1\\u0026sig=SEKRET\\u0026b",
    "sas_token='?sv=1&sig=SEKRET'",
    "bearer_token=SEKRET",
    "hf = { Token = SEKRET }",
    "Secret ID = SEKRET, Secret key = ***",
    'connection_string="Endpoint=x;AccountKey=SEKRET"',
    "mongodb+srv://u:SEKRET@c.mongodb.net/?x",
    "token=SEKRET",
    "secret: 'SEKRET'",
    "session_token=SEKRET)",
    'GOOGLE_CREDENTIALS={"private_key": "SEKRET"}',
]

ORDINARY = [
    "Try %env RAY_AUTH_TOKEN=… with the cluster's token, or %env HF_TOKEN=<token>",
    'os.environ["API_KEY"] = "<its key>"',
    "Key ID = None",
    "max_tokens=100",
    "tokenizer=bert-base",
    'col(token) == lit("abc")',
    "Struct[token: Utf8, password: Utf8]",
    "sort by: token desc",
    "password: required field missing",
    "select(token=col('x'))",
    "token#Utf8, secret#Int64",
    "the bearer of good news arrived",
    "Partitioning keys = []",
    "GROUP BY api_key",
    "https://example.com/a?x=1#y",
    "abfss://container@account.dfs.core.windows.net/p",
    "a@b.com",
    "http://127.0.0.1:8265 user@host",
    "the signature = of the function",
    "primary_key=5",
    "primary_key_id='row 5'",
    "Struct[key_id: Utf8]",
    "n_tokens=5",
    "tokens: 12, token_count=3",
    "time 12:30:05 a:b@c",
    "RAY_AUTH_TOKEN_PATH=/home/x/.ray/token",
    "sigma=0.5",
    "{'tokens': 'a b'}",
    "Projection: col(0: secret), col(1: pwd)",
    "Error at key 'id': 5",
    "KeyError: 'token'",
    "no such key: 17",
    "WHERE sig > 5",
    "design=modern",
    "col(credentials).is_null()",
    "ssh://git@github.com/x",
    "def f(token: str, password: str = None):",
    "f(token=token_of(x))",
]


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_is_masked(text: str) -> None:
    found = redact(text)
    assert "SEKRET" not in found and MASK in found
    assert redact(found) == found


@pytest.mark.parametrize("text", ORDINARY)
def test_an_ordinary_text_stays(text: str) -> None:
    assert redact(text) is text


def test_what_is_around_a_secret_stays() -> None:
    assert redact("cannot read https://u:SEKRET@minio:9000/b?x=1&sig=SEKRET&y=2") == (
        "cannot read https://***@minio:9000/b?x=1&sig=***&y=2"
    )
    assert redact("Key ID = SEKRET, Session token = ** redacted **, Max connections = 32 }") == (
        "Key ID = ***, Session token = ** redacted **, Max connections = 32 }"
    )
    assert (
        redact("AccountName=a;AccountKey=SEKRET==;EndpointSuffix=b") == "AccountName=a;AccountKey=***;EndpointSuffix=b"
    )


@given(st.text())
def test_any_text_can_be_redacted(text: str) -> None:
    redact(text)
    redact_plan(text)


SHAPES = ['token: "', "key=", "https://", "a.b-c_", "bearer ", "Token = ", "password: ", "&sig=", "eyJabcdefgh."]
SHAPES += ["-----BEGIN PRIVATE KEY-----", "Key ID = x ", "authorization: ", "token" + " " * 500, "://" + "a" * 500]


@pytest.mark.timeout(60)  # it takes a second; a pattern that backtracks would take hours
@pytest.mark.parametrize("part", [*SHAPES, 'token: "\\'])
def test_a_long_text_of_one_shape_comes_to_an_end(part: str) -> None:
    text = part * (200_000 // len(part))
    assert len(redact(text)) <= len(text) + len(MASK) * text.count(part)


CONFIG = IOConfig(
    s3=S3Config(
        key_id="AKIA-SEKRET-1",
        access_key="SEKRET-2",
        session_token="SEKRET-3",
        endpoint_url="https://u:SEKRET-4@minio:9000",
    ),
    azure=AzureConfig(
        storage_account="acc",
        sas_token="sv=2024-11-04&se=2026-01-01T00:00:00Z&sig=" + "SEKRET-" * 20 + "%2B" + "SEKRET" * 20,
        bearer_token="SEKRET-8",
        client_secret="SEKRET-9",
        endpoint_url="https://acc.blob?sig=SEKRET-10",
    ),
    gcs=GCSConfig(credentials="SEKRET-11", token="SEKRET-12"),
    http=HTTPConfig(bearer_token="SEKRET-13"),
    unity=UnityConfig(endpoint="https://u:SEKRET-14@h/", token="SEKRET-15"),
)


def test_no_stage_of_a_plan_has_a_secret(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "p.csv"
    path.write_text("a\n1\n")
    scan = daft.read_csv(str(path), io_config=CONFIG)
    loaded = daft.from_pydict({"u": ["a"]}).select(daft.functions.download(daft.col("u"), io_config=CONFIG))
    for snapshot in (scan, loaded, scan.join(scan, on="a")):
        assert "SEKRET" in snapshot._builder.pretty_print(), "Daft masks all of it by now"
        assert "SEKRE" not in plan_text(snapshot)
        text = " ".join(plan_text(snapshot).lower().split()).replace("| ", "")
        # The second is Rust's form, which a download has up to Daft 0.7.16.
        assert "storage account = acc" in text or 'storage_account: some("acc")' in text
        for nodes in plans_of(snapshot, "df", "native").values():
            assert nodes and "SEKRE" not in str(nodes)


def test_a_value_that_is_broken_over_lines_is_one_value() -> None:
    text = "* Scan:\n|   URL = https://u:SEK\n|     RET@host/a, Key ID\n|     = SEKRET, Max\n|     count = 3\n|\n* B"
    masked = "* Scan:\n|   URL = https://***@host/a, Key ID\n|     = ***, Max\n|     count = 3\n|\n* B"
    assert redact_plan(text) == masked
    plain = "* Scan:\n|   Glob paths = [a]\n|     and more\n"
    assert redact_plan(plain) == plain
    [node] = text_nodes("* Scan:\n|   Key ID = SEK\n|     RET, X = 1\n")
    assert node.detail == "Key ID: ***, X = 1"


def test_the_json_of_a_plan_too() -> None:
    physical = {"id": 1, "name": "download(Key ID = SEKRET, X = 1)", "children": [], "paths": ["https://u:SEKRET@h/x"]}
    logical = {"type": "Project", "projection": ["lit(Key ID = SEKRET)"], "options": {"access_key": "SEKRET"}}
    assert "SEKRET" not in str([*plan_nodes(physical), *logical_nodes(logical)])
    long = {"type": "Filter", "predicate": "x" * 1_990 + " https://u:SEKRETSEKRET@host"}
    assert "SEK" not in str(logical_nodes(long)), "cut before it was cleaned"


def test_what_is_recorded_and_folded_is_clean_and_bounded() -> None:
    secret = "https://me:SEKRET@host"
    node = e.PlanNode(1, f"scan {secret}", "", (), secret)
    events = [
        e.QueryStarted(1.0, "q", "native", secret + "n" * 10**6),
        e.PlanReady(1.1, "q", (node,)),
        e.LogicalPlan(1.1, "q", "optimised", (node,)),
        e.ClusterChanged(1.2, "external", "running", secret),
        e.ProblemFound(1.3, f"not read: {secret}"),
        e.QueryFinished(2.0, "q", "failed", f"OSError: {secret}"),
    ]
    recorder = Recorder()
    monitor = Monitor(lambda: [], lambda state, now: {}, lambda: 3.0, recorder)
    monitor.start = lambda: None  # type: ignore[method-assign]  # no thread: the test folds
    for event in events:
        monitor.emit(event)
    monitor.refresh()
    assert "SEKRET" not in str(monitor.state)
    assert "SEKRET" not in str(recorder.reel(1).events)
    assert len(monitor.state.queries["q"].name) == NAME
    # A file that an earlier version has written.
    read, _ = from_columns(to_columns(events, [event.t for event in events]))
    assert "SEKRET" not in str(read) and len(read[0].name) == NAME  # type: ignore[union-attr]


def test_an_error_of_ours_says_no_secret() -> None:
    error = DaftnbError("https://u:SEKRET@h:1 cannot be reached.", "Try https://u:SEKRET@h:2")
    assert "SEKRET" not in str(error) + str(error.lines) + error.what + error.remedy
