"""Evidence from what stands with an image, and what it may and may not do to a verdict."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from server.context.evidence import MAX_EVIDENCE, MAX_MEDICAL, MAX_MEDICAL_TAG, evidence_of, file_name
from server.context.join import SETTLED, join
from server.contract.modalities import MODALITIES, Modality
from server.contract.records import NearbyText, Place, PlaceKind, TextSource
from server.contract.verdict import Medical, Verdict

URL = "http://example.org/img/0815.png"


def place(
    *texts: tuple[TextSource, str], url: str | None = URL, kind: PlaceKind = "img", alt: str | None = None, tag: str | None = None
) -> Place:
    return Place(url, kind, alt=alt, tag=tag, texts=tuple(NearbyText(source, text) for source, text in texts))


def verdict(sure: bool = False, medical_sure: bool | None = None, **chances: float) -> Verdict:
    """The likeliest of `chances` (the rest spread over the other modalities), as the image alone says it."""
    rest = (1 - sum(chances.values())) / (len(MODALITIES) - len(chances))
    probabilities = {name: chances.get(name, rest) for name in MODALITIES}
    medical = 1 - probabilities["non_medical"]
    names = [name for name in MODALITIES if (name == "non_medical") == (medical < 0.5)]
    modality: Modality = max(names, key=lambda name: probabilities[name])
    return Verdict(
        modality=modality,
        is_medical=modality != "non_medical",
        confidence=probabilities[modality],
        probabilities=probabilities,
        medical=Medical(medical, sure if medical_sure is None else medical_sure),
        sure=sure,
        agree=True,
        members={},
        model_version="v",
        contains=(modality,) if modality != "non_medical" else (),
    )


def test_a_caption_settles_what_the_image_leaves_open() -> None:
    own = verdict(medical_sure=True, ct=0.55, mri=0.40)
    joined = join(own, evidence_of([place(("caption", "Figure 1: Axial CT of the abdomen"))]))
    assert (joined.modality, joined.sure, joined.open) == ("ct", True, None)
    assert joined.context is not None and joined.context.agrees and joined.context.sure
    assert (joined.context.source, joined.context.modality) == ("caption", "ct")
    assert "CT" in joined.context.quote
    assert joined.probabilities == own.probabilities


def test_a_caption_decides_between_what_the_image_holds_possible() -> None:
    joined = join(verdict(medical_sure=True, ct=0.55, mri=0.40), evidence_of([place(("caption", "T2-weighted MRI"))]))
    assert (joined.modality, joined.sure) == ("mri", True)


def test_what_the_image_rules_out_is_not_settled_by_text() -> None:
    joined = join(verdict(medical_sure=True, ct=0.9, xray=0.09), evidence_of([place(("caption", "T2-weighted MRI"))]))
    assert joined.modality == "ct" and not joined.sure
    assert joined.context is not None and not joined.context.agrees


def test_a_sure_image_is_never_turned_round() -> None:
    everything: list[tuple[TextSource, str]] = [
        ("caption", "MRI " * 100),
        ("paragraph", "T2-weighted MRI"),
        ("heading", "MRI"),
        ("link", "MRI"),
    ]
    evidence = evidence_of([place(*everything, url="http://example.org/mri/mri_t2.png", alt="MRI", tag="MR")], "MRI")
    assert evidence is not None
    for modality in MODALITIES:
        own = verdict(sure=True, **{modality: 0.985})
        joined = join(own, evidence)
        assert joined.modality == modality
        assert joined.is_medical == own.is_medical
        if modality != "mri":
            assert joined.context is not None and not joined.context.agrees and joined.context.modality == "mri"


def test_a_page_full_of_mri_does_not_make_a_cat_an_mri() -> None:
    page = [
        place(
            ("caption", "MRI " * 1000),
            ("heading", "MRI MRI MRI"),
            ("paragraph", "MRI of the brain " * 50),
            alt="MRI",
            url="http://x/mri.png",
        )
    ]
    evidence = evidence_of(page, "MRI MRI MRI")
    sure = join(verdict(sure=True, non_medical=0.996), evidence)
    assert (sure.modality, sure.sure) == ("non_medical", True)
    unsure = join(verdict(sure=False, non_medical=0.93, mri=0.02), evidence)
    assert unsure.modality == "non_medical"


def test_a_contradicting_caption_lowers_certainty() -> None:
    evidence = evidence_of([place(("caption", "Figure 2: computed tomography of the knee"), alt="CT of the knee")])
    joined = join(verdict(sure=True, mri=0.976, ct=0.012), evidence)
    assert (joined.modality, joined.sure, joined.open) == ("mri", False, "ct")


def test_evidence_is_bounded() -> None:
    loud = [
        place(
            ("caption", "MRI " * 50),
            ("paragraph", "MRI"),
            ("heading", "MRI"),
            ("link", "MRI"),
            alt="MRI",
            url="http://x/mri.png",
        )
    ]
    evidence = evidence_of(loud * 30, "MRI")
    assert evidence is not None
    assert min(evidence.odds.values()) == pytest.approx(-MAX_EVIDENCE)
    assert 0 < evidence.medical <= MAX_MEDICAL


def test_a_heading_alone_says_nothing_of_a_picture_that_is_not_medical() -> None:
    evidence = evidence_of([place(("heading", "MRI of the brain"))], "MRI")
    own = verdict(sure=True, non_medical=0.99)
    assert join(own, evidence) is own
    assert join(verdict(medical_sure=True, mri=0.6, ct=0.3), evidence).context is not None


def test_the_caption_is_quoted_before_the_files_name() -> None:
    evidence = evidence_of([place(("caption", "Axial CT"), url="http://x/ct.png")])
    assert evidence is not None and (evidence.source, evidence.quote) == ("caption", "Axial CT")


def test_places_that_say_different_things_say_nothing() -> None:
    ct, mri = place(("caption", "Axial CT")), place(("caption", "Axial T2 MRI"))
    assert evidence_of([ct]) is not None and evidence_of([mri]) is not None
    assert evidence_of([ct, mri]) is None


def test_no_text_leaves_the_verdict_as_it_is() -> None:
    own = verdict(ct=0.6, mri=0.3)
    assert evidence_of([place(("paragraph", "Read more"), alt="photo")], "Welcome") is None
    assert join(own, None) is own


def test_what_a_person_has_corrected_stands() -> None:
    own = replace(verdict(sure=True, ct=0.99), corrected=True)
    assert join(own, evidence_of([place(("caption", "T2-weighted MRI"))])) is own


def test_a_collage_is_not_told_by_one_caption() -> None:
    own = replace(verdict(medical_sure=True, ct=0.6, mri=0.3), contains=("ct", "mri"))
    assert join(own, evidence_of([place(("caption", "Axial CT"))])) is own


@pytest.mark.parametrize(
    ("tag", "modality"),
    [("MR", "mri"), ("CT", "ct"), ("DX", "xray"), ("us", "ultrasound"), ("PT", "other_medical"), ("SC", None), ("OT", None)],
)
def test_dicom_says_its_modality(tag: str, modality: Modality | None) -> None:
    evidence = evidence_of([place(url="slice.dcm", kind="frame", tag=tag)])
    assert (evidence.modality if evidence else None) == modality
    if evidence is not None:
        assert evidence.source == "dicom_tag" and evidence.sure


def test_a_dicom_tag_settles_a_small_slice_that_the_image_leaves_open() -> None:
    evidence = evidence_of([place(url="slice.dcm", kind="frame", tag="CT")])
    joined = join(verdict(ct=0.49, mri=0.2, xray=0.1, non_medical=0.2), evidence)
    assert (joined.modality, joined.sure, joined.medical.sure) == ("ct", True, True)
    other_way = join(verdict(medical_sure=True, mri=0.9, ct=0.09), evidence)
    assert (other_way.modality, other_way.sure) == ("ct", True)


def test_where_a_tag_stands_no_text_is_read() -> None:
    words: list[tuple[TextSource, str]] = [("caption", "T2-weighted MRI"), ("heading", "MRI")]
    evidence = evidence_of([place(*words, url="brain-mri.dcm", kind="frame", tag="CT")], "MRI")
    assert evidence is not None and (evidence.modality, evidence.source) == ("ct", "dicom_tag")
    assert min(evidence.odds.values()) < -MAX_EVIDENCE and MAX_MEDICAL < evidence.medical <= MAX_MEDICAL_TAG


def test_a_photograph_packed_into_dicom_is_no_scan() -> None:
    evidence = evidence_of([place(url="cat.dcm", kind="frame", tag="MR")])
    sure = join(verdict(sure=True, non_medical=0.99), evidence)
    assert (sure.modality, sure.is_medical) == ("non_medical", False)
    unsure = join(verdict(non_medical=0.93, mri=0.02), evidence)
    assert not unsure.medical.sure and not unsure.sure


def test_medical_or_not_and_the_modality_are_settled_each_by_itself() -> None:
    evidence = evidence_of([place(("caption", "Axial CT of the abdomen"))])
    joined = join(verdict(medical_sure=True, ct=0.60, mri=0.36, non_medical=0.019), evidence)
    assert joined.sure and joined.modality == "ct"
    doubtful = join(verdict(medical_sure=False, ct=0.44, mri=0.26, non_medical=0.3), evidence)
    assert not doubtful.medical.sure and not doubtful.sure


def test_the_name_of_a_document_speaks_of_the_document_that_of_an_image_of_the_image() -> None:
    inside = evidence_of([place(url="http://x/brain-mri.pdf", kind="embedded")])
    alone = evidence_of([place(url="brain-mri.png", kind="file")])
    assert inside is not None and alone is not None
    assert (inside.source, inside.own, inside.sure) == ("title", False, False)
    assert (alone.source, alone.own, alone.sure) == ("file_name", True, True)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://x/a/b%20c.png?q=/mri.png#mri", "b c.png"),
        ("data:image/png;base64,mri", None),
        ("blob:http://x/mri", None),
        (None, None),
        ("folder/scan.dcm", "scan.dcm"),
        ("C:\\scans\\mri.png", "mri.png"),
    ],
)
def test_file_names(url: str | None, name: str | None) -> None:
    assert file_name(url) == name


def test_settling_needs_what_it_says() -> None:
    joined = join(verdict(medical_sure=True, ct=0.5, mri=0.3, xray=0.15), evidence_of([place(("title", "CT"))], None))
    assert not joined.sure or joined.confidence >= SETTLED
    assert math.isclose(sum(joined.probabilities.values()), 1.0)
