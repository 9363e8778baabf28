/** Words in the reader's language: one file each in i18n/, all with the same keys. */

export const LANGUAGES = { en: "English", de: "Deutsch", zh: "中文" };
const KEPT = "speakerid.language";
let language = "en";
let words = {};

/** @returns {string} */
export function current() {
  return language;
}

/**
 * Load the words of a language: the one asked for, the one chosen before, or the browser's.
 * @param {string} [wanted]
 */
export async function use(wanted = localStorage.getItem(KEPT) || "") {
  const offered = [wanted, ...navigator.languages.map((one) => one.slice(0, 2).toLowerCase()), "en"];
  language = offered.find((one) => Object.hasOwn(LANGUAGES, one));
  const answer = await fetch(`/console/i18n/${language}.json`);
  words = await answer.json();
  document.documentElement.lang = language === "zh" ? "zh-Hans" : language;
  for (const one of document.querySelectorAll("[data-t]")) one.textContent = t(one.dataset.t);
  for (const one of document.querySelectorAll("[data-t-label]")) one.setAttribute("aria-label", t(one.dataset.tLabel));
}

/** @param {string} wanted */
export function keep(wanted) {
  localStorage.setItem(KEPT, wanted);
}

/**
 * The words of `name` with what stands in {braces} filled in.
 * @param {string} name
 * @param {Record<string, string|number>} [values]
 * @returns {string}
 */
export function t(name, values = {}) {
  const text = words[name] ?? name;
  return text.replace(/\{(\w+)\}/g, (whole, one) => (Object.hasOwn(values, one) ? String(values[one]) : whole));
}

/**
 * The words of `name`, or `otherwise` where there are none: for codes that a newer server may have.
 * @param {string} name
 * @param {string} otherwise
 */
export function known(name, otherwise) {
  return words[name] ?? otherwise;
}

/**
 * @param {number} value
 * @param {number} [digits]
 */
export function number(value, digits = 0) {
  return new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(
    value,
  );
}

/**
 * A share of 1 as percent; never 100 or 0 for what is only nearly so.
 * @param {number} share
 * @param {number} [digits]
 */
export function percent(share, digits = 0) {
  const format = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: digits });
  const step = 10 ** -(digits + 2);
  if (share > 0 && share < step) return `< ${format.format(step)}`;
  if (share < 1 && share > 1 - step) return `> ${format.format(1 - step)}`;
  return format.format(share);
}

/** @param {number} value in seconds */
export function seconds(value) {
  return t("unit.seconds", { n: number(value, value < 100 ? 1 : 0) });
}

/**
 * A place in a recording, as 1:02:03.
 * @param {number} value in seconds
 */
export function clock(value) {
  const whole = Math.floor(value);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (one) => String(one).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** @param {string} iso */
export function when(iso) {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(iso));
}

/** @param {string} iso of a day, in UTC */
export function day(iso) {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeZone: "UTC" }).format(new Date(iso));
}
