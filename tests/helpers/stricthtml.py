"""HTML that a saved notebook may have: without script, and well formed."""

from __future__ import annotations

from html.parser import HTMLParser

TAGS = {"div", "p", "b", "table", "thead", "tbody", "tr", "th", "td", "span", "br", "details", "summary"}
ATTRIBUTES = {"style", "role", "width", "height", "viewbox", "xmlns", "d", "fill", "stroke", "stroke-width", "x", "y"}


class Strict(HTMLParser):
    """Fails on a tag or an attribute that is not known to be harmless."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        for name, value in attrs:
            assert name in ATTRIBUTES or (name, value) == ("class", "mathjax_ignore tex2jax_ignore"), name
            assert "url(" not in (value or "")


def check(html: str) -> None:
    parser = Strict()
    parser.feed(html)
    parser.close()
