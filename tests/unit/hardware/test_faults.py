"""What is wrong with a field is a sentence of ours, whatever the library says."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from host_tools.hardware.faults import line_of


class Form(BaseModel):
    """One field of each kind."""

    model_config = ConfigDict(extra="forbid")

    email: Annotated[str, Field(pattern="^x$")] = ""
    tags: tuple[Annotated[str, Field(pattern="^([0-9A-F]{2}){2,32}$")], ...] = ()
    root: Annotated[str, Field(max_length=4)] = ""
    id: Annotated[str, Field(min_length=1, max_length=3)] = "1"
    hours: Annotated[int, Field(ge=1, le=9)] = 1
    on: bool = True
    mode: Literal["fixed", "free"] = "fixed"
    changes: dict[str, bool | int | str] = {}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"email": "a"}, "email: is no e-mail address: write one as ada@example.org"),
        ({"tags": ["zz"]}, "tags: is no badge number: write 4 to 64 hexadecimal digits, as 04A1B2C3"),
        ({"root": "23205265"}, "root: is no certificate: take the file that the maker publishes"),
        ({"id": ""}, "id: is empty: write it"),
        ({"id": "1234"}, "id: is longer than 3 characters: shorten it"),
        ({"hours": 10}, "hours: is more than 9: 9 or less"),
        ({"hours": 0}, "hours: is less than 1: 1 or more"),
        ({"hours": "x"}, "hours: is no whole number: write digits"),
        ({"on": "perhaps"}, "on: is neither on nor off: write one of them"),
        ({"mode": "loose"}, "mode: is none of 'fixed' or 'free': choose one"),
        ({"hour": 1}, "hour: is not known; did you mean hours?"),
        ({"changes": 3}, "changes: is no table of names and values: write it as one"),
    ],
)
def test_each_kind_has_its_sentence(given: dict[str, object], expected: str):
    with pytest.raises(ValidationError) as caught:
        Form.model_validate(given)
    line = line_of(caught.value.errors(include_url=False)[0], Form.model_fields)
    assert line == expected
    for word in ("pattern", "string should", "input should", "^"):
        assert word not in line.lower()
