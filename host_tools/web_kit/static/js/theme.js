// Loaded before the page is drawn, so that it does not flash: the theme that was chosen here, or the system's.
(() => {
  try {
    const chosen = localStorage.getItem("openbwc-theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // no storage: the system's theme
  }
})();
