"""The data-centric loop: look at the training rows, correct them, pick the ones that matter."""

from roadworthy.core.audit import Audit, read_audit
from roadworthy.workflows.auditing import audit
from roadworthy.workflows.relabelling import Relabelled, relabel
from roadworthy.workflows.selecting import Selection, select

__all__ = ["Audit", "Relabelled", "Selection", "audit", "read_audit", "relabel", "select"]
