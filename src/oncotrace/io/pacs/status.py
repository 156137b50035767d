"""What the numbers mean with which a PACS answers to storing and fetching."""

_EXACT = {
    0x0000: "done",
    0x0110: "the PACS has failed while processing it",
    0x0111: "the PACS holds another object with the same UID",
    0x0112: "the PACS does not know the object",
    0x0117: "the UID is not valid",
    0x0122: "the PACS does not take objects of this kind",
    0x0124: "we are not authorised to do that",
    0x0211: "the PACS does not know this operation",
    0xA700: "the PACS is out of resources",
    0xA701: "the PACS is out of resources to look for matches",
    0xA702: "the PACS could not send all of it",
    0xA801: "the PACS does not know our AE title as a place to send to",
    0xA900: "the object does not fit what its SOP class demands",
    0xB000: "stored, with values that the PACS has changed",
    0xB006: "stored, with elements that the PACS has dropped",
    0xB007: "stored, though it does not fit what its SOP class demands",
    0xC122: "the PACS does not take the object's transfer syntax",
    0xC123: "the referenced object has another transfer syntax",
    0xFE00: "the PACS has cancelled it",
}
_BY_FIRST_DIGITS = (
    (0xFF00, 0xA700, "the PACS is out of resources"),
    (0xFF00, 0xA900, "the object does not fit what its SOP class demands"),
    (0xF000, 0xB000, "stored, with a warning of the PACS"),
    (0xF000, 0xC000, "the PACS cannot process it"),
)

OUT_OF_RESOURCES = range(0xA700, 0xA800)
UNKNOWN_DESTINATION = 0xA801


def explain(status: int) -> str:
    """Say what a status means (PS3.7, annex C; PS3.4, B.2.3, C.4; PS3.18, I.2)."""
    text = _EXACT.get(status)
    if text is None:
        matching = (text for mask, value, text in _BY_FIRST_DIGITS if status & mask == value)
        text = next(matching, "the PACS has refused it")
    return f"{text} (0x{status:04X})"


def is_stored(status: int) -> bool:
    """Whether an object is in the PACS: stored as it is, or with a warning."""
    return status == 0 or status & 0xF000 == 0xB000
