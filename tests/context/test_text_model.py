"""What the text model makes of captions, file names, negations, lists and hostile text."""

from __future__ import annotations

import time

import pytest

from server.context.statements import statements_of
from server.context.terms import pattern_of, shipped_terms
from server.context.text_model import QUOTE_CHARS, read
from server.context.words import MAX_WORDS, file_words, words_of
from server.contract.modalities import MEDICAL, Modality
from server.training.context.fit_context import LABELS, fit, folds, load_sentences, weights_of

TELLS = 0.6  # the least that a clear caption must tell of the image
SILENT = 0.5


def favourite(text: str, *, file_name: bool = False) -> tuple[Modality, float]:
    reading = read(text, file_name=file_name)
    modality = max(MEDICAL, key=lambda name: reading.says[name])
    return modality, reading.says[modality] * reading.tells


@pytest.mark.parametrize(
    ("text", "modality"),
    [
        ("Figure 3: Sagittal T2-weighted image of the cervical spine", "mri"),
        ("Axiales CT des Thorax im Lungenfenster", "ct"),
        ("Abb. 7: Röntgen des Sprunggelenks in zwei Ebenen", "xray"),
        ("Échographie de la thyroïde", "ultrasound"),
        ("Resonancia magnética de hombro", "mri"),
        ("Corte histológico con hematoxilina y eosina", "other_medical"),
        ("Fundus photograph of the left eye", "other_medical"),
        ("IRM de la cheville en pondération T1", "mri"),
        ("TAC de abdomen con contraste", "ct"),
        ("No thrombus is visible on this CT.", "ct"),
        ("CT without contrast", "ct"),
        ("Ohne Kontrastmittel: CT des Kopfes", "ct"),
        ("Unlike CT, MRI shows the ligament.", "mri"),
        ("Ultrasound of the liver; MRI was not performed.", "ultrasound"),
        ("Im Gegensatz zum MRT zeigt das Röntgenbild nur Knochen", "xray"),
    ],
)
def test_a_caption_names_its_modality(text: str, modality: Modality) -> None:
    said, tells = favourite(text)
    assert (said, tells > TELLS) == (modality, True), (said, tells)


@pytest.mark.parametrize(
    "text",
    [
        "No CT was performed.",
        "Neither MRI nor ultrasound was available.",
        "Ein MRT wurde nicht durchgeführt.",
        "L'échographie n'a pas été réalisée.",
        "No se realizó ecografía.",
        "The patient was referred for MRI.",
        "MRI, CT, ultrasound and X-ray in one place",
        "Röntgen | CT | MRT | Sonographie",
        "Comparison of CT and MRI",
        "ROC curve of the CT classifier and confusion matrix",
        "The new MRI scanner",
        "Contact us",
        "CONTACT US TODAY ABOUT PET CARE",
        "Oct 2024: our pet shop",
        "Stir the soup with flair at the fiesta",
        "Terminal t2, gate 4",
        "",
        "🙂" * 50,
    ],
)
def test_what_says_nothing_of_the_image_counts_for_nothing(text: str) -> None:
    said, tells = favourite(text)
    assert tells < SILENT or max(read(text).says.values()) < 0.8, (said, tells)


@pytest.mark.parametrize(
    ("name", "modality"),
    [
        ("brainMRI_axial-01.png", "mri"),
        ("ct_chest_012.jpg", "ct"),
        ("chest-xray.jpeg", "xray"),
        ("thyroid_ultrasound2.png", "ultrasound"),
        ("T2w_sag.png", "mri"),
    ],
)
def test_a_file_name_names_its_modality_in_small_letters_too(name: str, modality: Modality) -> None:
    assert favourite(file_words(name), file_name=True)[0] == modality


@pytest.mark.parametrize("name", ["about-us.png", "contact_us.jpg", "mr-smith.jpg", "IMG_2041.jpg", "october.png"])
def test_an_ordinary_file_name_says_nothing(name: str) -> None:
    assert favourite(file_words(name), file_name=True)[1] < SILENT


def test_repeating_a_word_adds_less_and_less() -> None:
    once, often = favourite("MRI")[1], favourite("MRI " * 5000)[1]
    assert once < often < 1.0


def test_only_the_beginning_of_a_long_text_is_read_and_in_little_time() -> None:
    began = time.process_time()
    assert len(words_of("word " * 1_000_000)) == MAX_WORDS
    read("no " * 300_000)
    read("x" * 1_000_000)
    assert time.process_time() - began < 5.0  # hours, were anything quadratic


def test_the_quote_is_short_and_around_the_term() -> None:
    reading = read("Lorem ipsum " * 10 + "shows a sagittal FLAIR image of the brain " + "dolor sit " * 20)
    quote = reading.quotes["mri"]
    assert "FLAIR" in quote and quote.startswith("…") and quote.endswith("…")
    assert len(quote) <= QUOTE_CHARS + 2
    assert len(read("MRI" + "x" * 1000).quotes.get("mri", "")) <= QUOTE_CHARS + 2


def test_a_text_that_is_quoted_to_its_end_has_no_ellipsis() -> None:
    assert read("Axial CT of the brain (as labelled).").quotes["ct"] == "Axial CT of the brain (as labelled"


def test_entries_of_the_list_of_terms_are_what_texts_are_compared_with() -> None:
    assert pattern_of("X-ray tomogra*") == ("x", "ray", "tomogra*")
    assert pattern_of("*Röntgen") == ("*rontgen",)
    [mention] = shipped_terms().mentions(words_of("Schädelröntgen"))
    assert mention.term.modality == "xray"


def test_people_and_machines_named_far_behind_do_not_silence_a_caption() -> None:
    far = "Axial CT of the chest. " + "It was a long way. " * 5 + "Referred by the village doctor, seen in the clinic."
    assert favourite(far)[1] > TELLS
    assert favourite("The doctor shows a CT in the clinic.")[1] < SILENT


def test_a_list_under_a_negation_is_taken_back_as_a_whole() -> None:
    stated = statements_of("No CT, MRI or ultrasound; radiograph of the hand").stated
    assert {mention.term.modality for mention in stated} == {"xray"}


def test_the_shipped_weights_are_those_of_the_sentences() -> None:
    from server.context.text_model import shipped_weights

    fitted, shipped = weights_of(fit(load_sentences())), shipped_weights()
    assert shipped.silent == pytest.approx(fitted.silent, abs=0.02)
    assert dict(shipped.lists) == pytest.approx(dict(fitted.lists), abs=0.02)


def test_sentences_of_other_folds_are_read_rightly() -> None:
    answers = folds(load_sentences())
    for wanted in LABELS:
        own = [answer == wanted for _, label, answer, _ in answers if label == wanted]
        assert sum(own) >= 0.9 * len(own), wanted
    assert sum(label == answer for _, label, answer, _ in answers) >= 0.97 * len(answers)
