"""What stays of identifiers planted in a small object: nothing, or what an option retains."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.datadict import DicomDictionary, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from tests.unit.curate.deid_planting import (
    MARK,
    PATIENT,
    SECRET,
    left_behind,
    plant_all,
    plants,
    processed,
    read,
    representation,
    written,
)
from tests.unit.io.dicom_factory import series, write

from oncotrace.curate.deid_key import Secret
from oncotrace.curate.deid_options import OPTIONS
from oncotrace.curate.deid_table import attributes
from oncotrace.curate.deidentify import _technical
from oncotrace.curate.deidentify_file import take_apart
from oncotrace.errors import DicomError
from oncotrace.io.dicom_header import quiet_pydicom

SYNTAXES = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    RLELossless,
)


def sample(tmp_path, syntax=ExplicitVRLittleEndian, modality="CT") -> Dataset:
    """One small image."""
    path = write(series(modality=modality)[0], tmp_path / "one.dcm", syntax)
    return read(path.read_bytes())


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: uid.name)
def test_nothing_planted_anywhere_survives_in_any_byte(syntax, tmp_path) -> None:
    dataset = sample(tmp_path, syntax)
    plant_all(dataset)
    trailing = b"" if syntax == DeflatedExplicitVRLittleEndian else b"PLANT trailing"
    content = written(dataset, trailing=trailing)
    assert len(left_behind(content)) > 400  # the search finds what is there

    out = processed(content).content

    assert left_behind(out) == []
    assert out[:128] == b"\0" * 128
    after = read(out)
    assert after.file_meta.TransferSyntaxUID == syntax
    assert after.PixelData == dataset.PixelData
    assert after.PatientID == after.PatientName == PATIENT.pseudonym


@pytest.mark.parametrize("option", [o for o in OPTIONS if o != "retain-safe-private"])
def test_an_option_retains_only_what_its_column_names(option, tmp_path) -> None:
    dataset = sample(tmp_path)
    plant_all(dataset)
    column = OPTIONS[option].column

    after = read(processed(written(dataset), option).content)

    kept = {
        f"{plant.tag:08X}"
        for plant in plants()
        if plant.vr != "SQ" and plant.tag in after and after[plant.tag].value == plant.value
    }
    named = {tag for tag, row in attributes().items() if column in row.options}
    expected = {
        f"{p.tag:08X}"
        for p in plants()
        if p.vr != "SQ" and attributes()[f"{p.tag:08X}"].options.get(column) == "K"
    }
    times = {
        t
        for t in named
        if len(t) == 8 and option == "retain-modified-dates" and representation(int(t, 16)) == "TM"
    }
    assert kept - named == set()
    assert kept == expected | times


@pytest.mark.parametrize(
    "option", ["clean-descriptors", "clean-structured-content", "clean-graphics"]
)
def test_options_that_clean_leave_no_mark(option, tmp_path) -> None:
    dataset = sample(tmp_path)
    plant_all(dataset)
    assert left_behind(processed(written(dataset), option).content) == []


def test_all_options_together_keep_no_unlisted_name_or_private_element(tmp_path) -> None:
    dataset = sample(tmp_path)
    dataset.OperatorsName = f"{MARK}^Operator"
    dataset.private_block(0x0099, f"{MARK} CREATOR", create=True).add_new(1, "LO", MARK)
    options = [option for option in OPTIONS if option != "retain-full-dates"]
    assert left_behind(processed(written(dataset), *options).content, []) == []


def test_safe_private_elements_stay_and_others_beside_them_go(tmp_path) -> None:
    dataset = sample(tmp_path, modality="PT")
    pet = dataset.private_block(0x7053, "Philips PET Private Group", create=True)
    pet.add_new(0x00, "DS", "0.000123")
    pet.add_new(0x03, "ST", f"{MARK} original file name")
    header = dataset.private_block(0x0099, "NQHeader", create=True)
    header.add_new(0x02, "UI", "1.2.3.4.5.6")

    kept = read(processed(written(dataset), "retain-safe-private").content)
    none = read(processed(written(dataset)).content)

    assert kept[0x70531000].value == "0.000123"
    assert kept[0x70530010].value == "Philips PET Private Group"
    assert 0x70531003 not in kept
    assert kept[0x00991002].value == SECRET.uid("1.2.3.4.5.6")
    assert not any(tag.is_private for tag in none.keys())  # noqa: SIM118


def test_descriptions_keep_their_safe_words(tmp_path) -> None:
    dataset = sample(tmp_path)
    dataset.SeriesDescription = "T1 ax post Gd Miller 12.03.1961"
    dataset.StudyDescription = "Miller"
    after = read(processed(written(dataset), "clean-descriptors").content)
    assert after.SeriesDescription == "T1 ax post Gd"
    assert "StudyDescription" not in after


def test_dates_of_a_patient_move_together_at_every_depth(tmp_path) -> None:
    dataset = sample(tmp_path)
    dataset.StudyDate, dataset.SeriesDate = "20140310", "20140312"
    item = Dataset()
    item.RadiopharmaceuticalStartDateTime = "20140312081500.00+0100"
    dataset.RadiopharmaceuticalInformationSequence = [item]
    dataset.SeriesTime = "093000"
    after = read(processed(written(dataset), "retain-modified-dates").content)
    assert after.StudyDate == "20101023"  # 1234 days earlier
    assert after.SeriesDate == "20101025"
    assert after.SeriesTime == "093000"
    moved = after.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartDateTime
    assert moved == "20101025081500.00+0100"
    assert after.LongitudinalTemporalInformationModified == "MODIFIED"


def test_links_to_images_are_the_images_new_uids(tmp_path) -> None:
    first, second = series()[:2]
    reference = Dataset()
    reference.ReferencedSOPClassUID = second.SOPClassUID
    reference.ReferencedSOPInstanceUID = second.SOPInstanceUID
    first.ReferencedImageSequence = [reference]
    a = read(processed(write(first, tmp_path / "a.dcm").read_bytes()).content)
    b = read(processed(write(second, tmp_path / "b.dcm").read_bytes()).content)
    assert a.ReferencedImageSequence[0].ReferencedSOPInstanceUID == b.SOPInstanceUID
    assert a.ReferencedImageSequence[0].ReferencedSOPClassUID == second.SOPClassUID
    assert a.SeriesInstanceUID == b.SeriesInstanceUID


def test_the_same_secret_gives_the_same_bytes_and_another_gives_other_uids(tmp_path) -> None:
    content = write(series()[0], tmp_path / "a.dcm").read_bytes()
    other = read(processed(content, secret=Secret(b"x" * 32)).content)
    once = processed(content).content
    assert once == processed(content).content
    for keyword in (
        "SOPInstanceUID",
        "SeriesInstanceUID",
        "StudyInstanceUID",
        "FrameOfReferenceUID",
    ):
        assert read(once)[keyword].value != other[keyword].value


def test_objects_say_how_they_were_de_identified(tmp_path) -> None:
    content = write(series()[0], tmp_path / "a.dcm").read_bytes()
    after = read(processed(content, "clean-descriptors", "retain-uids").content)
    codes = [item.CodeValue for item in after.DeidentificationMethodCodeSequence]
    assert after.PatientIdentityRemoved == "YES"
    assert codes == ["113100", "113110", "113105"]
    assert after.LongitudinalTemporalInformationModified == "REMOVED"


def test_dates_that_were_modified_before_are_not_called_unmodified(tmp_path) -> None:
    dataset = sample(tmp_path)
    dataset.LongitudinalTemporalInformationModified = "MODIFIED"
    after = read(processed(written(dataset), "retain-full-dates").content)
    assert after.LongitudinalTemporalInformationModified == "MODIFIED"


def test_compound_actions_follow_the_type_in_the_object(tmp_path) -> None:
    dataset = sample(tmp_path)
    dataset.AcquisitionDate = dataset.SeriesDate = dataset.ContentDate = "20140310"
    dataset.ContrastBolusAgent = "of Dr Miller"
    after = read(processed(written(dataset)).content)
    assert "SeriesDate" not in after  # X/D, type 3 in a CT
    assert after.ContentDate in ("", "19000101")
    assert after.ContrastBolusAgent == ""  # Z/D, type 2
    positron = sample(tmp_path, modality="PT")
    positron.SeriesDate = "20140310"
    assert read(processed(written(positron)).content).SeriesDate == "19000101"  # type 1 in a PET


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("BurnedInAnnotation", "YES"), ("Modality", "US"), ("ImageType", ["DERIVED", "SCREEN SAVE"])],
)
def test_images_that_may_show_text_are_left_out(keyword, value, tmp_path) -> None:
    dataset = sample(tmp_path)
    dataset[keyword] = DataElement(keyword, "CS", value)
    content = written(dataset)
    result = processed(content, keep_burned_in=False)
    assert result.content is None
    assert "burned-in-text" in result.risks
    assert processed(content, keep_burned_in=True).content is not None


def test_heads_and_overlays_are_noted(tmp_path) -> None:
    dataset = sample(tmp_path)
    dataset.BodyPartExamined = "HEAD"
    dataset.add_new(0x60003000, "OW", b"\0\0")
    result = processed(written(dataset), keep_burned_in=False)
    assert result.risks == {"face", "overlay-removed"}
    assert not any(tag.group == 0x6000 for tag in read(result.content).keys())  # noqa: SIM118


def test_an_overlay_in_the_pixels_bits_is_left_out(tmp_path) -> None:
    dataset = sample(tmp_path)
    dataset.add_new(0x60000010, "US", 5)
    dataset.add_new(0x60000102, "US", 12)
    assert processed(written(dataset), keep_burned_in=False).content is None


def test_pixels_longer_than_the_image_are_refused(tmp_path) -> None:
    dataset = sample(tmp_path)
    dataset.PixelData += b"PLANTED!"
    with pytest.raises(DicomError, match="bytes of pixels"):
        processed(written(dataset))


def test_objects_of_a_vendor_are_refused(tmp_path) -> None:
    dataset = sample(tmp_path)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.3.12.2.1107.5.9.1"
    with pytest.raises(DicomError, match="vendor"):
        processed(written(dataset))


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_sequences_nested_a_thousand_deep_are_refused(syntax, tmp_path) -> None:
    dataset = sample(tmp_path, syntax)
    implicit = syntax == ImplicitVRLittleEndian
    head = b"\x08\x00\x15\x11" + (b"" if implicit else b"SQ\0\0") + b"\xff\xff\xff\xff"
    item, ends = b"\xfe\xff\x00\xe0\xff\xff\xff\xff", b"\xfe\xff\x0d\xe0\0\0\0\0"
    nested = (head + item) * 1000 + (ends + b"\xfe\xff\xdd\xe0\0\0\0\0") * 1000
    del dataset.PixelData
    for tag in [tag for tag in dataset.keys() if tag > 0x00081115]:  # noqa: SIM118
        del dataset[tag]
    with pytest.raises(DicomError, match="nested"):
        processed(written(dataset) + nested)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_damaged_files_are_refused_or_read_and_nothing_else(data, tmp_path_factory) -> None:
    dataset = sample(tmp_path_factory.mktemp("damaged"))
    content = bytearray(written(dataset))
    for place in data.draw(st.lists(st.integers(132, len(content) - 1), max_size=6)):
        content[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(140, len(content)))
    with contextlib.suppress(DicomError):
        if take_apart(bytes(content[:cut])) is not None:
            processed(bytes(content[:cut]))


def test_a_reference_that_is_kept_for_its_uid_keeps_no_text_beside_it(tmp_path) -> None:
    dataset, image = sample(tmp_path), Dataset()
    image.ReferencedSOPInstanceUID, image.RecognitionCode = "1.2.3.4", MARK
    dataset.SourceImageSequence = Sequence([image])
    out = processed(written(dataset), "retain-uids").content
    assert read(out).SourceImageSequence[0].ReferencedSOPInstanceUID == "1.2.3.4"
    assert left_behind(out, []) == []


FREE_TEXT = sorted(
    tag
    for tag, entry in DicomDictionary.items()
    if entry[0] in ("LO", "LT", "SH", "ST", "UC", "UT", "PN", "UR", "AE")
    and 0x0008 <= tag >> 16 < 0x5000
    and tag not in _technical()
)
SEQUENCES = sorted(
    tag for tag, entry in DicomDictionary.items() if entry[0] == "SQ" and tag >> 16 >= 8
)


@st.composite
def marked_datasets(draw, depth: int = 3) -> Dataset:
    """Random attributes of the standard, and of none, that all hold the mark."""
    dataset = Dataset()
    texts = st.sampled_from([MARK, f"T1 {MARK}", f"{MARK} 7"])
    for tag in draw(st.lists(st.sampled_from(FREE_TEXT), max_size=8)):
        with quiet_pydicom():
            dataset[tag] = DataElement(tag, DicomDictionary[tag][0], draw(texts))
    group = draw(st.sampled_from([0x0009, 0x0019, 0x2001, 0x7053]))
    dataset.private_block(group, f"{MARK}{depth}", create=True).add_new(1, "LO", MARK)
    if depth:
        for tag in draw(st.lists(st.sampled_from(SEQUENCES), max_size=3)):
            dataset[tag] = DataElement(tag, "SQ", Sequence([draw(marked_datasets(depth - 1))]))
    return dataset


@settings(max_examples=60, deadline=None)
@given(
    marked=marked_datasets(),
    options=st.sets(
        st.sampled_from(
            [
                "retain-modified-dates",
                "clean-descriptors",
                "clean-structured-content",
                "clean-graphics",
                "retain-uids",
                "retain-safe-private",
            ]
        )
    ),
)
def test_a_mark_in_random_text_never_leaks(marked, options) -> None:
    marked.SOPClassUID, marked.SOPInstanceUID = series()[0].SOPClassUID, "1.2.3"
    marked.file_meta = FileMetaDataset()
    marked.file_meta.MediaStorageSOPClassUID = marked.SOPClassUID
    marked.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    out = processed(written(marked), *options).content
    assert left_behind(out, []) == [], _where(read(out))


def _where(dataset: Dataset) -> list[str]:
    return [
        keyword_for_tag(element.tag)
        for element in dataset.iterall()
        if MARK in str(element.value) and element.VR != "SQ"
    ]
