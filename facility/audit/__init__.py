"""Who did what, why and with which result: appended, never changed, on disk before anything happens.

`ledger` appends and asks; `record` and `chain` say what an entry is and how entries hang together; `anchoring` signs
the head and puts it where the database's owner cannot reach; `proof` checks all of it.
"""

from facility.audit.ledger import INTERRUPTED, Audit, AuditUnavailable

__all__ = ["INTERRUPTED", "Audit", "AuditUnavailable"]
