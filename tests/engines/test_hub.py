"""Names on the Hub, told apart from paths."""

from __future__ import annotations

import pytest

from detailer.engines.files.hub import HubName


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("facebook/sam2.1-hiera-tiny", HubName("facebook/sam2.1-hiera-tiny")),
        ("a/b@main", HubName("a/b", "main")),
        ("a/b@refs/pr/1", HubName("a/b", "refs/pr/1")),
        ("a", None),
        ("a/b/c", None),
        ("/a/b", None),
        ("./a/b", None),
        ("~/a", None),
        ("a\\b", None),
        ("C:/a", None),
        ("a/b@", None),
        ("a/..", None),
        ("", None),
    ],
)
def test_a_name_is_an_owner_and_a_repository(text, name):
    assert HubName.parse(text) == name
