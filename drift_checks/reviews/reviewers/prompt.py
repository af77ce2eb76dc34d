"""The prompt of an LLM: instructions in the system message, and the fenced text of the record in the user's message."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from drift_checks.core.errors import SettingError
from drift_checks.core.files import read_text
from drift_checks.reviews.reviewers.failures import describe

_DEFAULT = "classify-1"
_PROTOCOL = "answer-1"
_RETRY = "An earlier answer to this text could not be used. Keep to the form, and to the categories."


@dataclass(frozen=True)
class Prompt:
    """The instructions, rendered for a taxonomy, and their version for the report."""

    version: str
    instructions: str

    def messages(self, text: str, *, retry: bool = False) -> list[dict[str, str]]:
        """Return the messages for a text; an earlier, unusable answer is not quoted, since it may repeat the text."""
        system = f"{self.instructions}\n\n{_RETRY}" if retry else self.instructions
        return [{"role": "system", "content": system}, {"role": "user", "content": fenced(text)}]


def fenced(text: str) -> str:
    """Return the text between two lines with a code that does not occur in it.

    The code is a digest of the text, so that no text can hold its own code, and the same text gives the same prompt
    every night.
    """
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        # A lone surrogate cannot be sent.
        text = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        encoded = text.encode()
    digest = hashlib.sha256(b"fence:")
    digest.update(encoded)
    # A long text is not held twice.
    del encoded
    code = digest.hexdigest()[:16]
    while code in text:
        code = hashlib.sha256(code.encode()).hexdigest()[:16]
    return f"----- text {code} -----\n{text}\n----- text {code} -----"


def load_prompt(file: Path | None, taxonomy: Mapping[str, str]) -> Prompt:
    """Return the prompt for these categories.

    The file is a Jinja template of the task; `{{ categories }}` becomes the list of categories, one a line, with their
    descriptions. The instructions on the fence and on the form of the answer are appended.

    Raises:
        SettingError: The file cannot be read or is not a template.
    """
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False, trim_blocks=True)
    source, version = _read(file)
    listed = "\n".join(f"- {name}: {words}" if words else f"- {name}" for name, words in taxonomy.items())
    names = ", ".join(json.dumps(name, ensure_ascii=False) for name in taxonomy)
    try:
        task = environment.from_string(source).render(categories=listed, taxonomy=dict(taxonomy))
    except Exception as error:
        # The user's template may fail in any way.
        raise SettingError(
            "llm-prompt",
            f"{file} is not a valid template ({error or describe(error)})",
            "it must be a text in which {{ categories }} stands for the list of categories",
        ) from None
    protocol = environment.from_string(_shipped(_PROTOCOL)).render(names=names)
    return Prompt(version, f"{task.strip()}\n\n{protocol.strip()}")


def _read(file: Path | None) -> tuple[str, str]:
    if file is None:
        return _shipped(_DEFAULT), _DEFAULT
    try:
        source = read_text(file)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise SettingError("llm-prompt", f"{file} cannot be read ({reason})", "it must be a text file") from None
    if not source.strip():
        raise SettingError("llm-prompt", f"{file} is empty", "it must say what to decide")
    return source, f"{file.name}@{hashlib.sha256(source.encode()).hexdigest()[:8]}"


def _shipped(name: str) -> str:
    return (files("drift_checks.reviews.reviewers") / "prompts" / f"{name}.txt").read_text(encoding="utf-8")
