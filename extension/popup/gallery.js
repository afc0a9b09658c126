// The popup's gallery: a card for each image, and filters with counts. Thumbnails are fetched with the token as cards come into view.
// Names and alternative texts come from pages, so they are only ever set as text, never as markup.
import { thumbnail } from "../core/api.js";
import { contextSays, headlineOf, modality, percentOf, text } from "../core/words.js";
import { MODALITIES } from "../shared/modalities.js";
import { modalitiesOf } from "../shared/words.js";

const AT_ONCE = 4; // thumbnails; a browser opens six connections to a host, and the stream of events needs one
const FILTERS = ["medical", "all", ...MODALITIES, "uncertain"];
const fits = {
  all: () => true,
  medical: ({ verdict }) => verdict.is_medical,
  uncertain: ({ verdict }) => !verdict.sure,
};
const is = (image, filter) => (fits[filter] ? fits[filter](image) : modalitiesOf(image.verdict).includes(filter));

const dotOf = (name, sure) => Object.assign(document.createElement("i"), { className: `dot fill-${name}${sure ? "" : " unsure"}` });

export class Gallery {
  /** `fetchThumbnail(sha256)` returns a promise of a blob. */
  constructor(state, fetchThumbnail = thumbnail) {
    this.state = state;
    this.thumbnail = fetchThumbnail;
    this.list = document.getElementById("gallery");
    this.filters = document.getElementById("filters");
    this.template = document.getElementById("card");
    this.filters.addEventListener("click", ({ target }) => this.#choose(target.closest("button")?.dataset.filter));
    this.sight = new IntersectionObserver((entries) => entries.forEach((entry) => entry.isIntersecting && this.#want(entry.target)), { rootMargin: "200px" });
    this.clear();
  }

  clear() {
    this.cards = new Map(); // sha256 -> card
    this.queue = [];
    this.loading = 0;
    this.filter = null;
    this.list.replaceChildren();
    this.filters.replaceChildren();
    for (const url of this.urls ?? []) URL.revokeObjectURL(url);
    this.urls = [];
  }

  /** Adds or updates these images; `whole`: they are all images of the scan, so other cards are removed. */
  take(images, whole) {
    const shown = this.state.progress.shown(this.state.config.minSide);
    const wanted = new Set(shown.map(({ sha256 }) => sha256));
    for (const image of images) if (wanted.has(image.sha256)) this.#card(image);
    if (whole) {
      for (const [sha256, card] of this.cards) if (!wanted.has(sha256)) card.remove(), this.cards.delete(sha256);
      this.#order(shown);
    }
    if (images.length || whole) this.#count(shown);
  }

  /** Puts the cards into the order of the page, since verdicts arrive in another one. A card in the right position is not moved, so it
   * keeps the focus. */
  #order(shown) {
    let next = this.list.firstElementChild;
    for (const { sha256 } of shown) {
      const card = this.cards.get(sha256);
      if (card === next) next = next.nextElementSibling;
      else this.list.insertBefore(card, next);
    }
  }

  #card(image) {
    const { sha256, verdict, places } = image;
    let card = this.cards.get(sha256);
    if (!card) {
      card = this.template.content.firstElementChild.cloneNode(true);
      card.dataset.image = sha256;
      card.querySelector("a").href = `${this.state.config.address}/images/${sha256}`;
      this.cards.set(sha256, card);
      this.list.append(card);
      this.sight.observe(card);
    }
    card.querySelector("img").alt = places.find(({ alt }) => alt)?.alt ?? text("image");
    card.querySelector(".dots").replaceChildren(...modalitiesOf(verdict).map((name) => dotOf(name, verdict.sure)));
    card.querySelector("strong").textContent = headlineOf(verdict);
    card.querySelector(".share").textContent = percentOf(verdict);
    card.querySelector(".notes").replaceChildren(...this.#notes(verdict, places));
  }

  #notes(verdict, places) {
    const warnings = [
      !verdict.agree && !verdict.corrected && text("disagree"),
      verdict.context && !verdict.context.agrees && contextSays(verdict.context),
    ];
    const quote = verdict.context?.agrees && `${contextSays(verdict.context)}: “${verdict.context.quote}”`;
    const facts = [quote, verdict.corrected && text("labelled"), places[0]?.page && text("page", [places[0].page])];
    const note = (words, calm) => Object.assign(document.createElement("span"), { textContent: words, className: calm ? "calm" : "" });
    return [...warnings.filter(Boolean).map((words) => note(words)), ...facts.filter(Boolean).map((words) => note(words, true))];
  }

  #count(shown) {
    const counts = new Map(FILTERS.map((filter) => [filter, shown.filter((image) => is(image, filter)).length]));
    const offered = FILTERS.filter((filter) => counts.get(filter) || filter === "all" || filter === this.chosen);
    const chosen = this.filter ?? (counts.get("medical") ? "medical" : "all");
    for (const filter of FILTERS) {
      let button = this.filters.querySelector(`[data-filter="${filter}"]`);
      if (!button) this.filters.append((button = this.#button(filter)));
      button.hidden = !shown.length || !offered.includes(filter);
      button.lastElementChild.textContent = String(counts.get(filter));
      button.setAttribute("aria-pressed", String(filter === chosen));
    }
    for (const image of shown) this.cards.get(image.sha256).hidden = !is(image, chosen);
  }

  #button(filter) {
    const button = document.createElement("button");
    const count = document.createElement("span");
    button.dataset.filter = filter;
    if (MODALITIES.includes(filter)) button.append(Object.assign(document.createElement("i"), { className: `dot fill-${filter}` }));
    button.append(MODALITIES.includes(filter) ? modality(filter) : text(`filter_${filter}`), count);
    return button;
  }

  #choose(filter) {
    if (!filter) return;
    this.filter = filter;
    this.#count(this.state.progress.shown(this.state.config.minSide));
  }

  #want(card) {
    this.sight.unobserve(card);
    this.queue.push(card);
    this.#load();
  }

  async #load() {
    if (this.loading >= AT_ONCE || !this.queue.length) return;
    const card = this.queue.shift();
    this.loading += 1;
    try {
      const url = URL.createObjectURL(await this.thumbnail(card.dataset.image));
      this.urls.push(url);
      card.querySelector("img").src = url;
    } catch {
      // there is no thumbnail: the frame stays dark, and the verdict is shown in words
    } finally {
      this.loading = Math.max(0, this.loading - 1);
      this.#load();
    }
  }
}
