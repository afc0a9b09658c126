// The addresses of the images that an element shows, in the form in which a scan may list them.
medlens.define("image_addresses", () => {
  const LONG = 2048; // characters; a data: address can have megabytes, and its two ends and its length identify it
  const SVG = "http://www.w3.org/2000/svg";

  /** The key under which an address is compared: without fragment, and shortened if it is longer than LONG. */
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
      case "use": // a drawing in another file; symbols of the page itself are elements that are examined anyway
        return element.href && !element.href.baseVal.startsWith("#") ? [element.href.baseVal.split("#", 1)[0]] : [];
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

  // Every CSS property whose value may be an image, of the element and of its ::before and ::after.
  const PROPERTIES = ["backgroundImage", "borderImageSource", "listStyleImage", "maskImage", "content"];
  const PARTS = [null, "::before", "::after"];

  function painted(element) {
    return PARTS.flatMap((part) => {
      const style = getComputedStyle(element, part);
      if (part && style.content === "none") return [];
      return PROPERTIES.map((name) => style[name]).filter((value) => value?.includes("url(")).flatMap(urlsIn);
    });
  }

  /** The addresses in a computed value; of an image-set() only the one that is shown on this screen. */
  function urlsIn(value) {
    const whole = value.replace(/(?:-webkit-)?image-set\(((?:"(?:[^"\\]|\\.)*"|\((?:[^()"]|"[^"]*")*\)|[^()"])*)\)/g, (_, set) => chosen(set));
    return [...whole.matchAll(URLS)].map(([, url]) => unescaped(url));
  }

  const URLS = /url\("((?:[^"\\]|\\.)*)"\)/g;
  const unescaped = (url) => url.replace(/\\(.)/g, "$1");

  /** Chooses as browsers do: the lowest resolution that is enough for the screen, else the highest. */
  function chosen(set) {
    const all = [...set.matchAll(/(url\("(?:[^"\\]|\\.)*"\))(?:\s+([\d.]+)(?:dppx|x))?/g)]
      .map(([, url, density]) => ({ url, density: Number(density ?? 1) }))
      .sort((one, other) => one.density - other.density);
    return (all.find(({ density }) => density >= devicePixelRatio) ?? all.at(-1))?.url ?? "";
  }

  /** The keys of all images that this element itself shows; `whole`: the full addresses instead. */
  function keysOf(element, { whole = false } = {}) {
    const urls = [...own(element), ...painted(element)].filter(Boolean).map(absolute).filter(Boolean);
    return [...new Set(whole ? urls : urls.map(keyOf))];
  }

  return { keyOf, keysOf };
});
