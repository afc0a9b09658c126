"""`medlens cluster`: groups images by deep features with K-Means, and names each cluster with CLIP. No labels are used.

Features are those of the CNN's backbone, of MobileNetV2 or of CLIP. A cluster gets the name of the prompt class nearest to its
centroid in CLIP's space. When all clusters would get one name, the more medical ones are called medical and the others not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.special import expit, softmax

from server.classify.inference import choose_device, open_network
from server.contract.errors import DocumentError, NotFound, RequestError, UnknownKind
from server.contract.modalities import MODALITIES, NON_MEDICAL
from server.imaging.decode import decode
from server.models.checkpoint import SHIPPED_CNN
from server.models.clip import ZeroShot, is_compact, open_zero_shot, unit
from server.models.imagenet import mobilenet_checkpoint
from server.models.members import View
from server.settings import Settings

FeatureKind: TypeAlias = Literal["cnn", "mobilenet_v2", "clip"]
FEATURES: tuple[FeatureKind, ...] = ("cnn", "mobilenet_v2", "clip")
Floats: TypeAlias = NDArray[np.float32]
# (stage, done, of): stage is "read" while images are read and their features computed, "group" while they are clustered.
Progress: TypeAlias = Callable[[str, int, int], None]

MAX_FILES = 20_000  # images in one folder: their features take 100 MB; more is rather a mistaken path
MOST_CLUSTERS = 200  # a person reads the names of all of them
TRIED = range(2, 13)  # numbers of clusters tried when none is asked for; the one with the best silhouette is taken
SAMPLE = 1500  # images the silhouette is measured on: its time grows with their square
SEED = 20251122
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif"})
MEDICAL = "medical"


@dataclass(frozen=True, slots=True)
class Cluster:
    """One group: `name` from its centre, how sure that name is (0..1), how many images."""

    name: str
    confidence: float
    size: int


@dataclass(frozen=True, slots=True)
class Clustering:
    """`files` [n], and for each its `cluster` [n] and `distance` [n] from the centre. `skipped`: (file, why) of those not read."""

    folder: Path
    features: FeatureKind
    files: tuple[Path, ...]
    cluster: NDArray[np.int64]
    distance: Floats
    clusters: tuple[Cluster, ...]
    silhouette: float | None
    skipped: tuple[tuple[Path, str], ...] = ()
    renamed: bool = False  # the names are relative: CLIP would have given all clusters one name
    thumbnails: dict[Path, Image.Image] = field(default_factory=dict, repr=False, compare=False)


def cluster_folder(
    folder: Path,
    settings: Settings,
    *,
    clusters: int | None = None,
    features: FeatureKind = "cnn",
    progress: Progress | None = None,
) -> Clustering:
    """Cluster the images under `folder`. `clusters` None takes the number from TRIED with the best silhouette.

    Raises NotFound (no folder, no image in it), RequestError (too many files, fewer images than clusters), WeightsMissing.
    """
    if clusters is not None and not 2 <= clusters <= MOST_CLUSTERS:
        raise RequestError(f"--clusters must be from 2 to {MOST_CLUSTERS}, not {clusters}")
    paths = images_under(folder)
    report = progress or (lambda *_: None)
    networks = _Networks(settings, features)
    computed: list[tuple[Path, Floats, Floats]] = []
    skipped: list[tuple[Path, str]] = []
    thumbnails: dict[Path, Image.Image] = {}
    for start in range(0, len(paths), settings.batch_size):
        read = list(_read(paths[start : start + settings.batch_size], settings.max_pixels, skipped))
        if read:
            for (path, image), deep, in_clip in zip(read, *networks.features([image for _, image in read]), strict=True):
                computed.append((path, deep, in_clip))
                thumbnails[path] = _thumbnail(image)
        report("read", min(start + settings.batch_size, len(paths)), len(paths))
    least = clusters or 2
    if len(computed) < least:
        raise RequestError(f"{len(computed)} images under {folder} could be read, too few for {least} clusters")
    deep = unit(np.stack([one for _, one, _ in computed]))
    report("group", 0, 1)
    labels, centres, silhouette = group(deep, clusters)
    in_clip = np.stack([one for _, _, one in computed])
    centroids = unit(np.stack([in_clip[labels == i].mean(axis=0) for i in range(len(centres))]))
    names, sure, renamed = name_clusters(networks.zero_shot, centroids)
    report("group", 1, 1)
    return Clustering(
        folder=folder,
        features=features,
        files=tuple(path for path, _, _ in computed),
        cluster=labels,
        distance=np.asarray(np.linalg.norm(deep - centres[labels], axis=1), np.float32),
        clusters=tuple(Cluster(names[i], float(sure[i]), int((labels == i).sum())) for i in range(len(centres))),
        silhouette=silhouette,
        skipped=tuple(skipped),
        renamed=renamed,
        thumbnails=thumbnails,
    )


def images_under(folder: Path) -> list[Path]:
    """Image files by name, without hidden ones. Raises NotFound or RequestError."""
    if not folder.is_dir():
        raise NotFound(f"{folder} is not a folder")
    found = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in SUFFIXES and path.is_file() and not any(p.startswith(".") for p in path.relative_to(folder).parts)
    ]
    if not found:
        raise NotFound(f"no image ({', '.join(sorted(SUFFIXES))}) under {folder}")
    if len(found) > MAX_FILES:
        raise RequestError(f"{len(found)} images under {folder} are more than the {MAX_FILES} that can be clustered at once")
    return found


def group(deep: Floats, clusters: int | None) -> tuple[NDArray[np.int64], Floats, float | None]:
    """(cluster [n], centres [k, d], silhouette) of unit vectors [n, d]; clusters are numbered from the largest."""
    counts = [clusters] if clusters else [count for count in TRIED if count < len(deep)] or [2]
    tried = [_kmeans(deep, count) for count in counts]
    labels, centres, silhouette = max(tried, key=lambda one: -1.0 if one[2] is None else one[2])
    order = np.argsort(-np.bincount(labels, minlength=len(centres)), kind="stable")
    return np.argsort(order)[labels], centres[order], silhouette


def _kmeans(deep: Floats, count: int) -> tuple[NDArray[np.int64], Floats, float | None]:
    from sklearn.cluster import KMeans  # noqa: PLC0415 - a second of import that only this command needs
    from sklearn.metrics import silhouette_score  # noqa: PLC0415

    distinct = len(np.unique(deep, axis=0))
    found = KMeans(min(count, distinct), n_init=4, random_state=SEED).fit(deep)
    labels = np.asarray(found.labels_, np.int64)
    silhouette = None
    if 1 < len(np.unique(labels)) < len(deep):
        silhouette = float(silhouette_score(deep, labels, sample_size=min(SAMPLE, len(deep)), random_state=SEED))
    return labels, np.asarray(found.cluster_centers_, np.float32), silhouette


def name_clusters(zero_shot: ZeroShot, centroids: Floats) -> tuple[list[str], Floats, bool]:
    """(name, confidence [k], whether the names are relative) of centroids [k, d] in CLIP's space."""
    scores = zero_shot.scores(centroids)
    chances = softmax(scores, axis=1)
    best = chances.argmax(axis=1)
    names = [zero_shot.names[i] for i in best]
    if len(set(names)) > 1 or len(names) < 2:
        return names, np.asarray(chances.max(axis=1), np.float32), False
    return *_relative(scores), True


def _relative(scores: Floats) -> tuple[list[str], Floats]:
    """Names relative to the other clusters: medical above the middle between the least and the most medical cluster."""
    medical = np.logaddexp.reduce(scores[:, : MODALITIES.index(NON_MEDICAL)], axis=1) - scores[:, MODALITIES.index(NON_MEDICAL)]
    above = medical - (medical.max() + medical.min()) / 2
    names = [MEDICAL if value > 0 else NON_MEDICAL for value in above]
    return names, np.asarray(expit(np.abs(above)), np.float32)


class _Networks:
    """Compute deep features to cluster by and CLIP vectors to name by, with one pass through a backbone that both share."""

    def __init__(self, settings: Settings, features: FeatureKind) -> None:
        if features not in FEATURES:
            raise RequestError(f"--features must be one of {', '.join(FEATURES)}, not {features!r}")
        open_on_device: Callable[[Path], Any] = partial(open_network, device=choose_device(settings.device))
        self._kind = features
        self.zero_shot = open_zero_shot(settings)
        self._shared = open_on_device(SHIPPED_CNN) if features == "cnn" or is_compact(settings) else None
        self._mobilenet = open_on_device(mobilenet_checkpoint(settings.data_dir)) if features == "mobilenet_v2" else None

    def features(self, images: Sequence[Image.Image]) -> tuple[Floats, Floats]:
        """(deep features [n, f], CLIP vectors [n, d])."""
        shared = self._shared.features(images) if self._shared else None
        in_clip = self.zero_shot.clip.images(View(images, shared))
        if self._kind == "clip":
            return in_clip, in_clip
        deep = self._mobilenet.features(images) if self._mobilenet else shared
        assert deep is not None
        return deep, in_clip


def _read(paths: Sequence[Path], max_pixels: int, skipped: list[tuple[Path, str]]) -> Iterator[tuple[Path, Image.Image]]:
    for path in paths:
        try:
            yield path, decode(path.read_bytes(), max_pixels).image
        except (DocumentError, UnknownKind) as error:
            skipped.append((path, str(error)))
        except OSError as error:
            skipped.append((path, error.strerror or type(error).__name__))


def _thumbnail(image: Image.Image) -> Image.Image:
    small = image.copy()
    small.thumbnail((160, 160))
    return small
