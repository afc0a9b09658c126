// Collects what this frame shows, for "Scan as I see it": the bytes of images that may be read here, the addresses of those that may not,
// and the elements that can only be taken from the screen. Runs on demand, in every frame; its value is the answer. Nothing is sent from
// here.
medlens.define("collector", () => {
  const LEAST_SIDE = 48; // pixels; smaller are icons
  const MOST = 300; // images of one frame
  const MAX_ONE = 20 * 1024 * 1024;
  const MAX_ALL = 40 * 1024 * 1024; // a message of the browser carries 64 MiB, and base64 grows by a third
  const SLICE = 300; // elements looked at before the page gets its turn
  const SAMPLE = 24; // pixels a side, for telling a blank drawing
  const { keyOf, keysOf } = medlens.image_addresses;
  let shots = []; // elements to be taken from the screen; their number is their place here

  async function run() {
    if (document.contentType === "application/pdf") return { document: true }; // Chrome's viewer: the bytes are the address's own
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

    /** An image by its address; one that no longer gives its bytes, as a revoked blob:, by drawing it. */
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

    /** A canvas or a film as it stands. WebGL mostly gives nothing once its picture is on the screen. */
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

  /** As this script names itself in that frame: by its host; a document without address is about: . */
  const hostOf = (frame) => new URL(frame.getAttribute("src") ?? "about:blank", document.baseURI).host || "about:";

  function nameOf(url) {
    return /^https?:/.test(url) ? new URL(url).pathname.split("/").at(-1).slice(0, 60) : "";
  }

  const bytesOf = (url) =>
    fetch(url, { cache: "force-cache", credentials: "same-origin" })
      .then((answer) => (answer.ok ? answer.blob() : null))
      .catch(() => null); // another site's, or the page's policy: the background may be allowed to

  /** By a reader: Firefox lets a content script look at the page's buffers, but not cut them. */
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
        resolve(null); // it holds another site's pixels, or a worker draws it
      }
    });
  }

  function copyOf(element, width, height) {
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvas.getContext("2d").drawImage(element, 0, 0);
    return drawn(canvas);
  }

  /** Whether a drawing reads as one colour. One that may not be read counts as such: the screen has it. */
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

  return { run, element: (id) => shots[id] };
});
medlens.collector.run();
