// Lists every image one frame shows and where: run in an isolated world, so the page can neither see nor falsify it, only its DOM.
// `options`: {minSide, maxImages, maxChars, maxPixels, budgetMs, texts}; `closed`: the frame's closed shadow roots, which no script finds.
// Boxes are [x, y, width, height] in CSS pixels of this frame's viewport. Addresses stand in `urls` once; entries hold their index.
// With `options.texts` each entry has what a reader sees with the image: {caption, paragraph, heading, link}, indices of `texts`.
(options, ...closed) => {
  const started = performance.now();
  const SVG = "http://www.w3.org/2000/svg";
  const known = new Map();
  const urls = [];
  const texts = [];
  const found = { title: document.title, urls, texts, images: [], canvases: [], svgs: [], small: 0, tooMany: 0, cut: false };
  const icons = new Set();
  let chars = 0;

  const late = () => performance.now() - started > options.budgetMs;
  const boxOf = (element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.height > 0 ? [box.x, box.y, box.width, box.height] : null;
  };
  const altOf = (element) =>
    element.getAttribute("alt") || element.getAttribute("aria-label") || element.getAttribute("title") ||
    element.querySelector(":scope > title")?.textContent || null;
  const absolute = (text) => {
    if (!text || text.startsWith("data:")) return text;
    try { return new URL(text, document.baseURI).href; } catch { return null; }
  };
  const room = (text) => (chars += text.length) <= options.maxChars;

  // What a reader sees with an image. Menus, page heads and feet speak of the site, not of an image in the text.
  const SITE = "nav, footer, menu, [role=navigation], [role=menu], [role=menubar], [role=contentinfo], [role=banner], body > header";
  const HEADINGS = "h1, h2, h3, h4, h5, h6, [role=heading]";
  const TEXT_CHARS = 600;
  const NEAR_PX = 160;  // between an image and the paragraph that belongs to it
  const CLIMB = 5;  // elements around an image that are searched for its paragraph and heading
  const known_texts = new Map();
  let lastHeading = null;
  const textOf = (element) => {
    const whole = (element?.innerText ?? element?.textContent ?? "").slice(0, 4 * TEXT_CHARS);
    const text = whole.replace(/\s+/g, " ").trim().slice(0, TEXT_CHARS);
    if (!text) return null;
    if (!known_texts.has(text)) {
      if (!room(text)) return null;
      known_texts.set(text, texts.push(text) - 1);
    }
    return known_texts.get(text);
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
    if (!box) return !other;  // of a slide that is not shown now: its own text is not shown either
    if (!other || !shown(element)) return false;
    const overlap = Math.min(box[0] + box[2], other[0] + other[2]) - Math.max(box[0], other[0]);
    const below = other[1] - (box[1] + box[3]);
    const above = box[1] - (other[1] + other[3]);
    if (overlap > 0) return Math.max(below, above) <= NEAR_PX;
    const beside = Math.max(other[0] - box[0] - box[2], box[0] - other[0] - other[2]);
    return below < 0 && above < 0 && beside <= NEAR_PX;
  };
  // The text next to the image: what follows it, else what stands before it, in the smallest element around it that has any.
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
      if (!lonely(here)) {  // rows of images: the text of each stands in its own cell, a text of all behind them
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
      const own = here.querySelector(HEADINGS);  // of a card, wherever it stands in it
      if (own) return own;
    }
    return lastHeading;
  };
  const wordsAround = (element, box) => {
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

  const add = (text, kind, element) => {
    const url = absolute(text?.trim());
    if (!url) return;
    if (!known.has(url)) {
      if (!room(url)) { found.cut = true; return; }
      known.set(url, urls.push(url) - 1);
    }
    if (found.images.length >= options.maxImages) { found.cut = true; return; }
    const box = boxOf(element);
    const texts = kind === "background" ? null : wordsAround(element, box);
    found.images.push({ url: known.get(url), kind, alt: altOf(element), box, texts });
  };

  // Computed styles always write url("..."), image-set candidates included; of those only what was loaded has bytes later.
  const unescaped = (text) =>
    text.replace(/\\([0-9a-f]{1,6})\s?|\\(.)/gi, (_, hex, char) => (hex ? String.fromCodePoint(parseInt(hex, 16) % 0x110000) : char));
  const addStyle = (value, element) => {
    if (!value.includes("url(")) return;
    for (const [, text] of value.matchAll(/url\("((?:[^"\\]|\\.)*)"\)/g)) add(unescaped(text), "background", element);
  };
  const addStyles = (element) => {
    for (const pseudo of [null, "::before", "::after"]) {
      const style = getComputedStyle(element, pseudo);
      if (pseudo && (style.content === "none" || style.content === "normal")) continue;
      addStyle(style.backgroundImage, element);
      addStyle(style.borderImageSource, element);
      addStyle(style.maskImage || "", element);
      addStyle(style.content, element);
      if (style.display === "list-item") addStyle(style.listStyleImage, element);  // inherited: only where it draws
    }
  };

  // A canvas that is tainted, drawn by WebGL or handed to a worker gives no pixels to scripts: `data` null asks for a screenshot.
  const drawn = (canvas) => {
    const probe = new OffscreenCanvas(16, 16).getContext("2d", { willReadFrequently: true });
    probe.drawImage(canvas, 0, 0, 16, 16);
    return probe.getImageData(0, 0, 16, 16).data.some((value) => value !== 0);
  };
  const addCanvas = (canvas) => {
    const box = boxOf(canvas);
    if (Math.min(canvas.width, canvas.height) < options.minSide) { found.small += 1; return; }
    let data = null;
    try {
      if (canvas.width * canvas.height > options.maxPixels) data = "";
      else if (drawn(canvas)) data = canvas.toDataURL("image/png");
      else if (canvas.getContext("2d")) return;  // nothing is on it
    } catch { /* no pixels for scripts */ }
    if (data && !room(data)) { found.cut = true; return; }
    const { width, height } = canvas;
    found.canvases.push({ data, width, height, alt: altOf(canvas), box, texts: wordsAround(canvas, box) });
  };

  // An SVG image sees no style of the page, so what the page's styles make of each element is written onto its copy.
  const PAINT = [
    "fill", "fill-opacity", "fill-rule", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linecap",
    "stroke-linejoin", "opacity", "color", "visibility", "display", "stop-color", "stop-opacity", "clip-path", "mask", "filter",
    "font-family", "font-size", "font-weight", "font-style", "text-anchor", "dominant-baseline", "mix-blend-mode",
  ];
  const LAID_OUT = [  // besides, for the HTML inside a foreignObject
    "background-color", "border", "box-sizing", "height", "line-height", "margin", "padding", "position", "text-align", "white-space",
    "width",
  ];
  const MAX_STYLED = 3000;
  const paint = (element, copy) => {
    const style = getComputedStyle(element);
    const names = element.namespaceURI === SVG ? PAINT : [...PAINT, ...LAID_OUT];
    const lines = names.map((name) => `${name}:${style.getPropertyValue(name)}`);
    if (style.transform !== "none" && !element.hasAttribute("transform"))
      lines.push(`transform:${style.transform}`, `transform-origin:${style.transformOrigin}`, `transform-box:${style.transformBox}`);
    copy.setAttribute("style", lines.join(";"));
  };
  const addSvg = (svg) => {
    const box = boxOf(svg);
    if (!box || getComputedStyle(svg).visibility === "hidden") return;
    if (Math.min(box[2], box[3]) < options.minSide) {
      if (!icons.has(svg.innerHTML)) found.small += 1;  // the same icon many times is one
      icons.add(svg.innerHTML);
      return;
    }
    const copy = svg.cloneNode(true);
    const elements = svg.querySelectorAll("*");
    const copies = [...copy.querySelectorAll("*")];
    paint(svg, copy);
    for (let index = 0; index < Math.min(copies.length, MAX_STYLED) && !late(); index += 1) paint(elements[index], copies[index]);
    copy.style.transform = "none";
    copy.style.display = "inline";
    const links = [];
    for (const part of copies) {
      const href = part.getAttribute("href") || part.getAttribute("xlink:href") || "";
      if (part.localName === "script" || part.localName === "foreignObject" && !part.hasChildNodes()) part.remove();
      if (part.localName === "image" && href) {
        part.removeAttribute("xlink:href");
        part.setAttribute("href", absolute(href) || "");
        if (!href.startsWith("data:")) links.push(part.getAttribute("href"));
      }
      if (part.localName === "use" && href.startsWith("#") && !copy.querySelector(`[id="${CSS.escape(href.slice(1))}"]`)) {
        const target = svg.getRootNode().getElementById?.(href.slice(1)) || document.getElementById(href.slice(1));
        if (target) copy.append(target.localName === "symbol" ? target.cloneNode(true) : inDefs(target));
      }
    }
    copy.setAttribute("xmlns", SVG);
    copy.setAttribute("width", box[2]);
    copy.setAttribute("height", box[3]);
    const markup = new XMLSerializer().serializeToString(copy);
    if (!room(markup)) { found.cut = true; return; }
    found.svgs.push({ markup, links, alt: altOf(svg), box, texts: wordsAround(svg, box) });
  };
  const inDefs = (target) => {
    const defs = document.createElementNS(SVG, "defs");
    defs.append(target.cloneNode(true));
    return defs;
  };

  const wholeIsImage = document.contentType.startsWith("image/");
  const addElement = (element) => {
    const name = element.localName;
    if (options.texts && element.matches(HEADINGS) && !element.closest(SITE)) lastHeading = element;
    if (element.namespaceURI === SVG) {
      if (name === "image") add(element.href?.baseVal, "svg", element);
      // A frame that is an SVG file arrived as a response.
      else if (name === "svg" && !element.ownerSVGElement && !(wholeIsImage && window !== top)) addSvg(element);
      return;
    }
    if (name === "img") add(element.currentSrc || element.src, imgKind(element), element);
    else if (name === "input" && element.type === "image") add(element.src, "img", element);
    else if (name === "video") add(element.poster, "video_poster", element);
    else if (name === "object") add(element.data, "object", element);
    else if (name === "embed") add(element.src, "object", element);
    else if (name === "canvas") addCanvas(element);
    addStyles(element);
  };
  const imgKind = (img) => (wholeIsImage ? "frame" : img.parentElement?.localName === "picture" ? "picture" : "img");

  const roots = [document, ...closed];
  const seen = new Set(roots);
  while (roots.length) {
    for (const element of roots.shift().querySelectorAll("*")) {
      if (late()) { found.cut = true; return found; }
      const inner = element.shadowRoot;
      if (inner && !seen.has(inner)) { seen.add(inner); roots.push(inner); }
      try { addElement(element); } catch { /* one odd element hides no other */ }
    }
  }
  return found;
}
