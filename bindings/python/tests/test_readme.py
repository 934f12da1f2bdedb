"""The examples of README.md do what they are there for: they run."""

import os
import re
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_there_are_some():
    assert len(EXAMPLES) >= 7


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example(number, capsys):
    places = {
        "ws://localhost:9000/": os.environ["ECHO_WS_URL"],
        "wss://localhost:9443/": os.environ["ECHO_WSS_URL"],
        '"ca.pem"': repr(os.environ["ECHO_CA_FILE"]),
    }
    example = EXAMPLES[number]
    for place, real in places.items():
        example = example.replace(place, real)
    exec(compile(example, f"README.md, example {number}", "exec"), {"__name__": "example"})
    assert capsys.readouterr().out
