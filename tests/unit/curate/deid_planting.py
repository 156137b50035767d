"""Identifiers planted in every attribute of table E.1-1, to be looked for in what comes out."""

import struct
from dataclasses import dataclass
from datetime import date, timedelta
from io import BytesIO

from pydicom import dcmread, dcmwrite
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from oncotrace.curate.deid_key import Patient, Secret
from oncotrace.curate.deid_options import chosen_confidentiality
from oncotrace.curate.deid_table import attributes
from oncotrace.curate.deidentify_file import Deidentified, deidentified, take_apart
from oncotrace.io.dicom_header import quiet_pydicom

SECRET = Secret(bytes(range(32)))
PATIENT = Patient("P-TEST", 1234)
MARK = "PLANT"

# Planted identifiers that would make the object another one, or none.
_NEEDED = {0x00080018: "U", 0x7FE00010: ""}
_BINARY = {"FD": "<d", "FL": "<f", "UL": "<I", "SL": "<i", "US": "<H", "SS": "<h"}


@dataclass(frozen=True)
class Plant:
    """A planted value, and the bytes that must not come out."""

    tag: int
    vr: str
    value: object
    traces: tuple[bytes, ...]


def plants() -> list[Plant]:
    """One value for every attribute of the table that has a tag of its own."""
    tags = [tag for tag in attributes() if len(tag) == 8 and "x" not in tag]
    listed = [_plant(int(tag, 16), n) for n, tag in enumerate(sorted(tags))]
    return [plant for plant in listed if plant.tag >> 16 >= 8 and plant.tag not in _NEEDED]


def representation(tag: int) -> str:
    """Value representation of a tag, guessed by the name of attributes newer than pydicom."""
    try:
        return dictionary_VR(tag)
    except KeyError:
        name = attributes()[f"{tag:08X}"].name
    if name.endswith("Sequence"):
        return "SQ"
    if name.endswith("UID"):
        return "UI"
    return "DT" if name.endswith("DateTime") else "DA" if name.startswith("Date") else "LO"


def _plant(tag: int, n: int) -> Plant:
    vr = representation(tag).split(" or ")[0]
    day = (date(1811, 1, 1) + timedelta(n)).strftime("%Y%m%d")
    text = f"{MARK}{n:04d}"
    values: dict[str, object] = {
        "DA": day,
        "DT": f"{day}0102{n % 60:02d}.77{n:04d}",
        "TM": f"0102{n % 60:02d}.77{n:04d}",
        "UI": f"1.2.3.770{n:04d}",
        "DS": f"77{n:05d}.5",
        "IS": f"77{n:05d}",
        "AS": "077Y",
        "PN": f"{text}^{MARK}",
        "AT": 0x77007700 + n,
        "SQ": Sequence([_item(text, day, n)]),
    }
    if vr in ("OB", "OW", "UN"):
        value: object = f"{text}{MARK}X"[:14].encode()
    elif vr in _BINARY:
        value = 7000.5 + n if vr in ("FD", "FL") else 7000 + n
    else:
        value = values.get(vr, text)
    return Plant(tag, vr, value, _traces(vr, value))


def _traces(vr: str, value: object) -> tuple[bytes, ...]:
    if vr in ("US", "SS", "AS"):
        return ()  # too short to be looked for
    if vr in _BINARY:
        return (struct.pack(_BINARY[vr], value),)
    if isinstance(value, bytes):
        return (value,)
    return () if vr in ("SQ", "AT") else (str(value).encode(),)


def _item(text: str, day: str, n: int) -> Dataset:
    """An item that names somebody in every way that an item can."""
    item = Dataset()
    item.PatientName = f"{text}^{MARK}"
    item.PersonName = f"{text}^{MARK}"
    item.TextValue = f"seen by {text}"
    item.CodeMeaning = f"Dr {text}"
    item.InstitutionAddress = f"{text} Street"
    item.ReferencedSOPInstanceUID = f"1.2.3.771{n:04d}"
    item.ScheduledProcedureStepStartDate = day
    item.UnformattedTextValue = text
    inner = Dataset()
    inner.PatientID = text
    inner.CodeMeaning = text
    inner.LongCodeValue = "1"
    item.ReferencedStudySequence = [inner]
    item.AbstractPriorCodeSequence = [inner]
    return item


def plant_all(dataset: Dataset, chosen: list[Plant] | None = None) -> None:
    """Plant at top level and within nested sequences; in private elements, too."""
    chosen = plants() if chosen is None else chosen
    inner, outer = Dataset(), Dataset()
    for target in (dataset, inner):
        for plant in chosen:
            target[plant.tag] = DataElement(plant.tag, plant.vr, plant.value)
        block = target.private_block(0x0099, f"{MARK} CREATOR", create=True)
        block.add_new(1, "LO", f"{MARK} private")
        block.add_new(2, "SQ", [_item(f"{MARK}9999", "18110909", 9999)])
        target.private_block(0x2001, "Philips Imaging DD 001", create=True).add_new(
            0xF8, "LO", f"{MARK} unsafe"
        )
    outer.ReferencedSOPSequence = [inner]
    dataset.ReferencedSeriesSequence = [outer]
    dataset.add_new(0x50000010, "US", 1)
    dataset.add_new(0x50003000, "OW", f"{MARK}CURVE".encode())
    dataset.add_new(0x60004000, "LT", f"{MARK} overlay")
    dataset.add_new(0x60023000, "OW", f"{MARK}OVERLA".encode())
    dataset.add_new(0x00181234, "LO", f"{MARK} unknown element")
    dataset[0x00189999] = DataElement(0x00189999, "UN", f"{MARK}UN".encode() + b" ")


def written(dataset: Dataset, *, trailing: bytes = b"") -> bytes:
    """File of a dataset, with a preamble, file meta information and trailing bytes that tell."""
    meta = dataset.file_meta
    meta.SourceApplicationEntityTitle = f"{MARK}AET"
    meta.SendingApplicationEntityTitle = f"{MARK}AET2"
    meta.PrivateInformationCreatorUID = "1.2.3.7709999"
    meta.PrivateInformation = f"{MARK}META".encode() + b" "
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.preamble = (f"{MARK}AMBLE" * 13)[:128].encode()
    stream = BytesIO()
    with quiet_pydicom():
        dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue() + trailing


def processed(
    content: bytes, *options: str, secret: Secret = SECRET, keep_burned_in: bool = True
) -> Deidentified:
    """De-identify the bytes of a file under the options."""
    parts = take_apart(content)
    assert parts is not None
    return deidentified(
        parts,
        confidentiality=chosen_confidentiality("basic", options),
        secret=secret,
        patient=PATIENT,
        keep_burned_in=keep_burned_in,
    )


def read(content: bytes | None) -> Dataset:
    """Dataset of a file, with every value read."""
    assert content is not None
    with quiet_pydicom():
        dataset = dcmread(BytesIO(content))
        dataset.decode()
    return dataset


def left_behind(content: bytes | None, chosen: list[Plant] | None = None) -> list[str]:
    """Planted values that are still in a file's bytes, inflated, or in UTF-16."""
    assert content is not None
    parts = take_apart(content)
    assert parts is not None
    everything = content + bytes(parts.body)
    found = [
        f"{plant.tag:08X}"
        for plant in (plants() if chosen is None else chosen)
        for trace in plant.traces
        if trace in everything
    ]
    found += [
        f"{MARK} in {encoding}"
        for encoding in ("ascii", "utf-16-le", "utf-16-be")
        if MARK.encode(encoding) in everything
    ]
    return found
