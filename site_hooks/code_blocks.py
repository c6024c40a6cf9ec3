"""Python with prompts is shown as such, so that the copy button can leave prompts and output out."""

from __future__ import annotations

import re
from typing import Any


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Name the language of blocks that begin with a prompt."""
    return re.sub(r"^```python\n(?=>>> )", "```pycon\n", markdown, flags=re.M)
