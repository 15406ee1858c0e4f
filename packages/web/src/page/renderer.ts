import { createRenderer } from "solid-js/universal"

const svgTags: ReadonlySet<string> = new Set(["svg", "path", "circle", "rect", "g"])

/** Properties that an attribute only initialises. */
const properties: ReadonlySet<string> = new Set(["value", "checked", "disabled", "srcObject", "muted"])

/** What would parse markup, or make style and script of text. Nothing in this page needs it (security.md Q28). */
const forbidden = /^(innerHTML|outerHTML|srcdoc|style)$/i

type Listener = (event: Event) => void

function isListener(value: unknown): value is Listener {
  return typeof value === "function"
}

function setListener(element: Element, type: string, value: unknown, previous: unknown): void {
  if (isListener(previous)) element.removeEventListener(type, previous)
  if (isListener(value)) element.addEventListener(type, value)
}

function setAttribute(element: Element, name: string, value: unknown): void {
  if (value === undefined || value === null || value === false) element.removeAttribute(name)
  else element.setAttribute(name, value === true ? "" : textOf(value))
}

function textOf(value: unknown): string {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return String(value)
  throw new TypeError("an attribute is a text, a number or a boolean")
}

/** Solid's functions; none of them needs its object. */
interface Renderer {
  readonly render: (code: () => Node, node: Node) => () => void
  readonly effect: <T>(f: (previous?: T) => T, init?: T) => void
  readonly memo: <T>(f: () => T, equal: boolean) => () => T
  readonly createComponent: <T>(component: (props: T) => Node, props: T) => Node
  readonly createElement: (tag: string) => Node
  readonly createTextNode: (value: string) => Node
  readonly insertNode: (parent: Node, node: Node, anchor?: Node) => void
  readonly insert: <T>(parent: Node, accessor: (() => T) | T, marker?: Node | null, initial?: unknown) => Node
  readonly spread: <T>(node: Node, accessor: (() => T) | T, skipChildren?: boolean) => void
  readonly setProp: <T>(node: Node, name: string, value: T, previous?: T) => T
  readonly mergeProps: (...sources: unknown[]) => unknown
  readonly use: <A, T>(f: (element: Node, argument: A) => T, element: Node, argument: A) => T
}

/** Makes elements one by one and gives them text as text: no template, no `innerHTML`. */
const renderer: Renderer = createRenderer<Node>({
  createElement: (tag) =>
    svgTags.has(tag)
      ? document.createElementNS("http://www.w3.org/2000/svg", tag)
      : document.createElement(tag),
  createTextNode: (value) => document.createTextNode(value),
  replaceText: (node, value) => {
    node.nodeValue = value
  },
  isTextNode: (node) => node.nodeType === Node.TEXT_NODE,
  setProperty: (node, name, value, previous) => {
    if (!(node instanceof Element)) return
    if (forbidden.test(name)) throw new TypeError(`${name} is not for this page`)
    const event = /^on:?([A-Za-z]+)$/.exec(name)?.[1]
    if (event !== undefined) setListener(node, event.toLowerCase(), value, previous)
    else if (properties.has(name)) Reflect.set(node, name, value)
    else setAttribute(node, name, value)
  },
  insertNode: (parent, node, anchor) => {
    parent.insertBefore(node, anchor ?? null)
  },
  removeNode: (parent, node) => {
    parent.removeChild(node)
  },
  getParentNode: (node) => node.parentNode ?? undefined,
  getFirstChild: (node) => node.firstChild ?? undefined,
  getNextSibling: (node) => node.nextSibling ?? undefined,
})

// What Solid's compiler calls.
export const render: Renderer["render"] = renderer.render
export const effect: Renderer["effect"] = renderer.effect
export const memo: Renderer["memo"] = renderer.memo
export const createComponent: Renderer["createComponent"] = renderer.createComponent
export const createElement: Renderer["createElement"] = renderer.createElement
export const createTextNode: Renderer["createTextNode"] = renderer.createTextNode
export const insertNode: Renderer["insertNode"] = renderer.insertNode
export const insert: Renderer["insert"] = renderer.insert
export const spread: Renderer["spread"] = renderer.spread
export const setProp: Renderer["setProp"] = renderer.setProp
export const mergeProps: Renderer["mergeProps"] = renderer.mergeProps
export const use: Renderer["use"] = renderer.use
