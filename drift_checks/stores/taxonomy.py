"""The categories that records may have, from a YAML file."""

from __future__ import annotations

from pathlib import Path

from drift_checks.core.errors import SettingError
from drift_checks.core.files import read_text


def read_taxonomy(path: Path) -> dict[str, str]:
    """Return the description of each category; those of a plain list are empty.

    Raises:
        SettingError: The file cannot be read, or holds neither a mapping nor a list.
    """
    import yaml

    try:
        content = yaml.safe_load(read_text(path))
    except OSError as error:
        raise SettingError("taxonomy", f"{path} cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingError("taxonomy", f"{path} is not valid YAML ({' '.join(str(error).split())})") from None
    if isinstance(content, dict) and content:
        return {str(category): str(description or "") for category, description in content.items()}
    if isinstance(content, list) and content:
        return {str(category): "" for category in content}
    raise SettingError(
        "taxonomy",
        f"{path} holds no categories",
        "it must map each to its description, as in `financial: Debt and cash`",
    )
