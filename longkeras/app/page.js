// Runs in the head of the page before Gradio draws anything. `words` comes from
// longkeras.app.first_paint: `components` holds the properties of components by
// language and by their number; `title` and `theme` are texts by language.
const LANGUAGE = "longkeras-language";
const THEME = "longkeras-theme";
const SESSION = "longkeras-session";
const QUIET_MILLISECONDS = 120;
const MOST_MILLISECONDS = 10000;
const FOCUSABLE = "a[href], button:enabled, input:enabled, textarea:enabled, [tabindex='0']";
const root = document.documentElement;
const isShown = (node) => node.checkVisibility({ visibilityProperty: true });

// ---- language and theme --------------------------------------------------------
let language = "en";
function dress(chosen) {
  language = chosen;
  root.lang = language === "zh" ? "zh-Hans" : "en";
  describe();
}
// Gradio names the page once more while it draws it, and its buttons take no label
// but their text.
function describe() {
  const title = words.title[language];
  if (document.title !== title) document.title = title;
  const button = document.getElementById("theme");
  if (!button || button.title === words.theme[language]) return;
  button.title = words.theme[language];
  button.setAttribute("aria-label", words.theme[language]);
}
function firstLanguage() {
  const kept = localStorage.getItem(LANGUAGE);
  return kept ?? (navigator.language.startsWith("zh") ? "zh" : "en");
}
// The server describes the page in English; another language replaces the texts before
// they are drawn, so nothing is drawn twice.
function translate() {
  for (const component of window.gradio_config.components)
    Object.assign(component.props, words.components[language]?.[component.id]);
}
window.longkeras = {
  remember(chosen) {
    localStorage.setItem(LANGUAGE, chosen);
    dress(chosen);
  },
  // Names the session of this page on the server. It survives a reload, and a page in
  // another tab of the browser has another one.
  sessionKey() {
    const numbers = crypto.getRandomValues(new Uint32Array(4));
    const key = sessionStorage.getItem(SESSION) ?? [...numbers].join("-");
    sessionStorage.setItem(SESSION, key);
    return key;
  },
  switchTheme() {
    const isDark = document.body.classList.toggle("dark");
    localStorage.setItem(THEME, isDark ? "dark" : "light");
  },
};
dress(firstLanguage());
translate();
const theme = localStorage.getItem(THEME);
if (theme) document.body.classList.toggle("dark", theme === "dark");

// ---- first paint ---------------------------------------------------------------
// Gradio loads and adds components one after another. The page is shown when all are
// there and it has stopped growing, so that nothing moves before the visitor's eyes.
root.classList.add("lk-waiting");
const components = new Map(window.gradio_config.components.map((each) => [each.id, each]));
let quiet = 0;
function idsToSee(node) {
  const { type, props } = components.get(node.id) ?? {};
  if (props && props.visible !== true) return [];
  const children = type === "tabs" ? node.children.slice(0, 1) : (node.children ?? []);
  const ids = children.flatMap(idsToSee);
  return props?.elem_id ? [props.elem_id, ...ids] : ids;
}
const expected = idsToSee(window.gradio_config.layout);
function reveal() {
  clearTimeout(quiet);
  describe();
  root.classList.remove("lk-waiting");
}
function revealWhenQuiet() {
  if (!expected.every((id) => document.getElementById(id))) return;
  clearTimeout(quiet);
  quiet = setTimeout(reveal, QUIET_MILLISECONDS);
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
// A focused element that is disabled or removed would leave the focus to the body.
// Its neighbour takes it (of Read, Cancel), else what stands next or around; when the
// element is enabled again, the focus returns.
let focused = null;
let around = [];
let returnFrom = null;
function take(node) {
  if (!node.matches(FOCUSABLE)) node.tabIndex = -1;
  node.focus({ preventScroll: true });
}
function standIn() {
  if (!focused.isConnected) return around.find((node) => node.isConnected && isShown(node));
  const neighbours = focused.closest(".row")?.querySelectorAll("button:enabled") ?? [];
  const next = [...neighbours].find(isShown);
  returnFrom = next ? null : { button: focused, to: focused.nextElementSibling };
  return next ?? focused.nextElementSibling;
}
function restoreFocus() {
  const active = document.activeElement;
  if (returnFrom && active === returnFrom.to && !returnFrom.button.disabled) {
    returnFrom.button.focus({ preventScroll: true });
    returnFrom = null;
  } else if (focused && (active === document.body || active.disabled)) {
    if (!focused.isConnected || focused.disabled) take(standIn() ?? document.body);
  }
}
document.addEventListener("focusin", (event) => {
  focused = event.target;
  around = event.composedPath().slice(1).filter((node) => node.id);
});

// ---- drop-down lists -----------------------------------------------------------
// Gradio reports a choice by mouse only, and leaves the focus nowhere after it.
let isByKeyboard = false;
const isList = (node) => node?.matches?.("input[role=combobox][readonly]");
function focusAfter(node) {
  const all = [...document.querySelectorAll(FOCUSABLE)].filter(isShown);
  all[all.indexOf(node) + 1]?.focus({ preventScroll: true });
}
function pressKey(event) {
  isByKeyboard = true;
  if (!isList(event.target) || ![" ", "Enter"].includes(event.key)) return;
  event.preventDefault();
  event.stopPropagation();
  const option = document.getElementById(event.target.getAttribute("aria-activedescendant"));
  const chosen = new MouseEvent("mousedown", { bubbles: true, cancelable: true });
  const opened = new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true });
  if (option) option.dispatchEvent(chosen);
  else event.target.dispatchEvent(opened);
}
document.addEventListener("keydown", pressKey, true);
document.addEventListener("pointerdown", () => (isByKeyboard = false), true);
document.addEventListener("focusout", (event) => {
  if (!isByKeyboard || event.relatedTarget || !isList(event.target)) return;
  requestAnimationFrame(() => {
    if (document.activeElement === document.body) focusAfter(event.target);
  });
});

new MutationObserver(() => {
  if (root.classList.contains("lk-waiting")) revealWhenQuiet();
  describe();
  nameGroups();
  restoreFocus();
}).observe(document.body, {
  subtree: true,
  childList: true,
  attributes: true,
  attributeFilter: ["name", "disabled"],
});
