"""The categories that records may have, from a YAML file."""

from __future__ import annotations

from pathlib import Path

from drift_checks.core.errors import SettingError


def read_taxonomy(path: Path) -> dict[str, str]:
    """Return category to description; a plain list of categories will do, their descriptions are empty.

    Raises:
        SettingError: The file cannot be read or holds neither.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError("taxonomy", f"{path} cannot be read ({error.strerror})") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingError("taxonomy", f"{path} is no YAML ({' '.join(str(error).split())})") from None
    if isinstance(content, dict) and content:
        return {str(category): str(description or "") for category, description in content.items()}
    if isinstance(content, list) and content:
        return {str(category): "" for category in content}
    raise SettingError(
        "taxonomy", f"{path} must hold a mapping of category to description, as in `financial: Debt and cash`"
    )
