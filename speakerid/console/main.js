/** The frame of the console: language, key, gallery, navigation, and the view that the address names. */

import { call, keepKey, key, Problem } from "./api.js";
import { stopPlaying } from "./audio.js";
import { announce, ask, button, field, fill, h, select } from "./dom.js";
import { current, keep, LANGUAGES, t, use } from "./i18n.js";
import { problemBox } from "./words.js";

/**
 * What a view gets: the gallery's settings, its own id from the address, where other views are, and a signal that it
 * has ended.
 * @typedef {{gallery: any, id: string, link: (view: string, id?: string) => string,
 *   go: (view: string, id?: string) => void, reload: () => Promise<void>, ended: AbortSignal}} Context
 */

const VIEWS = ["identify", "enroll", "speakers", "recordings", "inbox", "health", "keys"];
const GALLERY = "speakerid.gallery";
const main = document.getElementById("main");
let galleries = [];
let shown = new AbortController();
let keysServed = false;

/** The parts of `#/gallery/view/id`. */
function place() {
  const [gallery, view, id] = location.hash.slice(2).split("/").map(decoded);
  const wanted = gallery || sessionStorage.getItem(GALLERY) || "default";
  return { gallery: wanted, view: VIEWS.includes(view) ? view : "identify", id: id || "" };
}

/** An address that somebody typed may be no good encoding. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function link(view, id = "", gallery = place().gallery) {
  return `#/${[gallery, view, id].filter(Boolean).map(encodeURIComponent).join("/")}`;
}

function go(view, id = "") {
  const wanted = link(view, id);
  if (location.hash === wanted) show();
  else location.hash = wanted;
}

async function show() {
  shown.abort();
  shown = new AbortController();
  stopPlaying();
  const { signal } = shown;
  const wanted = place();
  main.setAttribute("aria-busy", "true");
  try {
    await draw(wanted, signal);
  } catch (error) {
    if (signal.aborted) return;
    frame(wanted.gallery, wanted.view);
    await failed(error);
  } finally {
    if (!signal.aborted) main.removeAttribute("aria-busy");
  }
}

async function draw({ gallery: name, view, id }, ended) {
  if (galleries.length) await readGalleries();
  else await connect();
  const module = await import(`./views/${view}.js`);
  if (ended.aborted) return;
  const gallery = galleries.find((one) => one.name === name);
  frame(name, view);
  document.title = `${t(`nav.${view}`)} – speakerid`;
  const root = h("div", { className: `view ${view}` });
  fill(main, root);
  if (!gallery) return fill(root, h("h1", {}, t("gallery.missing", { name })), h("p", {}, t("gallery.missing.hint")));
  sessionStorage.setItem(GALLERY, name);
  await module.show(root, { gallery, id, link, go, reload, ended });
}

/** Their settings and how many speakers they have: what one view changes, the next one shows. */
async function readGalleries() {
  galleries = (await call("GET", "/v1/galleries")).items;
}

async function connect() {
  await readGalleries();
  keysServed = await call("GET", "/v1/keys").then(
    () => true,
    () => false,
  );
}

/** Read the galleries again, and show the view anew. */
async function reload() {
  galleries = [];
  await show();
}

async function failed(error) {
  const needsKey = error instanceof Problem && error.status === 401;
  const again = button(needsKey ? t("key.enter") : t("again"), () => (needsKey ? askForKey() : reload()), {
    className: "main",
  });
  fill(main, h("h1", {}, t(needsKey ? "key.needed" : "failed")), problemBox(error), h("p", {}, again));
  if (needsKey) await askForKey();
}

async function askForKey() {
  const secret = h("input", { type: "password", autocomplete: "off", spellcheck: false, value: key() });
  const body = [h("p", {}, t("key.explained")), field(t("key.label"), secret)];
  const given = await ask({
    title: t("key.title"),
    body,
    yes: t("key.use"),
    no: t("cancel"),
    result: () => ({ secret: secret.value.trim() }),
  });
  if (!given) return;
  keepKey(given.secret);
  await reload();
}

function frame(gallery, view) {
  const entries = VIEWS.filter((one) => one !== "keys" || keysServed);
  const items = entries.map((one) =>
    h("li", {}, h("a", { href: link(one), "aria-current": one === view ? "page" : null }, t(`nav.${one}`))),
  );
  fill(document.getElementById("nav"), h("ul", {}, items));
  const names = galleries.map((one) => [one.name, one.name]);
  const chosen = select(names, gallery, { "aria-label": t("gallery.label") });
  chosen.addEventListener("change", () => (location.hash = link(view, "", chosen.value)));
  const language = select(Object.entries(LANGUAGES), current(), { "aria-label": t("language.label") });
  language.addEventListener("change", async () => {
    keep(language.value);
    await use(language.value);
    await show();
  });
  const keyButton = button(key() ? t("key.change") : t("key.enter"), askForKey);
  fill(document.getElementById("tools"), names.length ? chosen : null, language, keyButton);
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
// What a view did not foresee is shown as well: a file that the browser cannot play, for example.
window.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  if (event.reason?.name !== "AbortError") main.prepend(problemBox(event.reason));
});
window.addEventListener("hashchange", async () => {
  await show();
  main.focus();
  announce(document.title);
});
await use();
await show();
