// The CSS of the marks and their card. Both are in a closed shadow root, so the page's styles do not affect them, nor theirs the page.
medlens.define("overlay_css", () => {
  const CSS = `
:host { all: initial; position: absolute; inset: 0 auto auto 0; width: 0; height: 0; z-index: 2147483647; color-scheme: light dark;
  --surface: #fff; --ink: #10202b; --muted: #4c5c66; --line: #d5dcdf; --strong: #7b8a92; --sunken: #e9edef; --accent: #0b6670;
  --accent-ink: #fff; --warn: #6b4400; --warn-soft: #fff0d2; --good: #1c6b3c; --good-soft: #dff3e6;
  font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
@media (prefers-color-scheme: dark) {
  :host { --surface: #141d23; --ink: #e8eff3; --muted: #a3b3bc; --line: #26333b; --strong: #6c7d87; --sunken: #0f171c; --accent: #6bd2d8;
    --accent-ink: #062326; --warn: #ffcf7d; --warn-soft: #37290f; --good: #86dba5; --good-soft: #13301e; }
}
@media print { :host { display: none; } }
${medlens.modalities.css}
*, *::before { box-sizing: border-box; }
[hidden] { display: none !important; }
.mark { position: absolute; inset: 0 auto auto 0; pointer-events: none; border-radius: 6px; outline: 3px solid var(--hue); outline-offset: -1px;
  box-shadow: 0 0 0 3.5px rgb(6 16 22 / .75), inset 0 0 0 3px rgb(6 16 22 / .35); }
.mark.unsure { outline-style: dashed; }
.label { position: absolute; inset-block-start: 6px; inset-inline-start: 6px; max-width: max(calc(100% - 12px), 3.2em); min-height: 24px; display: inline-flex;
  align-items: center; padding-block: 2px; padding-inline: 7px 9px; border: 0; border-radius: 99px; background: rgb(8 20 27 / .92); color: #fff;
  font: inherit; font-size: 12.5px; font-weight: 600; line-height: 1.3; cursor: pointer; pointer-events: auto; overflow: hidden; }
.label:hover { background: #0b3540; }
.label span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.dots { flex: none; display: inline-flex; }
.dots .dot + .dot { margin-inline-start: -2px; }
.unsure .dot { mask: radial-gradient(circle, transparent 34%, #000 38%); }
.label .dots { margin-inline-end: 6px; }
.label .share { flex: none; white-space: pre; }
.dot { flex: none; width: 9px; height: 9px; border-radius: 50%; background: var(--hue); }
:focus-visible { outline: 3px solid #fff; outline-offset: 0; box-shadow: 0 0 0 5px #0b6670; }
.card { position: absolute; inset: 0 auto auto 0; width: min(340px, calc(100vw - 24px)); max-height: min(560px, calc(100vh - 24px)); overflow: auto; padding: 16px; border: 1px solid var(--line);
  border-radius: 14px; background: var(--surface); color: var(--ink); box-shadow: 0 2px 6px rgb(6 16 22 / .18), 0 16px 48px rgb(6 16 22 / .32);
  display: grid; gap: 12px; text-align: start; }
.card:focus { outline: none; }
.card :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; box-shadow: none; }
.top { display: flex; align-items: center; gap: 8px; }
h2 { margin: 0; font-size: 17px; font-weight: 650; line-height: 1.25; letter-spacing: -.01em; flex: 1; }
h2 small { font-size: 14px; font-weight: 400; color: var(--muted); }
h3 { margin: 0; font-size: 12.5px; font-weight: 600; color: var(--muted); }
p { margin: 0; }
section { display: grid; gap: 6px; }
.note { padding: 6px 10px; border-radius: 8px; background: var(--warn-soft); color: var(--warn); font-size: 13px; }
.note.good { background: var(--good-soft); color: var(--good); }
.muted { color: var(--muted); font-size: 13px; }
.row { display: grid; grid-template-columns: 9.4em 1fr 3.2em; gap: 8px; align-items: center; font-size: 13px; }
.row.says { grid-template-columns: 4.5em 1fr 3.2em; }
.row b { font-weight: 500; }
.row i { font-style: normal; text-align: end; font-variant-numeric: tabular-nums; color: var(--muted); }
.bar { height: 6px; border-radius: 3px; background: var(--sunken); overflow: hidden; }
.bar::before { content: ""; display: block; height: 100%; width: var(--share); background: var(--hue); border-radius: 3px; }
canvas { width: 100%; border-radius: 8px; background: #0a0d0f; }
button.act { min-height: 32px; padding: 3px 11px; border: 1px solid var(--strong); border-radius: 8px; background: var(--surface); color: var(--ink);
  font: inherit; font-size: 13px; font-weight: 500; cursor: pointer; display: inline-flex; align-items: center; gap: 7px; text-align: start; }
button.act:hover { border-color: var(--ink); }
button.act[disabled] { opacity: .6; cursor: progress; }
button.act[aria-pressed="true"] { border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent); }
.close { width: 32px; padding: 0 !important; justify-content: center; border-color: transparent !important; font-size: 18px !important; }
.choices { display: grid; grid-template-columns: 1fr 1fr; gap: 6px; }
@media (prefers-reduced-motion: no-preference) {
  .mark { animation: in .18s ease-out; } .card { animation: in .12s ease-out; }
  @keyframes in { from { opacity: 0; } }
}
@media (forced-colors: active) { .mark { outline-color: Highlight; } .dot, .bar::before { forced-color-adjust: none; } .label { border: 1px solid ButtonText; } }
`;

  /** Adds the styles to a shadow root in a way that the page's content policy cannot block. */
  return function dress(root) {
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(CSS);
      root.adoptedStyleSheets = [sheet];
    } catch {
      const style = document.createElement("style"); // Firefox does not accept a content script's CSSStyleSheet in the page's shadow root
      style.textContent = CSS;
      root.append(style);
    }
  };
});
