// Collects the images of this frame for "Scan as I see it": the bytes of those that can be read here, the addresses of those that cannot,
// and the elements that can only be taken from the screen. It is injected into every frame on demand; the value of the script is the
// answer to the background.
medlens.define("collector", () => {
  const LEAST_SIDE = 48; // pixels; smaller are icons
  const MOST = 300; // images from one frame
  const MAX_ONE = 20 * 1024 * 1024;
  const MAX_ALL = 40 * 1024 * 1024; // bytes; a message between scripts may have 64 MiB, and base64 adds a third
  const SLICE = 300; // elements examined before the page's own scripts can run
  const SAMPLE = 24; // pixels per side of the copy that is checked for a blank drawing
  const { keyOf, keysOf } = medlens.image_addresses;
  let shots = []; // elements to be taken from the screen; an element's id is its index here

  async function run() {
    if (document.contentType === "application/pdf") return { document: true }; // Chrome's PDF viewer: the background fetches the tab's address
    shots = [];
    const found = { here: [], elsewhere: [], shots: [], missing: [], frames: [], frame: location.host || "about:" };
    const done = new Set();
    let room = MAX_ALL;
    let looked = 0;

    async function keep(url, blob) {
      if (blob.size > MAX_ONE || blob.size > room) return void found.missing.push({ what: "large", name: nameOf(url) });
      room -= blob.size;
      found.here.push({ url: keyOf(url), type: blob.type, base64: await base64(blob) });
    }

    const shoot = (element, what, url) => shots.push(element) && found.shots.push({ id: shots.length - 1, what, url: url ?? `${what}:${shots.length}` });

    /** An image's bytes from its address; if that no longer works, as with a revoked blob:, from a canvas. */
    async function take(url, element) {
      const blob = await bytesOf(url);
      if (blob) return keep(url, blob);
      if (/^https?:/.test(url)) {
        shots.push(element);
        return void found.elsewhere.push({ url, id: shots.length - 1 });
      }
      const copy = element.localName === "img" ? await copyOf(element, element.naturalWidth, element.naturalHeight) : null;
      return copy ? keep(url, copy) : shoot(element, "image", keyOf(url));
    }

    /** The current pixels of a canvas or a video. A WebGL canvas is usually empty once its frame is on the screen. */
    async function takeDrawing(element, width, height) {
      const copy = blank(element) ? null : await (element.localName === "canvas" ? drawn(element) : copyOf(element, width, height));
      if (copy) await keep(`${element.localName}:${found.here.length}`, copy);
      else shoot(element, element.localName);
    }

    for (const element of elements(document)) {
      if (++looked % SLICE === 0) await new Promise((resolve) => setTimeout(resolve));
      const { localName } = element;
      if (localName === "canvas" && big(element.width, element.height)) await takeDrawing(element, element.width, element.height);
      if (localName === "video" && big(element.videoWidth, element.videoHeight)) await takeDrawing(element, element.videoWidth, element.videoHeight);
      if ((localName === "iframe" || localName === "frame") && shows(element)) found.frames.push(hostOf(element));
      if (localName === "img" && !big(element.naturalWidth, element.naturalHeight)) continue;
      for (const url of keysOf(element, { whole: true })) {
        if (done.has(url) || !/^(https?|data|blob):/.test(url)) continue;
        done.add(url);
        if (done.size > MOST) found.missing.push({ what: "more", name: "" });
        else await take(url, element);
      }
    }
    return found;
  }

  function* elements(root) {
    for (const element of root.querySelectorAll("*")) {
      yield element;
      const shadow = element instanceof HTMLElement ? medlens.browser.shadowOf(element) : null;
      if (shadow) yield* elements(shadow);
    }
  }

  const big = (width, height) => Math.min(width, height) >= LEAST_SIDE;

  function shows(element) {
    const { width, height } = element.getBoundingClientRect();
    return big(width, height) && element.checkVisibility();
  }

  /** The host of a frame, as this script reports it from inside that frame; "about:" for a document without an address. */
  const hostOf = (frame) => new URL(frame.getAttribute("src") ?? "about:blank", document.baseURI).host || "about:";

  function nameOf(url) {
    return /^https?:/.test(url) ? new URL(url).pathname.split("/").at(-1).slice(0, 60) : "";
  }

  const bytesOf = (url) =>
    fetch(url, { cache: "force-cache", credentials: "same-origin" })
      .then((answer) => (answer.ok ? answer.blob() : null))
      .catch(() => null); // of another site, or refused by the page's policy; the background may still be allowed to fetch it

  /** With a FileReader: in Firefox a content script can read the page's buffers but not slice them. */
  function base64(blob) {
    return new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
      reader.onerror = () => reject(reader.error);
      reader.readAsDataURL(blob);
    });
  }

  function drawn(canvas) {
    return new Promise((resolve) => {
      try {
        canvas.toBlob(resolve);
      } catch {
        resolve(null); // it contains pixels of another site, or a worker draws it
      }
    });
  }

  function copyOf(element, width, height) {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvas.getContext("2d").drawImage(element, 0, 0);
    return drawn(canvas);
  }

  /** Whether a drawing is of one colour. One that cannot be read counts as blank, and is then taken from the screen. */
  function blank(element) {
    const canvas = Object.assign(document.createElement("canvas"), { width: SAMPLE, height: SAMPLE });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    try {
      context.drawImage(element, 0, 0, SAMPLE, SAMPLE);
      const pixels = new Uint32Array(context.getImageData(0, 0, SAMPLE, SAMPLE).data.buffer);
      return pixels.every((pixel) => pixel === pixels[0]);
    } catch {
      return true;
    }
  }

  return { run, element: (id) => shots[id], LEAST_SIDE };
});
medlens.collector.run();
