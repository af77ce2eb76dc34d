"""Files and folders of certificates that the environment or an address names."""

from __future__ import annotations

import ssl
from pathlib import Path


def why_unusable(path: str) -> str:
    """Return why a file or folder of certificates cannot be used, as in `does not exist`; empty if it can."""
    try:
        if Path(path).is_dir():
            return ""
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        # Its text is a code.
        return "holds no certificate in PEM form"
    except FileNotFoundError:
        return "does not exist"
    except (OSError, ValueError) as error:
        return f"cannot be read ({getattr(error, 'strerror', None) or 'not a path'})"
    return ""


def why_untrusted(error: BaseException) -> str:
    """Return what is wrong with a server's certificate, as the TLS library found out; empty if it does not say."""
    seen: set[int] = set()
    pending: list[object] = [error]
    while pending:
        item = pending.pop()
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, ssl.SSLCertVerificationError):
            return item.verify_message.split(",")[0].rstrip(".") or "it cannot be verified"
        pending += [item.__cause__, item.__context__, getattr(item, "reason", None), *item.args]
    return ""
