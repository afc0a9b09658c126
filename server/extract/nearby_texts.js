// Finds the texts near the images of one frame: captions, paragraphs, headings, links. Part of collect.js, which calls
// `around(element, box)` for each image in page order and `note(element)` for every element before it.
// `tools`: {options, texts, boxOf, room, late} of collect.js; texts are collected in `texts`, and entries have their indices.
({ options, texts, boxOf, room, late }) => {
  // The texts near an image. Menus, page headers and footers are about the site, not about an image in the text.
  const SITE = "nav, footer, menu, [role=navigation], [role=menu], [role=menubar], [role=contentinfo], [role=banner], body > header";
  const HEADINGS = "h1, h2, h3, h4, h5, h6, [role=heading]";
  const TEXT_CHARS = 600;
  const NEAR_PX = 160;  // between an image and the paragraph that belongs to it
  const CLIMB = 5;  // elements around an image that are searched for its paragraph and heading
  const known = new Map();
  let lastHeading = null;
  const textOf = (element) => {
    const whole = (element?.innerText ?? element?.textContent ?? "").slice(0, 4 * TEXT_CHARS);
    const text = whole.replace(/\s+/g, " ").trim().slice(0, TEXT_CHARS);
    if (!text) return null;
    if (!known.has(text)) {
      if (!room(text)) return null;
      known.set(text, texts.push(text) - 1);
    }
    return known.get(text);
  };
  const shown = (element) => element.checkVisibility?.({ visibilityProperty: true }) ?? true;
  const captionOf = (element) => {
    const figure = element.closest("figure, [role=figure]");
    const caption = figure?.querySelector("figcaption");
    if (caption) return caption;
    const described = (element.getAttribute("aria-describedby") || "").split(/\s+/)[0];
    if (described) return element.getRootNode().getElementById?.(described) ?? null;
    return element.closest('[class*="caption" i]:not(body)')?.querySelector('[class*="caption" i]') ?? null;
  };
  const lonely = (element) => !element.getElementsByTagName("img")[1];
  const isText = (element) =>
    !element.matches(`script, style, noscript, button, select, ${HEADINGS}, ${SITE}`) &&
    !element.querySelector("img, picture, canvas, video, form, table") && (element.textContent || "").trim().length >= 3;
  const near = (box, element) => {
    const other = boxOf(element);
    if (!box) return !other;  // the image is on a hidden slide, whose text is hidden, too
    if (!other || !shown(element)) return false;
    const overlap = Math.min(box[0] + box[2], other[0] + other[2]) - Math.max(box[0], other[0]);
    const below = other[1] - (box[1] + box[3]);
    const above = box[1] - (other[1] + other[3]);
    if (overlap > 0) return Math.max(below, above) <= NEAR_PX;
    const beside = Math.max(other[0] - box[0] - box[2], box[0] - other[0] - other[2]);
    return below < 0 && above < 0 && beside <= NEAR_PX;
  };
  // The text next to the image: after it, else before it, in the smallest element around it that has any text.
  const paragraphOf = (element, box) => {
    let here = element;
    for (let step = 0; step < CLIMB && here.parentElement && here.parentElement !== document.body; step += 1) {
      for (const side of ["nextElementSibling", "previousElementSibling"]) {
        let other = here[side];
        for (let hop = 0; hop < 2 && other; hop += 1, other = other[side]) {
          if (other.matches(HEADINGS)) break;
          if (isText(other) && near(box, other)) return other;
        }
      }
      here = here.parentElement;
      if (!lonely(here)) {  // in rows of images, each text is in its image's cell, and a common text follows them
        const behind = here.nextElementSibling;
        return behind && isText(behind) && near(box, behind) ? behind : null;
      }
      const own = [...here.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim().length >= 3);
      if (own.length && !here.matches(SITE)) return { textContent: own.map((node) => node.textContent).join(" ") };
    }
    const after = here.nextElementSibling;
    return after && isText(after) && near(box, after) ? after : null;
  };
  const headingOf = (element) => {
    let here = element.parentElement;
    for (let step = 0; step < CLIMB && here && here !== document.body && lonely(here); step += 1, here = here.parentElement) {
      const own = here.querySelector(HEADINGS);  // the heading of a card, anywhere in it
      if (own) return own;
    }
    return lastHeading;
  };
  const around = (element, box) => {
    if (!options.texts || late() || !element.closest || element.closest(SITE)) return null;
    const caption = captionOf(element);
    const link = element.closest("a[href]");
    return {
      caption: caption && textOf(caption),
      paragraph: caption ? null : textOf(paragraphOf(element, box)),
      heading: textOf(headingOf(element)),
      link: link && (textOf(link) ?? textOf({ textContent: link.getAttribute("title") || link.getAttribute("aria-label") })),
    };
  };

  const note = (element) => {
    if (options.texts && element.matches(HEADINGS) && !element.closest(SITE)) lastHeading = element;
  };
  return { around, note };
}
