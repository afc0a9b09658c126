"""One image: its verdict and where it was found, its thumbnail and its heat map.

Images are medical data: only a caller gets them, and no shared cache may keep them. The heat map is computed by a worker, since the
web process has no model; the route requests it, waits a moment, and otherwise says when to ask again.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from server.contract.errors import NotFound, NotMadeYet
from server.contract.report import context_json, image_json, moment_json, place_json
from server.jobs import heatmaps
from server.store import sightings, thumbnails
from server.web.api.answers import ImageDetails
from server.web.http.ids import sha256_of
from server.web.http.keys import DATABASE, QUEUE
from server.web.http.operation import Answer, Operation, operation

WEBP, PNG = "image/webp", "image/png"
# The bytes of a hash never change, so a browser may keep them for a day; `private` forbids it to proxies.
PRIVATE = "private, max-age=86400, immutable"
# A warm worker needs a tenth of a second. One that has to load its model first needs several, too long to hold a request.
HEATMAP_WAIT_S = 3.0
HEATMAP_POLL_S = 0.05


@operation(
    Operation(
        summary="An image's newest verdict, and where it was seen",
        tag="images",
        access="caller",
        rate="read",
        answers={200: Answer("the image", ImageDetails)},
    )
)
async def image(request: web.Request) -> web.StreamResponse:
    database, sha256 = request.app[DATABASE], sha256_of(request)
    judged = await sightings.image(database, sha256)
    seen, _ = await sightings.sightings(database, sha256)
    found = image_json(judged)
    found |= {
        "thumbnail": await has_thumbnail(request, sha256),
        "seen": [
            {
                "scan": str(one.scan_id),
                "target": one.target,
                "url": one.url,
                "title": one.title,
                "created_at": moment_json(one.created_at),
                "places": [place_json(place) for place in one.places],
                "context": context_json(one.context),
            }
            for one in seen
        ],
    }
    for name in ("places", "near_duplicate_of"):  # these belong to a scan, and are under `seen`
        del found[name]
    return web.json_response(found)


async def has_thumbnail(request: web.Request, sha256: str) -> bool:
    try:
        await thumbnails.thumbnail(request.app[DATABASE], sha256)
    except NotFound:
        return False
    return True


def image_bytes(request: web.Request, data: bytes, content_type: str, tag: str) -> web.StreamResponse:
    """`data` with its private cache header; 304 when the browser has it. `tag` names the content."""
    headers = {"Cache-Control": PRIVATE, "ETag": f'"{tag}"', "Vary": "Authorization, Cookie"}
    known = request.if_none_match or ()
    if any(etag.value == tag for etag in known):
        return web.Response(status=304, headers=headers)
    return web.Response(body=data, content_type=content_type, headers=headers)


@operation(
    Operation(
        summary="The thumbnail: a small re-encoded copy",
        tag="images",
        access="caller",
        rate="read",
        answers={200: Answer("WebP", content_type=WEBP), 304: Answer("the browser's copy is current", content_type=None)},
    )
)
async def thumbnail(request: web.Request) -> web.StreamResponse:
    sha256 = sha256_of(request)
    return image_bytes(request, await thumbnails.thumbnail(request.app[DATABASE], sha256), WEBP, sha256)


@operation(
    Operation(
        summary="The CNN's heat map over the thumbnail",
        tag="images",
        access="caller",
        rate="read",
        answers={
            200: Answer("PNG: the thumbnail, coloured by the heat map", content_type=PNG),
            304: Answer("the browser's copy is current", content_type=None),
        },
        problems=(NotMadeYet,),
    )
)
async def heatmap(request: web.Request) -> web.StreamResponse:
    database, sha256 = request.app[DATABASE], sha256_of(request)
    version = (await sightings.image(database, sha256)).verdict.model_version
    png = await thumbnails.heatmap(database, sha256, version)
    if png is None:
        await thumbnails.thumbnail(database, sha256)  # NotFound if there is no thumbnail to compute it from
        await heatmaps.request(database, sha256, version)
        png = await _wait_for_heatmap(request, sha256, version)
    return image_bytes(request, png, PNG, f"{sha256}.{version}"[:128])


async def _wait_for_heatmap(request: web.Request, sha256: str, version: str) -> bytes:
    for _ in range(round(HEATMAP_WAIT_S / HEATMAP_POLL_S)):
        if png := await thumbnails.heatmap(request.app[DATABASE], sha256, version):
            return png
        await asyncio.sleep(HEATMAP_POLL_S)
    if not await request.app[QUEUE].workers():
        raise NotMadeYet("no worker is running to compute the heat map; `medlens worker` starts one")
    raise NotMadeYet("the heat map is being computed; an image judged by an earlier model gets one when it is scanned again")
