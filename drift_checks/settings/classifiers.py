"""The kinds of settings that say who decides: reviewers, classifiers, embeddings."""

from __future__ import annotations

import re
from pathlib import Path

from drift_checks.core.errors import nearest
from drift_checks.settings.kinds import Kind, Mistaken, simple

_NAME = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_ADDRESS = re.compile(f"{_NAME}:{_NAME}")
_MODEL_FILE = re.compile(r"\.(joblib|pkl|pickle|skops|onnx|pt|pth|safetensors|h5|bin|ftz)$", re.IGNORECASE)


def reviewer(*words: str) -> Kind[str]:
    """Return the kind of reviewers: one of a few words, or the location of the user's own classifier."""

    def parse(text: str, _: Path) -> str:
        if text in words or (_ADDRESS.fullmatch(text) and not text.partition(":")[0].endswith(".py")):
            return text
        raise Mistaken(_meant_classifier(text))

    return Kind(parse, f"{', '.join(words)}, or package.module:name of your own classifier", lambda: words)


def reviewers(model_of: str, *words: str) -> Kind[str]:
    """Return the kind of lists of reviewers; after the first, `model_of` may name its model, as in `llm=small`."""
    one = reviewer(*words)

    def parse(text: str, folder: Path) -> str:
        names = [name.strip() for name in text.split(",")]
        if len(names) == 1:
            return one.parse(text, folder)
        if "" in names:
            raise Mistaken("one of the names is empty: omit its comma")
        for place, name in enumerate(names):
            word, equals, model = name.partition("=")
            if equals and word == model_of and not place:
                raise Mistaken(f"name the model of the first reviewer with --drift-{model_of}-model={model or 'NAME'}")
            if not (model and word == model_of):
                _parse_one(one, name, folder)
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise Mistaken(f"{twice!r} is there twice: name each reviewer once")
        return ",".join(names)

    return Kind(parse, f"{one.allowed}, or several of these with commas", one.known)


def _parse_one(one: Kind[str], name: str, folder: Path) -> None:
    try:
        one.parse(name, folder)
    except Mistaken as error:
        hint = str(error) or nearest(name, one.known())
        raise Mistaken(f"{name!r} is not a reviewer{f', {hint}' if hint else ''}") from None


def _meant_classifier(text: str) -> str:
    """Return what to do about an address that is a file, or lacks its colon."""
    if _MODEL_FILE.search(text):
        return (
            "a model's file is not loaded, because that runs the code in it: load it in a module of yours, as in"
            " model = joblib.load(…), and name module:model"
        )
    file, _, name = text.partition(":")
    module = file.removesuffix(".py").removeprefix("./").strip("/").replace("/", ".")
    if file.endswith(".py") and re.fullmatch(_NAME, module):
        return f"did you mean '{module}:{name or 'NAME'}'?"
    if re.fullmatch(_NAME, text) and "." in text:
        return "did you mean '{}:{}'?".format(*text.rsplit(".", 1))
    return ""


def embedding(*words: str) -> Kind[str]:
    """Return the kind of embeddings: one of a few words, the location of a callable, or the name of a model."""
    allowed = (
        f"{', '.join(words)}, package.module:name of your own function, or the name of a sentence-transformers model"
    )
    return simple(str, allowed, lambda text: bool(text.strip()), lambda: words)


def is_address(text: str) -> bool:
    """Return whether a text is of the form `package.module:name`."""
    return bool(_ADDRESS.fullmatch(text))
