// Lists every image that one frame shows, with its place. Runs in an isolated world: the page controls its DOM, not this script.
// `options`: {minSide, maxImages, maxChars, maxPixels, budgetMs, texts}.
// `closed`: the frame's closed shadow roots, which scripts cannot find.
// Boxes are [x, y, width, height] in CSS pixels of this frame's viewport. `urls` has each address once; entries have their index.
// `nearbyTexts`: the function of nearby_texts.js. With `options.texts` each entry has the texts near the image, as indices of `texts`:
// {caption, paragraph, heading, link}.
(nearbyTexts, options, ...closed) => {
  const started = performance.now();
  const SVG = "http://www.w3.org/2000/svg";
  const known = new Map();
  const urls = [];
  const texts = [];
  const found = { address: location.href, embedded: [], urls, texts, images: [], canvases: [], svgs: [], small: 0, videos: 0, cut: false };
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

  const { around: wordsAround, note } = nearbyTexts({ options, texts, boxOf, room, late });

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

  // Computed styles always contain url("..."), also for the candidates of image-set; only those that were loaded have bytes later.
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
      if (style.display === "list-item") addStyle(style.listStyleImage, element);  // inherited, so only where it is drawn
    }
  };

  // Scripts cannot read a canvas that is tainted, drawn by WebGL or transferred to a worker: `data` null requests a screenshot.
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
    found.canvases.push({ data, kind: "canvas", alt: altOf(canvas), box, texts: wordsAround(canvas, box) });
  };

  // A frame of a video, if one has been loaded; `data` null requests a screenshot.
  const addVideo = (video) => {
    const box = boxOf(video);
    if (!box || Math.min(box[2], box[3]) < options.minSide) return;
    if (video.readyState < video.HAVE_CURRENT_DATA || !video.videoWidth) { found.videos += 1; return; }
    let data = null;
    try {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
      canvas.getContext("2d").drawImage(video, 0, 0);
      data = canvas.toDataURL("image/png");
    } catch { /* of another site */ }
    if (data && !room(data)) { found.cut = true; return; }
    found.canvases.push({ data, kind: "video_frame", alt: altOf(video), box, texts: wordsAround(video, box) });
  };

  // The page's styles do not apply to an SVG drawn as an image, so each element's computed style is written into its copy.
  const PAINT = [
    "fill", "fill-opacity", "fill-rule", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linecap",
    "stroke-linejoin", "opacity", "color", "visibility", "display", "stop-color", "stop-opacity", "clip-path", "mask", "filter",
    "font-family", "font-size", "font-weight", "font-style", "text-anchor", "dominant-baseline", "mix-blend-mode",
  ];
  const LAID_OUT = [  // also, for the HTML inside a foreignObject
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
  // Whether a drawing consists mostly of images, which are in the Report themselves.
  const IMAGE_SHARE = 0.5;  // of the drawing's area
  const target = (use) => use.getRootNode().getElementById?.((use.getAttribute("href") || use.getAttribute("xlink:href") || "").slice(1));
  const isOneImage = (svg, box) => {
    const images = [...svg.querySelectorAll("image")];
    images.push(...[...svg.querySelectorAll("use")].filter((use) => target(use)?.matches("image, :has(image)")));
    const area = images.map(boxOf).reduce((sum, one) => sum + (one ? one[2] * one[3] : 0), 0);
    return area >= IMAGE_SHARE * box[2] * box[3];
  };
  const addSvg = (svg) => {
    const box = boxOf(svg);
    if (!box || getComputedStyle(svg).visibility === "hidden") return;
    if (Math.min(box[2], box[3]) < options.minSide) {
      if (!icons.has(svg.innerHTML)) found.small += 1;  // a repeated icon counts once
      icons.add(svg.innerHTML);
      return;
    }
    if (isOneImage(svg, box)) return;
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
    note(element);
    if (element.namespaceURI === SVG) {
      if (name === "image") add(element.href?.baseVal, "svg", element);
      // A frame that is an SVG file arrives as a response.
      else if (name === "svg" && !element.ownerSVGElement && !(wholeIsImage && window !== top)) addSvg(element);
      return;
    }
    if (name === "img") add(element.currentSrc || element.src, imgKind(element), element);
    else if (name === "input" && element.type === "image") add(element.src, "img", element);
    else if (name === "video") { if (element.poster) add(element.poster, "video_poster", element); else addVideo(element); }
    else if (name === "object") { embed(element.data, element.type); add(element.data, "object", element); }
    else if (name === "embed") { embed(element.src, element.type); add(element.src, "object", element); }
    else if (name === "iframe" || name === "frame") embed(element.src, "");
    else if (name === "canvas") addCanvas(element);
    addStyles(element);
  };
  const MAX_EMBEDDED = 40;
  const embed = (url, type) => {
    if (/^https?:/.test(url) && found.embedded.length < MAX_EMBEDDED && room(url)) found.embedded.push([url, type || ""]);
  };
  const imgKind = (img) => (wholeIsImage ? "frame" : img.parentElement?.localName === "picture" ? "picture" : "img");

  const roots = [document, ...closed];
  const seen = new Set(roots);
  while (roots.length) {
    for (const element of roots.shift().querySelectorAll("*")) {
      if (late()) { found.cut = true; return found; }
      const inner = element.shadowRoot;
      if (inner && !seen.has(inner)) { seen.add(inner); roots.push(inner); }
      try { addElement(element); } catch { /* an error for one element must not hide others */ }
    }
  }
  return found;
}
