// "Scan as I see it": gives the bytes of this page's images that the page itself may read, and the addresses of those it may not.
// Put into the page on demand, once; its last value is the answer. Nothing is sent from here.
(async () => {
  if (document.contentType === "application/pdf") return { document: true }; // Chrome's viewer: the bytes are the address's own
  const LEAST_SIDE = 48; // pixels; smaller are icons
  const MOST = 300;
  const MAX_ONE = 20 * 1024 * 1024;
  const MAX_ALL = 40 * 1024 * 1024; // a message of the browser carries 64 MiB, and base64 grows by a third
  const SLICE = 300; // elements looked at before the page gets its turn
  const { keyOf, keysOf } = medlens.image_addresses;
  const here = [];
  const elsewhere = new Set();
  const done = new Set();
  let room = MAX_ALL;
  let looked = 0;

  function* elements(root) {
    for (const element of root.querySelectorAll("*")) {
      yield element;
      const shadow = element instanceof HTMLElement ? medlens.browser.shadowOf(element) : null;
      if (shadow) yield* elements(shadow);
    }
  }

  const tooSmall = (element) => element.localName === "img" && Math.min(element.naturalWidth, element.naturalHeight) < LEAST_SIDE;

  async function keep(url, blob) {
    if (!blob || blob.size > MAX_ONE || blob.size > room) return;
    room -= blob.size;
    here.push({ url: keyOf(url), type: blob.type, base64: await base64(blob) });
  }

  /** By a reader: Firefox lets a content script look at the page's buffers, but not cut them. */
  function base64(blob) {
    return new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
      reader.onerror = () => reject(reader.error);
      reader.readAsDataURL(blob);
    });
  }

  async function take(url) {
    const blob = await fetch(url, { cache: "force-cache", credentials: "same-origin" })
      .then((answer) => (answer.ok ? answer.blob() : null))
      .catch(() => null); // another site's, or the page's policy: the background may be allowed to
    if (blob) await keep(url, blob);
    else if (/^https?:/.test(url)) elsewhere.add(url);
  }

  function drawn(canvas) {
    return new Promise((resolve) => {
      try {
        canvas.toBlob(resolve);
      } catch {
        resolve(null); // it holds another site's pixels
      }
    });
  }

  for (const element of elements(document)) {
    if (done.size >= MOST) break;
    if (++looked % SLICE === 0) await new Promise((resolve) => setTimeout(resolve));
    if (element.localName === "canvas" && Math.min(element.width, element.height) >= LEAST_SIDE) {
      await keep(`canvas:${here.length}`, await drawn(element));
    }
    for (const url of tooSmall(element) ? [] : keysOf(element, { whole: true })) {
      if (done.has(url) || !/^(https?|data|blob):/.test(url)) continue;
      done.add(url);
      await take(url);
    }
  }
  return { here, elsewhere: [...elsewhere] };
})();
