// Lists the images that one frame names and does not show: those of slides and lazy elements that never loaded, of noscript, and of
// the page's structured data. Runs in an isolated world. `options`: {minSide, maxNamed, budgetMs}; `closed`: the frame's closed
// shadow roots. Returns {named: [{urls, alt}], buttons, tabs, cut}. `urls`: addresses of one image in several sizes, the one to
// load first. `buttons`, `tabs`: the number of those that would show more if they were pressed.
(options, ...closed) => {
  const started = performance.now();
  const late = () => performance.now() - started > options.budgetMs;
  const EXTENSION = /\.(?:jpe?g|jfif|png|webp|avif|gif|bmp|svg)$/i;
  const NAME = /(?:^|-)(?:src|srcset|original|lazy|image|img|bg|background|url|hi-?res|full)$/;
  const IN_JSON = /"((?:[^"\\\s]|\\\/)+\.(?:jpe?g|png|webp|avif|gif|bmp)(?:\?[^"\s]*)?)"/gi;
  const MAX_JSON = 200_000;  // characters of one attribute or script
  const MAX_DEPTH = 8;       // of structured data
  const MAX_WIDTH = 2048;    // of a candidate in srcset; no model uses more
  const MORE = new RegExp("^\\W*(?:(?:load|show|view|see)\\s+(?:\\w+\\s+)?more|more (?:images|results|cases)|mehr (?:laden|anzeigen)"
    + "|weitere (?:laden|anzeigen|bilder)|voir plus|afficher plus|cargar más|(?:ver|mostrar) más|(?:carica|mostra) altri"
    + "|ещё|もっと見る|加载更多|查看更多)", "i");
  const found = { named: [], buttons: 0, tabs: 0, cut: false };
  const known = new Set();

  const absolute = (text) => {
    if (!text || text.length > 4000 || /^(?:data|blob|javascript|about):/i.test(text)) return null;
    try {
      const url = new URL(text, document.baseURI);
      return /^https?:$/.test(url.protocol) ? url : null;
    } catch { return null; }
  };
  const imageUrl = (text) => {
    const url = absolute(text);
    return url && EXTENSION.test(url.pathname) ? url.href : null;
  };
  // Candidates of a srcset, the largest that is not larger than needed first.
  const ofSrcset = (text) => (text || "").split(/,\s+|,(?=https?:)/).map((part) => part.trim().split(/\s+/))
    .map(([url, size]) => [absolute(url)?.href, parseFloat(size) || 1])
    .filter(([url]) => url)
    .sort((one, other) => (other[1] <= MAX_WIDTH) - (one[1] <= MAX_WIDTH) || other[1] - one[1])
    .map(([url]) => url);
  const add = (urls, alt) => {
    const own = [...new Set(urls.filter(Boolean))];
    if (!own.length || known.has(own[0])) return;
    known.add(own[0]);
    if (found.named.length >= options.maxNamed) { found.cut = true; return; }
    found.named.push({ urls: own, alt: alt || null });
  };

  const dataAttributes = (element) => [...element.attributes].filter(({ name, value }) => name.startsWith("data-") && value);
  const ofData = (element, isImage) => dataAttributes(element).flatMap(({ name, value }) => {
    if (/^\s*[[{]/.test(value)) return [];
    if (/srcset$/.test(name)) return ofSrcset(value);
    const text = value.match(/^\s*url\(\s*["']?(.+?)["']?\s*\)\s*$/)?.[1] ?? value.trim();
    return [isImage && NAME.test(name.slice(5)) && !/\s/.test(text) ? absolute(text)?.href : imageUrl(text)];
  }).filter(Boolean);

  // An image that is shown by many elements, each of which names another image, is a placeholder.
  const shares = new Map();
  const loaded = (img) => Math.min(img.naturalWidth, img.naturalHeight) >= options.minSide && !img.currentSrc.startsWith("data:");
  const shows = (img) => loaded(img) && !((shares.get(img.currentSrc)?.size ?? 0) > 1);
  const small = (img) => [img.getAttribute("width"), img.getAttribute("height")].some((side) => side && parseFloat(side) < options.minSide);
  const addImg = (img) => {
    if (shows(img) || small(img)) return;
    const lazy = ofData(img, true);
    const sources = img.parentElement?.localName === "picture" ? [...img.parentElement.querySelectorAll("source")] : [];
    const lazySources = sources.flatMap((source) => ofData(source, true));
    if (lazy.length || lazySources.length) add([...lazy, ...lazySources], img.alt);
    else add([img.currentSrc, absolute(img.getAttribute("src"))?.href, ...ofSrcset(img.srcset),
      ...sources.flatMap((source) => ofSrcset(source.srcset))], img.alt);
  };
  const addData = (element) => {
    if (element.querySelector("img") || element.localName === "source") return;  // then it is a larger copy of what the img shows
    const alt = element.getAttribute("aria-label") || element.getAttribute("title");
    add(ofData(element, false), alt);
    for (const { value } of dataAttributes(element)) {
      if (!/^\s*[[{]/.test(value) || value.length > MAX_JSON) continue;
      for (const [, text] of value.matchAll(IN_JSON)) add([imageUrl(text.replaceAll("\\/", "/"))], alt);
    }
  };
  const addNoscript = (noscript) => {
    const beside = [noscript.previousElementSibling, noscript.nextElementSibling];
    if (beside.some((element) => element && (element.localName === "img" || element.querySelector("img")))) return;
    const inside = new DOMParser().parseFromString(noscript.textContent, "text/html");
    for (const img of inside.querySelectorAll("img")) {
      const sources = [img, ...(img.closest("picture")?.querySelectorAll("source") ?? [])];
      if (!small(img) && img.style.display !== "none")
        add([absolute(img.getAttribute("src"))?.href, ...sources.flatMap((one) => ofSrcset(one.srcset))], img.alt);
    }
  };
  const addStructured = (script) => {
    if (script.textContent.length > MAX_JSON) { found.cut = true; return; }
    const images = (value, depth) => {
      if (depth > MAX_DEPTH) return;
      if (typeof value === "string") add([absolute(value)?.href], null);
      else if (Array.isArray(value)) value.forEach((one) => images(one, depth + 1));
      else if (value && typeof value === "object")
        add([value.contentUrl, value.url].flat().map((url) => absolute(url)?.href), value.caption || value.name);
    };
    const walk = (value, depth) => {
      if (depth > MAX_DEPTH || !value || typeof value !== "object") return;
      if ([value["@type"]].flat().includes("ImageObject")) { images(value, depth); return; }
      for (const [key, inner] of Object.entries(value)) {
        if (key === "image" || key === "primaryImageOfPage" || key === "associatedMedia") images(inner, depth);
        else walk(inner, depth + 1);
      }
    };
    try { walk(JSON.parse(script.textContent), 0); } catch { /* broken data names no image */ }
  };
  const countControl = (element) => {
    if (element.matches("[role=tab][aria-selected=false]")) {
      const panel = document.getElementById(element.getAttribute("aria-controls") || "");
      if (!panel || !panel.childElementCount) found.tabs += 1;
    } else if (element.matches("button, a, [role=button], input[type=button]")) {
      const text = (element.value || element.textContent || "").trim();
      if (text.length <= 60 && MORE.test(text) && element.checkVisibility?.() !== false) found.buttons += 1;
    }
  };

  const roots = [document, ...closed];
  const all = [];
  for (const root of roots) for (const element of root.querySelectorAll("*")) {
    all.push(element);
    if (element.shadowRoot && !roots.includes(element.shadowRoot)) roots.push(element.shadowRoot);
  }
  for (const element of all) {
    if (element.localName !== "img" || !loaded(element)) continue;
    const [lazy] = ofData(element, true);
    if (lazy && lazy !== element.currentSrc) shares.set(element.currentSrc, (shares.get(element.currentSrc) ?? new Set()).add(lazy));
  }
  for (const element of all) {
    if (late()) { found.cut = true; break; }
    try {
      if (element.localName === "img") addImg(element);
      else if (element.localName === "noscript") addNoscript(element);
      else if (element.localName === "script") { if (/^application\/ld\+json\s*(?:;|$)/i.test(element.type)) addStructured(element); }
      else if (dataAttributes(element).length) addData(element);
      countControl(element);
    } catch { /* an error for one element must not hide others */ }
  }
  return found;
}
