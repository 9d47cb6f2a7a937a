"""The places a model may have beside a question: champion, canary, shadow; what is signed for each, and who may have them."""

from __future__ import annotations

from collections.abc import Mapping

CHAMPION, CANARY, SHADOW = "champion", "canary", "shadow"
ALIASES = (CHAMPION, CANARY, SHADOW)

SHADOWED = ("recommendation", "attrition")
CANARIED = ("recommendation",)
WHY_NOT: Mapping[str, str] = {
    CANARY: "a canary answers a share of the people, and here one model must answer for all: lists compare people, or the "
    "answer is about nobody in particular",
    SHADOW: "nothing is answered about a person that could be logged beside the champion",
}


def signed_name(question: str, alias: str) -> str:
    """Return the name that a statement must carry for a place: what is signed for the shadow is good for it alone."""
    return f"{question}@{SHADOW}" if alias == SHADOW else question


def question_of(name: str) -> str:
    """Return the question of a signed name."""
    return name.partition("@")[0]


def may_stand(question: str, alias: str) -> bool:
    """Say whether a question has such a place."""
    return alias == CHAMPION or question in (CANARIED if alias == CANARY else SHADOWED)
