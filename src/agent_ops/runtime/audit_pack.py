"""An auditor's pack: the rows of a person or a period with everything that they point to, as files that need no program."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from agent_ops.domain.audit import AuditRow
from agent_ops.domain.chain import Verification
from agent_ops.domain.errors import ConfigurationError, StorageReadOnly
from agent_ops.domain.runs import Event
from agent_ops.ledger.grants import SealingKeys
from agent_ops.runtime.audit_page import Chapter, page
from agent_ops.runtime.audit_words import Words
from agent_ops.runtime.keys import InstallationKeys
from agent_ops.storage import Tx

_PAGE = "README.md"


@dataclass(frozen=True)
class Pack:
    """Files by their names. They hold personal data."""

    files: dict[str, str]
    verification: Verification

    @classmethod
    def of(cls, tx: Tx, keys: InstallationKeys, rows: list[AuditRow], verification: Verification, asked: str) -> Pack:
        """The pack of these rows."""
        run_ids = list(dict.fromkeys(row.run_id for row in rows if row.run_id))
        grants = [_grant(keys, stored) for stored in tx.audit.grants(run_ids)]
        versions = sorted({str(grant["body"].get("policy_version", "")) for grant in grants})
        texts = {version: text for version in versions if (text := tx.policies.text(version)) is not None}
        events = {run_id: tx.logs.all_events(run_id) for run_id in run_ids}
        words = Words(keys.audit, grants, events, texts)
        chapters = [_chapter(tx, run_id, rows, grants, events[run_id]) for run_id in run_ids]
        others = [row for row in rows if not row.run_id]
        return cls(
            {
                _PAGE: page(asked, verification, chapters, others, words, missing=[v for v in versions if v not in texts]),
                "verification.json": json.dumps(verification_json(verification), ensure_ascii=False, indent=1) + "\n",
                "audit.jsonl": _lines({**row_json(row), "words": words.of(row)} for row in rows),
                "grants.jsonl": _lines(grants),
                "events.jsonl": _lines(_event(event) for run_id in run_ids for event in events[run_id]),
                **{f"policies/{version}.toml": text for version, text in texts.items()},
            },
            verification,
        )

    def write(self, target: Path) -> None:
        """Write the files into a new directory, or into a new ZIP archive when the name ends so; for their owner only.

        Raises:
            ConfigurationError: it is there already. StorageReadOnly: it cannot be written.
        """
        try:
            if target.suffix.lower() == ".zip":
                _private(target, _zipped(self.files))
                return
            target.mkdir(mode=0o700, parents=True)
            for name, text in self.files.items():
                (target / name).parent.mkdir(mode=0o700, exist_ok=True)
                _private(target / name, _encoded(text))
        except FileExistsError:
            raise ConfigurationError(f"{target} is there already", "Name a new directory or archive.") from None
        except OSError as error:
            raise StorageReadOnly(f"the pack {target} cannot be written: {error.strerror}") from error


def row_json(row: AuditRow) -> dict[str, Any]:
    """A row as a JSON object, its columns by their names."""
    return {name: value for name, value in asdict(row).items() if name != "sound"}


def verification_json(verification: Verification) -> dict[str, Any]:
    """A verification as a JSON object."""
    return {"whole": verification.whole, **asdict(verification)}


def _grant(keys: InstallationKeys, stored: tuple[str, str, str]) -> dict[str, Any]:
    """A grant as it stands in the database, whatever is in it, and what its seal is worth."""
    run_id, text, seal = stored
    body = json.loads(text)
    key_id = str(body.get("key_id", ""))
    retired = SealingKeys("", keys.retired)
    valid = (keys.sealing.mac(key_id, body) or retired.mac(key_id, body)) == seal
    worth = ("valid, under a retired key" if key_id in keys.retired else "valid") if valid else "WRONG: the grant was altered"
    known = key_id in keys.sealing.keys or key_id in keys.retired
    return {"run_id": run_id, "body": body, "seal": seal, "seal_is": worth if known else "cannot be checked: its key is gone"}


def _chapter(tx: Tx, run_id: str, rows: list[AuditRow], grants: list[dict[str, Any]], events: list[Event]) -> Chapter:
    run = tx.runs.get(run_id)
    employee = tx.people.get(run.employee_id) if run else None
    return Chapter(
        run_id=run_id,
        run=run,
        employee=employee,
        items=tx.people.items(employee.id) if employee else (),
        grant=next((grant for grant in grants if grant["run_id"] == run_id), None),
        rows=[row for row in rows if row.run_id == run_id],
        events=events,
    )


def _event(event: Event) -> dict[str, Any]:
    return {**asdict(event), "at": event.at.isoformat()}


def _lines(objects: Iterable[dict[str, Any]]) -> str:
    return "".join(json.dumps(each, ensure_ascii=False, default=str) + "\n" for each in objects)


def _encoded(text: str) -> bytes:
    """An altered row may hold what is no text."""
    return text.encode(errors="backslashreplace")


def _zipped(files: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, _encoded(text))
    return content.getvalue()


def _private(path: Path, content: bytes) -> None:
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(content)
