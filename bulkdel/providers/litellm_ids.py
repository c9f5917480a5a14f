"""What the ID of a response at a LiteLLM proxy holds. Pure, and never raises.

    resp_ + base64 of "litellm:custom_llm_provider:P;model_id:M;response_id:R"   managed: R can be read
    resp_ + base64url of a ciphertext, or resp_v2:gcm: + such                    sealed: only the proxy can
    litellm_poll_ + a UUID, or an ID of the server behind it                     stands for itself

R is the ID that the server behind the proxy gave, and what the proxy confirms. It may be of one
of these forms again, where a proxy is behind the proxy. A proxy with a master key seals what it
hands out by default; one without, and older ones, do not.

As read in LiteLLM 1.109.1: ``litellm/responses/utils.py`` (``_build_responses_api_response_id``,
``decode_responses_api_response_id``), ``litellm/types/utils.py`` (``SpecialEnums``),
``litellm/proxy/hooks/responses_id_security.py`` (``_encrypt_response_id``) and
``litellm/proxy/common_utils/encrypt_decrypt_utils.py``; and seen at one that ran.

The base64 of a managed ID is the standard one, with ``+`` and ``=``. A ``/`` needs a ``?`` in what
is encoded, which no name of a model has; old ciphertexts may have one, and are invalid as any ID
with a ``/`` is: a proxy on the way may take it for two segments.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

PROXIES_MAX: Final = 4
"""Most proxies behind each other whose IDs are read; two are known to be in use."""

_HEAD: Final = "resp_"
_MANAGED: Final = re.compile(
    r"litellm:custom_llm_provider:[^;]*;model_id:[^;]*;response_id:([^;]+)", re.DOTALL
)
_SEALED_CHARS_MIN: Final = 132
"""The shortest ciphertext: 24 bytes of nonce, 16 of tag and the 58 of
"litellm_proxy:responses_api:response_id:;user_id:;team_id:" with one of an ID, in base64."""
_SEALED: Final = re.compile(
    rf"(?:v2:gcm:[\w-]+={{0,2}}|[\w-]{{{_SEALED_CHARS_MIN - 2},}}={{0,2}})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Names:
    """The IDs by which one response goes, from the proxy's to the last that can be read.

    Attributes:
        known: The IDs, the proxy's own first.
        is_sealed: Whether the last of them holds another one that only the proxy can read.
    """

    known: tuple[str, ...]
    is_sealed: bool


def names(object_id: str) -> Names:
    """Return the IDs by which a response goes."""
    known = [object_id]
    for _ in range(PROXIES_MAX):
        inner = _managed(known[-1])
        if inner is None:
            break
        known.append(inner)
    return Names(tuple(known), _is_sealed(known[-1]))


def is_sealed(object_id: str) -> bool:
    """Say whether an ID holds one that only the proxy can read, so that nothing can be compared."""
    return names(object_id).is_sealed


def _managed(object_id: str) -> str | None:
    """Return the ID that a managed one holds, or None if it is none."""
    if not object_id.startswith(_HEAD):
        return None
    try:
        text = base64.b64decode(object_id[len(_HEAD) :], validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    found = _MANAGED.fullmatch(text)
    return found.group(1) if found else None


def _is_sealed(object_id: str) -> bool:
    rest = object_id.removeprefix(_HEAD)
    if rest == object_id or not _SEALED.fullmatch(rest):
        return False
    return rest.startswith("v2:gcm:") or (len(rest) % 4 == 0 and len(rest) >= _SEALED_CHARS_MIN)
