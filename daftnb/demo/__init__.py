"""The demo: TPC-H data made here, and its notebook run without a page."""

from daftnb.demo.tpch import check_q1, check_q3, check_q6, job_server, tpch_tables

__all__ = ["check_q1", "check_q3", "check_q6", "job_server", "tpch_tables"]
