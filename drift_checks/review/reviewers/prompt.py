"""What an LLM is asked: instructions in the system message, the record's text, fenced off, in the user's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from drift_checks.core.errors import SettingError
from drift_checks.review.reviewers.failures import describe

_DEFAULT = "classify-1"
_PROTOCOL = "answer-1"
_AGAIN = "An earlier answer to this text could not be used. Keep to the form, and to the categories."


@dataclass(frozen=True)
class Prompt:
    """The instructions, rendered for a taxonomy, and the version by which the reports call them."""

    version: str
    instructions: str

    def messages(self, text: str, *, again: bool = False) -> list[dict[str, str]]:
        """Return the messages about a text.

        Args:
            text: Of the record; it stands in the user's message as it is.
            again: Whether an answer to it could not be used. What it was is not quoted: it may repeat the text.
        """
        system = f"{self.instructions}\n\n{_AGAIN}" if again else self.instructions
        return [{"role": "system", "content": system}, {"role": "user", "content": fenced(text)}]


def fenced(text: str) -> str:
    """Return the text between two lines with a code that is not in it.

    The code is a digest of the text, so that nobody can write a text that holds its own, and the same text is asked
    about in the same words on every night.
    """
    # Half of a surrogate pair is no text, and cannot be sent.
    text = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    code = hashlib.sha256(f"fence:{text}".encode()).hexdigest()[:16]
    while code in text:
        code = hashlib.sha256(code.encode()).hexdigest()[:16]
    return f"----- text {code} -----\n{text}\n----- text {code} -----"


def load_prompt(file: Path | None, taxonomy: Mapping[str, str]) -> Prompt:
    """Return the prompt of a file, or the default one, for these categories.

    The file is a Jinja template for the part that says what to decide: `{{ categories }}` stands for a list of them, a
    line each with its description. How the text is fenced and the answer formed is added to it.

    Args:
        file: The template, None for the default.
        taxonomy: Category to description.

    Raises:
        SettingError: The file cannot be read or is no template.
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
        # Whatever the template does wrong: it is the user's.
        raise SettingError(
            "llm-prompt",
            f"{file} is no template ({error or describe(error)})",
            "allowed is text in which {{ categories }} stands for the list of categories",
        ) from None
    protocol = environment.from_string(_shipped(_PROTOCOL)).render(names=names)
    return Prompt(version, f"{task.strip()}\n\n{protocol.strip()}")


def _read(file: Path | None) -> tuple[str, str]:
    if file is None:
        return _shipped(_DEFAULT), _DEFAULT
    try:
        source = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise SettingError("llm-prompt", f"{file} cannot be read ({reason})", "allowed is a text file") from None
    if not source.strip():
        raise SettingError("llm-prompt", f"{file} is empty", "allowed is a text that says what to decide")
    return source, f"{file.name}@{hashlib.sha256(source.encode()).hexdigest()[:8]}"


def _shipped(name: str) -> str:
    return (files("drift_checks.review.reviewers") / "prompts" / f"{name}.txt").read_text(encoding="utf-8")
