// Runs in the head of the page before Gradio draws anything. `words` comes from
// longkeras.app.first_paint: `components` holds the properties of components by
// language and by their number; `title` and `theme` are texts by language.
const LANGUAGE = "longkeras-language";
const THEME = "longkeras-theme";
const QUIET_MILLISECONDS = 120;
const MOST_MILLISECONDS = 8000;
const FOCUSABLE = "a[href], button:enabled, input:enabled, textarea:enabled, [tabindex='0']";
const root = document.documentElement;
const isShown = (node) => node.checkVisibility({ visibilityProperty: true });

// ---- language and theme --------------------------------------------------------
function dress(language) {
  const theme = document.getElementById("theme");
  root.lang = language === "zh" ? "zh-Hans" : "en";
  document.title = words.title[language];
  theme?.setAttribute("aria-label", words.theme[language]);
  theme?.setAttribute("title", words.theme[language]);
}
function firstLanguage() {
  const kept = localStorage.getItem(LANGUAGE);
  return kept ?? (navigator.language.startsWith("zh") ? "zh" : "en");
}
// The server describes the page in English; another language replaces the texts before
// they are drawn, so nothing is drawn twice.
function translate(language) {
  const config = window.gradio_config;
  config.title = words.title[language];
  for (const component of config.components)
    Object.assign(component.props, words.components[language]?.[component.id]);
}
window.longkeras = {
  remember(language) {
    localStorage.setItem(LANGUAGE, language);
    dress(language);
  },
  switchTheme() {
    const isDark = document.body.classList.toggle("dark");
    localStorage.setItem(THEME, isDark ? "dark" : "light");
  },
};
const language = firstLanguage();
translate(language);
dress(language);
const theme = localStorage.getItem(THEME);
if (theme) document.body.classList.toggle("dark", theme === "dark");

// ---- first paint ---------------------------------------------------------------
// Gradio adds components one after another. The page is shown when it has stopped
// growing, so that nothing moves before the visitor's eyes.
root.classList.add("lk-waiting");
let quiet = 0;
function reveal() {
  clearTimeout(quiet);
  root.classList.remove("lk-waiting");
}
function revealWhenQuiet() {
  if (!document.getElementById("lk-footer")) return;
  clearTimeout(quiet);
  quiet = setTimeout(() => {
    dress(language);
    requestAnimationFrame(reveal);
  }, QUIET_MILLISECONDS);
}
setTimeout(reveal, MOST_MILLISECONDS);

// ---- radio groups --------------------------------------------------------------
// Gradio names every radio button differently; the arrow keys move within one name.
function nameGroups() {
  for (const radio of document.querySelectorAll("input[type=radio]")) {
    const name = radio.closest(".block")?.id;
    if (name && radio.name !== name) radio.name = name;
  }
}

// ---- focus ---------------------------------------------------------------------
// The focus falls to the body when its button is disabled or removed.
let focused = null;
let isByKeyboard = false;
function restoreFocus() {
  const isLost = document.activeElement === document.body || document.activeElement?.disabled;
  if (!isLost || !focused || (focused.isConnected && !focused.disabled)) return;
  const container = focused.closest(".row") ?? focused.closest(".column");
  const neighbours = container?.querySelectorAll("button:enabled") ?? [];
  const next = [...neighbours].find(isShown);
  if (next) next.focus({ preventScroll: true });
}
document.addEventListener("focusin", (event) => {
  focused = event.target;
});
document.addEventListener("pointerdown", () => (isByKeyboard = false), true);

// ---- drop-down lists -----------------------------------------------------------
// Gradio opens and chooses with Enter only, and leaves no focus after a choice.
const isList = (node) => node?.matches?.("input[role=combobox][readonly]");
function focusAfter(node) {
  const all = [...document.querySelectorAll(FOCUSABLE)].filter(isShown);
  all[all.indexOf(node) + 1]?.focus({ preventScroll: true });
}
document.addEventListener(
  "keydown",
  (event) => {
    isByKeyboard = true;
    if (!isList(event.target) || event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    const isOpen = event.target.getAttribute("aria-expanded") === "true";
    const key = isOpen ? "Enter" : "ArrowDown";
    event.target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  },
  true,
);
document.addEventListener("focusout", (event) => {
  if (!isByKeyboard || event.relatedTarget || !isList(event.target)) return;
  requestAnimationFrame(() => {
    if (document.activeElement === document.body) focusAfter(event.target);
  });
});

new MutationObserver(() => {
  if (root.classList.contains("lk-waiting")) revealWhenQuiet();
  nameGroups();
  restoreFocus();
}).observe(document.body, {
  subtree: true,
  childList: true,
  attributes: true,
  attributeFilter: ["name", "disabled"],
});
