"""The thoughts of a model, which some endpoints leave in front of its answer."""

from __future__ import annotations

import re
import string

_NAMES = r"(?:\w+:)?(?:think(?:ing)?|thoughts?|reasoning|reflection|analysis|scratchpad)"
# As in <think>, <think time="3">, [THINK], ◁think▷ and <|begin_of_thought|>.
_OPENED = rf"(?:<\|?{_NAMES}(?:\s[^<>]*)?\|?>|\[{_NAMES}\]|◁{_NAMES}▷|<\|begin_of_{_NAMES}\|>|<\|START_{_NAMES}\|>)"
_CLOSED = rf"(?:<\|?/{_NAMES}\s*\|?>|\[/{_NAMES}\]|◁/{_NAMES}▷|<\|end_of_{_NAMES}\|>|<\|END_{_NAMES}\|>)"
_BEGIN = re.compile(_OPENED, re.IGNORECASE)
_END = re.compile(_CLOSED, re.IGNORECASE)
# The channels of OpenAI's harmony format; some servers remove its special tokens and leave the words.
_CHANNEL = re.compile(r"<\|channel\|>\s*(\w+)[^<]*<\|message\|>")
_CHANNEL_END = re.compile(r"<\|(?:end|return|call|start)\|>")
_BARE_FINAL = re.compile(r"\s*analysis.*assistantfinal", re.DOTALL)


def without_thoughts(content: str) -> str:
    """Return the content without a model's thoughts; some chat templates omit the opening tag."""
    content = _final_channel(content)
    kept, position = [], 0
    while begin := _BEGIN.search(content, position):
        end = _END.search(content, begin.end())
        if end is None:
            break
        kept.append(content[position : begin.start()])
        position = end.end()
    content = "".join([*kept, content[position:]])
    *_, content = _END.split(content)
    return _BEGIN.split(content)[0]


def after_thoughts(content: str) -> str:
    """Return what follows the first thought, which may quote such tags itself."""
    content = _final_channel(content)
    end = _END.search(content)
    return content if end is None else content[end.end() :]


def unfenced(content: str) -> str:
    """Return the inside of a code fence if there is nothing else."""
    inside = content.strip()
    if len(inside) < 6 or not (inside.startswith("```") and inside.endswith("```")):
        return content
    inside = inside[3:-3].lstrip(string.ascii_letters + string.digits)
    return content if "```" in inside else inside


def _final_channel(content: str) -> str:
    if bare := _BARE_FINAL.match(content):
        return content[bare.end() :]
    channels = list(_CHANNEL.finditer(content))
    if not channels:
        return content
    said = [_CHANNEL_END.split(content[found.end() :])[0] for found in channels if found[1] == "final"]
    return "\n".join(said)
