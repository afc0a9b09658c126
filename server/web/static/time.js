// Times in the browser's zone and the page's language. The server writes them in UTC, which a browser without scripts shows.
const language = document.documentElement.lang;
const full = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });

/** A <time> that shows an age keeps it and gets the moment as its title; another shows the moment. */
function localise(element) {
  const moment = new Date(element.dateTime);
  if (Number.isNaN(moment.getTime())) return;
  if (element.title) element.title = full.format(moment);
  else element.textContent = full.format(moment);
}

function within(root) {
  for (const element of root.querySelectorAll("time[datetime]")) localise(element);
}

within(document);
// Rows and articles that arrive later.
new MutationObserver((changes) => {
  for (const { addedNodes } of changes) {
    for (const node of addedNodes) {
      if (node.matches?.("time[datetime]")) localise(node);
      else if (node.querySelectorAll) within(node);
    }
  }
}).observe(document.body, { childList: true, subtree: true });
