"""The data-centric loop: look at the training rows, correct them, pick the ones that matter."""

from roadworthy.core.audit import Audit, read_audit
from roadworthy.core.confident_learning import LabelIssues, find_label_issues
from roadworthy.core.multi_label_errors import MultiLabelIssues, find_multi_label_issues
from roadworthy.core.rater_agreement import RaterAgreement, rater_agreement
from roadworthy.core.token_label_errors import TokenLabelIssues, find_token_label_issues
from roadworthy.workflows.auditing import audit
from roadworthy.workflows.relabelling import Relabelled, relabel
from roadworthy.workflows.selecting import Selection, select

__all__ = [
    "Audit",
    "LabelIssues",
    "MultiLabelIssues",
    "RaterAgreement",
    "Relabelled",
    "Selection",
    "TokenLabelIssues",
    "audit",
    "find_label_issues",
    "find_multi_label_issues",
    "find_token_label_issues",
    "rater_agreement",
    "read_audit",
    "relabel",
    "select",
]
