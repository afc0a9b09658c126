"""Siblings of the reported pages: other ways to write lazy images, structured data, styles and frames."""

from __future__ import annotations

import json

import pytest

from tests.extract.conftest import Visit
from tests.site import Site, page, picture

ONE = "/one.png?a"


def structured(value: object, kind: str = "application/ld+json") -> str:
    return f"<script type='{kind}'>{json.dumps(value)}</script>"


OBJECT = {"@type": "ImageObject", "contentUrl": ONE, "caption": "A film"}
HIDDEN = {
    "slide_with_lazy_src": f"<div style='width:0;overflow:hidden'><img data-lazy-src='{ONE}' alt='A film'></div>",
    "picture_with_lazy_sources": f"<picture><source data-srcset='{ONE} 300w, /two.png 600w'><img alt='A film'></picture>",
    "array_of_image_objects": structured({"@type": "Article", "image": [OBJECT]}),
    "image_objects_at_the_top": structured([{"@context": "https://schema.org", **OBJECT}]),
    "image_object_in_a_graph": structured({"@graph": [{"@type": "WebPage"}, {"@type": ["ImageObject"], "contentUrl": ONE}]}),
    "array_of_content_addresses": structured({"image": {"@type": "ImageObject", "contentUrl": [ONE]}}),
    "structured_data_with_parameters": structured({"image": ONE}, "application/ld+json; charset=utf-8"),
    "hidden_background": f"<style>.b {{ display: none; background-image: url({ONE}) }}</style><div class=b></div>",
    "hidden_background_of_data": f"<div data-bg=\"url('{ONE}')\"></div>",
    "lazy_poster": "<video data-poster='/one.png?a'></video>",
    "lazy_svg_image": f"<svg width=0 height=0><image data-href='{ONE}'/></svg>",
    "hidden_object": f"<object data='{ONE}' type='image/png' style='display:none'></object>",
    "hidden_poster": f"<video poster='{ONE}' preload=none style='display:none'></video>",
    "hidden_input": f"<input type=image src='{ONE}' style='display:none'>",
    "noscript_in_a_figure": f"<figure><noscript><picture><source srcset='{ONE}'><img alt='A film'></picture></noscript></figure>",
    "srcset_without_spaces": "<div style='display:none'><img loading=lazy srcset='/one.png?a 300w,/two.png 600w' alt=''></div>",
}
SIZE = "width: 200px; height: 160px;"
SHOWN = {
    "image_set_before": f".b::before {{ content: ''; display: block; {SIZE} background: image-set(url({ONE}) 1x) }}",
    "content_image_set": f".b::after {{ content: image-set(url({ONE}) 1x, url({ONE}) 2x) }}",
    "cross_fade": f".b {{ {SIZE} background: -webkit-cross-fade(url({ONE}), url({ONE}), 50%) }}",
    "shape_in_a_layer": f"@layer x {{ @supports (display: grid) {{ .b {{ {SIZE} background: url({ONE}) }} }} }}",
    "variable": f".b {{ --film: url({ONE}); {SIZE} background: var(--film) }}",
}


@pytest.mark.parametrize("markup", HIDDEN.values(), ids=HIDDEN)
async def test_what_is_named_is_found(visit: Visit, site: Site, markup: str) -> None:
    data = picture(seed=301)
    site.add("/one.png", data, "image/png")
    site.add("/two.png", data, "image/png")
    site.add("/", page(markup))
    seen = await visit(site.url("/"))
    assert seen.images == {data}


@pytest.mark.parametrize("style", SHOWN.values(), ids=SHOWN)
async def test_what_styles_show_has_a_box(visit: Visit, site: Site, style: str) -> None:
    data = picture(seed=302)
    site.add("/one.png", data, "image/png")
    site.add("/", page(f"<style>{style}</style><div class=b></div>"))
    seen = await visit(site.url("/"))
    [place] = set(seen.places(data))
    assert place.kind == "background" and place.box


async def test_a_box_in_a_frame_of_another_site_is_scrolled(visit: Visit, site: Site) -> None:
    images = [picture(seed=310 + number) for number in range(6)]
    for number, data in enumerate(images):
        site.add(f"/{number}.png", data, "image/png")
    script = """<script>const box = document.querySelector('div'); box.addEventListener('scroll', () => {
      for (const one of box.querySelectorAll('[data-later]'))
        if (one.getBoundingClientRect().top < 300 && !one.src) one.src = one.dataset.later; });</script>"""
    rows = "".join(f"<p style='height:300px'><img data-later='/{number}.png' width=200 height=160></p>" for number in range(6))
    site.add("/frame.html", page(f"<div style='height:280px;width:300px;overflow:auto'>{rows}</div>{script}"))
    site.add("/", page(f"<iframe src='{site.url('/frame.html', 'localhost')}' width=400 height=320></iframe>"))
    assert (await visit(site.url("/"))).images == set(images)


async def test_static_iiif_tiles_are_one_image(visit: Visit, site: Site) -> None:
    """Level 0: a service without `full/max` has only its tiles."""
    tiles = [picture(size=(256, 256), seed=320 + number) for number in range(4)]
    rows = []
    for number, data in enumerate(tiles):
        x, y = 256 * (number % 2), 256 * (number // 2)
        site.add(f"/iiif/{x},{y},256,256/256,/0/default.png", data, "image/png")
        rows.append(f"<img src='/iiif/{x},{y},256,256/256,/0/default.png' style='position:absolute;left:{x}px;top:{y}px'>")
    site.add("/", page(f"<div style='position:relative;width:512px;height:512px'>{''.join(rows)}</div>"))
    seen = await visit(site.url("/"))
    assert [one.place.kind for one in seen.candidates] == ["mosaic"]
