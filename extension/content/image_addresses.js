// Which images an element shows: the addresses by which a scan may list them.
medlens.define("image_addresses", () => {
  const LONG = 2048; // a data: address can be megabytes; its ends and its length tell it apart
  const SVG = "http://www.w3.org/2000/svg";

  /** What an address is compared by: without fragment, and never longer than a few lines. */
  function keyOf(url) {
    const whole = url.startsWith("data:") ? url : url.split("#", 1)[0];
    return whole.length > LONG ? `${whole.slice(0, 512)}…${whole.length}…${whole.slice(-512)}` : whole;
  }

  function absolute(text) {
    try {
      return text.startsWith("data:") ? text : new URL(text, document.baseURI).href;
    } catch {
      return "";
    }
  }

  function own(element) {
    switch (element.localName) {
      case "img":
        return [element.currentSrc, element.src];
      case "image":
        return element.namespaceURI === SVG ? [element.href?.baseVal] : [];
      case "video":
        return [element.poster];
      case "input":
        return element.type === "image" ? [element.src] : [];
      case "object":
        return [element.data];
      case "embed":
        return [element.src];
      default:
        return [];
    }
  }

  function backgrounds(element) {
    const value = getComputedStyle(element).backgroundImage;
    if (!value.includes("url(")) return [];
    return [...value.matchAll(/url\("((?:[^"\\]|\\.)*)"\)/g)].map(([, url]) => url.replace(/\\(.)/g, "$1"));
  }

  /** Keys of every image that this element itself shows; `whole`: the addresses uncut. */
  function keysOf(element, { whole = false } = {}) {
    const urls = [...own(element), ...backgrounds(element)].filter(Boolean).map(absolute).filter(Boolean);
    return [...new Set(whole ? urls : urls.map(keyOf))];
  }

  return { keyOf, keysOf };
});
