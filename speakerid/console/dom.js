/** Build elements. Whatever a person or the server typed goes in as text, never as HTML. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. `properties` set properties; those with a dash or named `role`, `for` or `href` set attributes, `on`
 * has listeners, `style` is set property by property (the content security policy forbids style attributes).
 * @param {string} tag with classes behind dots: "p.note"
 * @param {Record<string, any>} [properties]
 * @param {...(Node|string|number|null|undefined|false|Array<any>)} children
 * @returns {HTMLElement}
 */
export function h(tag, properties = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const made = document.createElement(name);
  if (classes.length) made.className = classes.join(" ");
  setAll(made, properties);
  made.append(...nodes(children));
  return made;
}

/**
 * @param {string} tag
 * @param {Record<string, string|number>} attributes
 * @param {...Node} children
 * @returns {SVGElement}
 */
export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/**
 * Put these children in the place of all others.
 * @param {Element} parent
 * @param {...any} children
 */
export function fill(parent, ...children) {
  parent.replaceChildren(...nodes(children));
}

/**
 * A button that is busy, and cannot be pressed again, until `work` has ended.
 * @param {string} label
 * @param {(event: Event) => any} work may be asynchronous
 * @param {Record<string, any>} [properties]
 * @returns {HTMLButtonElement}
 */
export function button(label, work, properties = {}) {
  const made = /** @type {HTMLButtonElement} */ (h("button", { type: "button", ...properties }, label));
  made.addEventListener("click", async (event) => {
    if (made.getAttribute("aria-busy") === "true") return;
    made.setAttribute("aria-busy", "true");
    try {
      await work(event);
    } finally {
      made.removeAttribute("aria-busy");
    }
  });
  return made;
}

let labels = 0;

/**
 * A form field under its label.
 * @param {string} label
 * @param {HTMLElement} control
 * @param {string} [hint]
 * @returns {HTMLElement}
 */
export function field(label, control, hint = "") {
  control.id ||= `field-${++labels}`;
  const note = hint ? h("small", { id: `${control.id}-hint` }, hint) : null;
  if (note) control.setAttribute("aria-describedby", note.id);
  return h("div.field", {}, h("label", { for: control.id }, label), control, note);
}

/**
 * A select with `options` as [value, text].
 * @param {Array<[string, string]>} options
 * @param {string} [chosen]
 * @param {Record<string, any>} [properties]
 * @returns {HTMLSelectElement}
 */
export function select(options, chosen = "", properties = {}) {
  const items = options.map(([value, text]) => h("option", { value, selected: value === chosen }, text));
  return /** @type {HTMLSelectElement} */ (h("select", properties, items));
}

/**
 * A table with a caption that screen readers say first.
 * @param {string} caption
 * @param {string[]} heads
 * @param {any[][]} rows
 * @returns {HTMLElement}
 */
export function table(caption, heads, rows) {
  const head = h(
    "tr",
    {},
    heads.map((text) => h("th", { scope: "col" }, text)),
  );
  const body = rows.map(([first, ...cells]) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, first),
      cells.map((one) => h("td", {}, one)),
    ),
  );
  const inner = h("table", {}, h("caption", {}, caption), h("thead", {}, head), h("tbody", {}, body));
  return h("div.scrolling", { role: "region", "aria-label": caption, tabIndex: 0 }, inner);
}

/**
 * A modal dialog. Escape and the cancel button give null, the other what `result` gives.
 * @template T
 * @param {{title: string, body: any, yes: string, no: string, grave?: boolean, result?: () => T}} words
 * @returns {Promise<T|true|null>}
 */
export function ask({ title, body, yes, no, grave = false, result }) {
  return new Promise((resolve) => {
    const heading = h("h2", { id: "dialog-title" }, title);
    const confirm = h(grave ? "button.grave" : "button.main", { type: "submit" }, yes);
    const cancel = h("button", { type: "button", on: { click: () => dialog.close() } }, no);
    const form = h("form", {}, heading, body, h("div.actions", {}, cancel, confirm));
    const dialog = /** @type {HTMLDialogElement} */ (h("dialog", { "aria-labelledby": heading.id }, form));
    let answer = null;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      answer = result ? result() : true;
      dialog.close();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/**
 * Say something to whoever cannot see the page change.
 * @param {string} text
 */
export function announce(text) {
  const region = document.getElementById("announcer");
  if (region) region.textContent = text;
}

function setAll(made, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) made.addEventListener(event, listener);
    else if (name === "style")
      for (const [one, text] of Object.entries(value)) made.style.setProperty(one, String(text));
    else if (name.includes("-") || ["role", "for", "href", "lang", "list"].includes(name))
      made.setAttribute(name, value);
    else made[name] = value;
  }
}

function nodes(children) {
  return children
    .flat(Infinity)
    .filter((one) => one !== null && one !== undefined && one !== false)
    .map((one) => (one instanceof Node ? one : String(one)));
}
