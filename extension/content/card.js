// The card of a mark: the reasons for the verdict, the heat map, and buttons for a correction. One card is open at a time.
// It requests its data from the background, and ignores an answer that arrives after the card was closed.
medlens.define("card", () => (label, onCorrected) => {
  const GAP = 8;
  const { ask, text } = medlens.browser;
  const nameOf = (modality) => text(`modality_${modality}`);
  let open = null; // {card, opener}

  function make(tag, className, ...children) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...children);
    return element;
  }

  function act(words, run) {
    const button = make("button", "act", ...[].concat(words));
    button.type = "button";
    button.addEventListener("click", () => run(button));
    return button;
  }

  function show(mark, opener, element) {
    const again = open?.opener === opener;
    close();
    if (again) return;
    const card = make("div", "card", head(mark), make("p", "muted", text("card_asking")));
    card.setAttribute("role", "dialog");
    card.setAttribute("aria-label", text("card_title"));
    card.tabIndex = -1;
    card.addEventListener("keydown", (event) => event.key === "Escape" && (event.stopPropagation(), close(true)));
    open = { card, opener };
    label.layer.append(card);
    opener.setAttribute("aria-expanded", "true");
    place(card, element);
    card.focus({ preventScroll: true });
    fill(card, mark, element);
  }

  /** `said`: a message about what was just done, such as a saved correction. */
  async function fill(card, mark, element, said = "") {
    let parts;
    try {
      parts = body(card, element, said, await ask({ type: "explain", image: mark.image }));
    } catch (problem) {
      parts = [make("p", "note", text(`problem_${problem.code}`) || text("problem_internal"))];
    }
    if (open?.card !== card) return;
    card.replaceChildren(head(mark), ...parts);
    place(card, element);
  }

  function head(mark) {
    const dots = make("span", mark.sure ? "dots" : "dots unsure", ...mark.modalities.map((name) => make("span", `dot ${name}`)));
    const title = make("h2", "", `${mark.words} `);
    if (mark.percent) title.append(make("small", "", mark.percent));
    const shut = act("×", () => close(true));
    shut.classList.add("close");
    shut.setAttribute("aria-label", text("close"));
    return make("div", "top", dots, title, shut);
  }

  function body(card, element, said, { mark, why, shares, members }) {
    return [
      make("p", mark.corrected ? "note good" : mark.sure ? "why" : "note", why),
      mark.context && make("p", "note", `${text(`context_${mark.context.from}`, [nameOf(mark.context.modality)])}: “${mark.context.quote}”`),
      shares.length && make("section", "", make("h3", "", text("card_shares")), ...shares.map(shareRow)),
      members.length && make("section", "", make("h3", "", text("card_members")), ...members.map(memberRow)),
      heat(card, mark),
      wrong(card, element, said, mark),
    ].filter(Boolean);
  }

  function shareRow([modality, share, percent]) {
    const bar = make("span", `bar ${modality}`);
    bar.style.setProperty("--share", `${share * 100}%`);
    return make("div", "row", make("b", "", nameOf(modality)), bar, make("i", "", percent));
  }

  const memberRow = ([name, modality, , percent]) =>
    make("div", "row says", make("b", "", name), make("span", "", nameOf(modality)), make("i", "", percent));

  function heat(card, mark) {
    const section = make("section");
    section.append(
      act(text("card_heatmap"), async (button) => {
        button.disabled = true;
        button.textContent = text("card_computing");
        try {
          const { type, base64 } = await ask({ type: "heatmap", image: mark.image });
          const bytes = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
          const picture = await createImageBitmap(new Blob([bytes], { type }));
          const canvas = make("canvas");
          canvas.width = picture.width;
          canvas.height = picture.height;
          canvas.setAttribute("role", "img");
          canvas.setAttribute("aria-label", text("card_heatmap_alt"));
          canvas.getContext("2d").drawImage(picture, 0, 0);
          if (open?.card === card) section.replaceChildren(canvas);
        } catch (problem) {
          button.disabled = false;
          button.textContent = text("card_heatmap");
          section.replaceChildren(make("p", "note", text(`problem_${problem.code}`) || text("card_no_heatmap")), button);
        }
      }),
    );
    return section;
  }

  function wrong(card, element, said, mark) {
    const state = make("p", "muted", said);
    state.setAttribute("role", "status");
    const choices = make("div", "choices");
    choices.setAttribute("role", "group");
    choices.setAttribute("aria-label", text("card_wrong"));
    for (const modality of medlens.modalities.ids) {
      const button = act([make("span", `dot ${modality}`), nameOf(modality)], async () => {
        try {
          const corrected = await ask({ type: "correct", image: mark.image, modality });
          state.textContent = text("card_kept");
          onCorrected(corrected);
          if (open?.card === card) await fill(card, corrected, element, text("card_kept"));
        } catch (problem) {
          state.textContent = text(`problem_${problem.code}`) || text("problem_internal");
        }
      });
      button.dataset.modality = modality;
      button.setAttribute("aria-pressed", String(mark.corrected && mark.modality === modality));
      choices.append(button);
    }
    return make("section", "", make("h3", "", text("card_wrong")), choices, state);
  }

  /** Places the card beside the image if there is room, and always within the window. */
  function place(card, element) {
    const [spot, own, origin] = [element.getBoundingClientRect(), card.getBoundingClientRect(), label.origin()];
    const right = spot.right + GAP + own.width <= innerWidth;
    const left = right ? spot.right + GAP : Math.max(GAP, spot.left - GAP - own.width);
    const x = Math.min(left, innerWidth - own.width - GAP);
    const y = Math.max(GAP, Math.min(spot.top, innerHeight - own.height - GAP));
    card.style.transform = `translate(${x - origin.left}px, ${y - origin.top}px)`;
  }

  function close(refocus = false) {
    if (!open) return;
    const { card, opener } = open;
    open = null;
    card.remove();
    opener.setAttribute("aria-expanded", "false");
    if (refocus) opener.focus({ preventScroll: true });
  }

  return { show, close };
});
