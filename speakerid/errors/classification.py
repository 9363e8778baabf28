"""Classifiers and what they are trained on."""

from __future__ import annotations

from speakerid.errors.base import SpeakeridError


class ClassifierError(SpeakeridError, code="classifier_error"): ...


class ClassifierNotFound(ClassifierError, code="classifier_not_found"): ...


class ClassifierUnreadable(ClassifierError, code="classifier_unreadable"):
    """Its files are damaged, or were made with another backbone than the one that is here."""


class ClassifierFailed(ClassifierError, code="classifier_failed"): ...


class ClassifierNameUnusable(ClassifierError, code="classifier_name_unusable"): ...


class ClassifierCodeNotAllowed(ClassifierError, code="classifier_code_not_allowed"):
    def __init__(self, classifier: str, file: str) -> None:
        super().__init__(
            f"{classifier} runs Python code that comes with it, {file}. Read it; if you trust it, allow it with "
            "--run-code (run_code=True in Python)."
        )


class BackboneNotFound(ClassifierError, code="backbone_not_found"): ...


class MaterialUnusable(ClassifierError, code="material_unusable"): ...


class MaterialTooLittle(ClassifierError, code="material_too_little"): ...
