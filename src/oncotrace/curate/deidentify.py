"""A DICOM dataset without what tells whose it is (PS3.15, Annex E), sequences included."""

import re
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Literal

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

import oncotrace
from oncotrace.curate.deid_codes import known_meaning, says_who_the_subject_is
from oncotrace.curate.deid_elements import (
    earlier_dates,
    element_of,
    is_empty,
    is_number,
    is_tracking_item,
    representation,
    texts_of,
    value_of,
)
from oncotrace.curate.deid_key import Patient, Secret
from oncotrace.curate.deid_options import EDITION, Confidentiality
from oncotrace.curate.deid_structure import MAX_DEPTH
from oncotrace.curate.deid_table import (
    PRIVATE,
    Action,
    Attribute,
    attribute,
    basic_action,
    option_action,
    safe_private,
)
from oncotrace.curate.deid_values import DUMMIES, DUMMY_TEXT, TEXTS, is_safe, safe_words, shifted
from oncotrace.errors import DicomError

Change = tuple[str, str]
"""Tag as the report names it, and action."""

_Free = Literal["words", "dummy", "nothing", "all"]
"""What stays of free text that table E.1-1 does not name.

``words``: its safe words. ``dummy``: nothing, but codes. ``nothing``: nothing. ``all``: all.
"""

_PATIENT_NAME, _PATIENT_ID = 0x00100010, 0x00100020
_CODE_MEANING, _TRACKING_ID = 0x00080104, 0x00620020
_CONTENT, _GRAPHICS = "0040A730", "00700001"
_CODING_SCHEME_UID = 0x0008010C
_SET_ANEW = frozenset((_PATIENT_NAME, _PATIENT_ID, 0x00120062, 0x00120063, 0x00120064, 0x00280303))
_PIXELS = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
_TRACKING_LETTERS = 8
_TIMES = re.compile(r"[0-9:.\- ]*")
_NO_TEXT = frozenset(("AT", "CS", "DS", "FD", "FL", "IS", "OB", "OD", "OF", "OL", "OV", "OW",
                      "SL", "SS", "SV", "UL", "US", "UV"))  # fmt: skip


@dataclass
class Deidentifier:
    """Takes out of one object what the profile and its options say; counts what it did.

    Parameters
    ----------
    sop_class
        SOP class of the object, on which the types of its attributes depend.
    changes
        How often each attribute met which action, at any depth.
    """

    confidentiality: Confidentiality
    secret: Secret
    patient: Patient
    sop_class: str
    changes: Counter[Change] = field(default_factory=Counter)

    def apply(self, dataset: Dataset) -> None:
        """Change the dataset in place, and mark it as de-identified (PS3.15, E.1.1).

        Raises
        ------
        DicomError
            Its sequences are nested too deep.
        """
        earlier = earlier_dates(dataset)
        self._clean(dataset, depth=0, free="words")
        for tag, vr in ((_PATIENT_NAME, "PN"), (_PATIENT_ID, "LO")):
            dataset[tag] = DataElement(tag, vr, self.patient.pseudonym)
            self._count(tag, "D")
        self._mark(dataset, earlier)

    def _mark(self, dataset: Dataset, earlier: str) -> None:
        methods = self.confidentiality.methods
        dataset.PatientIdentityRemoved = "YES"
        dataset.DeidentificationMethod = [f"PS3.15 {EDITION}", f"oncotrace {oncotrace.__version__}"]
        codes = []
        for method in methods:
            item = Dataset()
            item.CodeValue = method.code
            item.CodingSchemeDesignator = "DCM"
            item.CodeMeaning = method.meaning
            codes.append(item)
        dataset.DeidentificationMethodCodeSequence = codes
        states = {"removed": "REMOVED", "shifted": "MODIFIED", "kept": earlier or "UNMODIFIED"}
        dataset.LongitudinalTemporalInformationModified = states[self.confidentiality.dates]

    def _clean(self, dataset: Dataset, *, depth: int, free: _Free) -> None:
        if depth > MAX_DEPTH:
            raise DicomError(
                f"sequences are nested more than {MAX_DEPTH} deep.", code="malformed-dataset"
            )
        kept_private = self._kept_private(dataset)
        for key in sorted(dataset.keys()):
            tag = int(key)
            if depth == 0 and (tag in _PIXELS or tag in _SET_ANEW):
                continue
            if (tag >> 16) & 1:
                self._private(dataset, tag, kept_private, depth, free)
            elif tag & 0xFFFF == 0 or tag >> 16 < 8 or 0x6000 <= tag >> 16 <= 0x60FF:
                self._remove(dataset, tag)
            else:
                self._public(dataset, tag, depth, free)

    def _public(self, dataset: Dataset, tag: int, depth: int, free: _Free) -> None:
        vr = representation(dataset, tag)
        if vr is None:
            self._remove(dataset, tag, "X (unknown)")
            return
        row = attribute(tag)
        if row is None:
            self._unlisted(dataset, tag, vr, depth, free)
            return
        action = option_action(row, self.confidentiality)
        if action == "C" and self._cleaned(dataset, tag, vr, depth):
            return
        if action is None or action == "C":
            action = basic_action(row, self.sop_class, nested=depth > 0)
        self._act(dataset, tag, vr, action, row, depth)

    def _act(
        self, dataset: Dataset, tag: int, vr: str, action: Action, row: Attribute, depth: int
    ) -> None:
        if action == "X":
            self._remove(dataset, tag)
        elif vr == "SQ" and action != "Z":
            self._count(tag, action)
            self._descend(dataset, tag, depth, _free_within(row, action))
        elif action == "U":
            self._replace_uids(dataset, tag)
        elif action == "K":
            self._count(tag, "K")
        else:
            self._put(dataset, tag, vr, action)

    def _put(self, dataset: Dataset, tag: int, vr: str, action: str) -> None:
        """Put an empty value or a dummy in place of a value."""
        empty: object = Sequence() if vr == "SQ" else None
        uid = self.secret.uid("removed") if vr == "UI" else None
        value = empty if action == "Z" else uid or DUMMIES.get(vr)
        if value is None and action != "Z":
            self._remove(dataset, tag)
            return
        dataset[tag] = DataElement(tag, vr, value)
        self._count(tag, action)

    def _cleaned(self, dataset: Dataset, tag: int, vr: str, depth: int) -> bool:
        """Clean an attribute as an option asks; false where that leaves nothing of it."""
        if vr == "SQ":
            self._count(tag, "C")
            self._descend(dataset, tag, depth, "words")
            return True
        if vr in ("DA", "DT", "TM"):
            return self._moved(dataset, tag, vr)
        if vr not in TEXTS:
            return False
        return self._keep_words(dataset, tag, vr)

    def _keep_words(self, dataset: Dataset, tag: int, vr: str) -> bool:
        values = texts_of(dataset, tag)
        if values is None:
            return False
        words = [safe_words(value) for value in values]
        if not any(words):
            return False
        if words != [value.strip() for value in values]:
            dataset[tag] = DataElement(tag, vr, words if len(words) > 1 else words[0])
        self._count(tag, "C")
        return True

    def _moved(self, dataset: Dataset, tag: int, vr: str) -> bool:
        values = texts_of(dataset, tag)
        if values is None:
            return False
        if self.confidentiality.dates == "kept":
            return True
        if vr == "TM":
            is_time = all(_TIMES.fullmatch(value) for value in values)
            if is_time:
                self._count(tag, "K (time of day)")
            return is_time
        days = self.patient.shift_days
        moved = [shifted(value, vr, days) if value else "" for value in values]
        if None in moved:
            return False
        dataset[tag] = DataElement(tag, vr, moved if len(moved) > 1 else moved[0])
        self._count(tag, "C")
        return True

    def _unlisted(self, dataset: Dataset, tag: int, vr: str, depth: int, free: _Free) -> None:
        """Deal with an attribute of the standard that table E.1-1 does not name."""
        if vr == "SQ":
            self._descend(dataset, tag, depth, free)
        elif vr == "UI":
            self._unlisted_uids(dataset, tag)
        elif vr in ("DS", "IS") and not is_number(dataset, tag):
            self._remove(dataset, tag, "X (unknown)")
        elif vr.split(" or ")[0] in _NO_TEXT or free == "all" or is_empty(dataset, tag):
            return
        elif vr in ("DA", "DT", "TM"):
            if self.confidentiality.dates == "removed" or not self._moved(dataset, tag, vr):
                self._put(dataset, tag, vr, "D (unlisted)")
        elif vr in TEXTS:
            self._free_text(dataset, tag, vr, free)
        else:
            self._put(dataset, tag, vr, "D (unlisted)")

    def _unlisted_uids(self, dataset: Dataset, tag: int) -> None:
        if tag != _CODING_SCHEME_UID and not self.confidentiality.has("retain-uids"):
            self._replace_uids(dataset, tag, only_changed=True)

    def _free_text(self, dataset: Dataset, tag: int, vr: str, free: _Free) -> None:
        values = texts_of(dataset, tag)
        if tag == _CODE_MEANING and free != "nothing":
            self._code_meaning(dataset)
        elif values and (tag == _TRACKING_ID or is_tracking_item(dataset, tag)):
            label = f"T-{self.secret.name('tracking', values[0], _TRACKING_LETTERS)}"
            dataset[tag] = DataElement(tag, vr, label)
            self._count(tag, "U")
        elif self._may_stay(tag, values, free):
            return
        elif free != "words" or not self._keep_words(dataset, tag, vr):
            self._put(dataset, tag, vr, "D (unlisted)")

    def _may_stay(self, tag: int, values: list[str] | None, free: _Free) -> bool:
        if tag in _technical():
            return free != "nothing"
        return free == "words" and values is not None and all(map(is_safe, values))

    def _code_meaning(self, dataset: Dataset) -> None:
        (value,) = (texts_of(dataset, _CODE_MEANING) or [""])[:1]
        known = known_meaning(dataset)
        if known is not None and known.casefold() == value.strip().casefold():
            return
        if known is None and is_safe(value):
            return
        dataset[_CODE_MEANING] = DataElement(_CODE_MEANING, "LO", known or DUMMY_TEXT)
        self._count(_CODE_MEANING, "D (unlisted)")

    def _descend(self, dataset: Dataset, tag: int, depth: int, free: _Free) -> None:
        sequence = value_of(dataset, tag)
        if not isinstance(sequence, Sequence):
            self._remove(dataset, tag, "X (unknown)")
            return
        keeps_who = self.confidentiality.has("retain-patient-characteristics")
        if not keeps_who and any(says_who_the_subject_is(item) for item in sequence):
            kept = [item for item in sequence if not says_who_the_subject_is(item)]
            self._count(tag, "X (items on the subject)")
            sequence = Sequence(kept)
            dataset[tag] = DataElement(tag, "SQ", sequence)
        for item in sequence:
            self._clean(item, depth=depth + 1, free=free)

    def _replace_uids(self, dataset: Dataset, tag: int, *, only_changed: bool = False) -> None:
        values = texts_of(dataset, tag)
        if values is None:
            self._remove(dataset, tag)
            return
        new = [self.secret.uid(value) if value else "" for value in values]
        if new != values or not only_changed:
            dataset[tag] = DataElement(tag, "UI", new if len(new) > 1 else (new or [""])[0])
            self._count(tag, "U")

    def _kept_private(self, dataset: Dataset) -> dict[int, int]:
        """Safe private elements, with the element that names their creator."""
        if not self.confidentiality.has("retain-safe-private"):
            return {}
        kept = {}
        for key in dataset.keys():  # noqa: SIM118  # iterating reads every value
            tag = int(key)
            creator = tag & 0xFFFF0000 | (tag & 0xFF00) >> 8
            if not (tag >> 16) & 1 or tag & 0xFFFF < 0x1000 or creator not in dataset:
                continue
            (name,) = (texts_of(dataset, creator) or [""])[:1]
            if (name.strip(), tag >> 16, tag & 0xFF) in safe_private():
                kept[tag] = creator
        return kept

    def _private(
        self, dataset: Dataset, tag: int, kept: dict[int, int], depth: int, free: _Free
    ) -> None:
        if tag in kept.values():
            return
        element = element_of(dataset, tag) if tag in kept else None
        if element is None or element.VR == "UN":
            self._remove(dataset, tag)
        elif element.VR == "SQ":
            self._descend(dataset, tag, depth, free)
        elif element.VR == "UI" and not self.confidentiality.has("retain-uids"):
            self._replace_uids(dataset, tag)
        else:
            self._count(tag, "K")

    def _remove(self, dataset: Dataset, tag: int, action: str = "X") -> None:
        del dataset[tag]
        self._count(tag, action)

    def _count(self, tag: int, action: str) -> None:
        name = PRIVATE if (tag >> 16) & 1 else f"{tag:08X}"
        self.changes[name, action] += 1


def _free_within(row: Attribute, action: Action) -> _Free:
    """Return what unlisted text may stay in a sequence; one kept for its UIDs keeps no texts."""
    if row.tag in (_CONTENT, _GRAPHICS):
        return "dummy"
    if action == "U" or (action == "K" and "retain_uids" in row.options):
        return "words"
    return "all" if action == "K" else "nothing"


@cache
def _technical() -> frozenset[int]:
    """Tags of free text on apparatus, codes and methods; see ``deid_technical.toml``."""
    text = files("oncotrace.curate").joinpath("deid_technical.toml").read_text(encoding="utf-8")
    tags = (tag_for_keyword(keyword) for keyword in tomllib.loads(text)["keywords"].split())
    return frozenset(tag for tag in tags if tag is not None)
