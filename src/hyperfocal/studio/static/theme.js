// Light or dark, before anything is drawn: what the user chose, else what the system says.
(() => {
  let chosen = null;
  try { chosen = localStorage.getItem("hyperfocal-theme"); } catch { /* storage may be closed */ }
  const light = matchMedia("(prefers-color-scheme: light)").matches;
  document.documentElement.dataset.theme = chosen || (light ? "light" : "dark");

  // The viewer would add a style of its own where it finds none so called, which the page's policy
  // forbids; this is one in name only, and our own sheet says what it would.
  const none = document.createElementNS("urn:hyperfocal", "style");
  none.setAttribute("data-openseadragon-mobile-css", "");
  document.head.append(none);
})();
