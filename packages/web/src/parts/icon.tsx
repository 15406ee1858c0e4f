import type { JSX } from "solid-js"

/** Outlines on a grid of 24, drawn with the colour of the text around them. */
const paths = {
  invite: "M15 19a6 6 0 0 0-12 0M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8M19 8v6M16 11h6",
  join: "M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.700l-1.5 1.500M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.700l1.5-1.5",
  lock: "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.500v5M9 14.500v5",
  back: "M15 5l-7 7 7 7",
  send: "M5 12h13M12 5.500l6.5 6.5-6.5 6.5",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  share: "M12 15V4M8 8l4-4 4 4M5 13v6h14v-6",
  camera: "M4 8h3.500l1.5-2.500h6L16.5 8H20v11H4zM12 16.500a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4",
  picture: "M4 5h16v14H4zM4 16l4.5-4.5 4 4 2.5-2.5 5 5M15 9.500h.01",
  file: "M6 3h8l5 5v13H6zM13.500 3v5.500H19",
  save: "M12 4v11M8 11l4 4 4-4M5 15v5h14v-5",
  details: "M12 3l7 3v5.500c0 4.3-3 7.5-7 9-4-1.5-7-4.7-7-9V6z",
  verified: "M12 3l7 3v5.500c0 4.3-3 7.5-7 9-4-1.5-7-4.7-7-9V6zM8.8 11.800l2.3 2.3 4.2-4.4",
  stored: "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16M12 8v4.500l3 1.5",
  sent: "M5 12.500l4.5 4.500L19 7.5",
  delivered: "M2.5 12.500L7 17l9.5-9.500M12 16l1 1 9-9.5",
  failed: "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16M12 8v5M12 16h.01",
  warning: "M12 4l9 16H3zM12 10v4.500M12 17.500h.01",
  move: "M4 9h14M14 5l4 4-4 4M20 16H8M11 13l-3 3 3 3",
  key: "M8 20a4 4 0 1 0 0-8 4 4 0 0 0 0 8M11 13l8-8M16 8l2.500 2.500",
  chat: "M4 5h16v11h-9l-4.5 3.500V16H4z",
} as const

export type IconName = keyof typeof paths

export function Icon(props: {
  readonly name: IconName
  readonly label?: string
  readonly class?: string
}): JSX.Element {
  return (
    <svg
      class={props.class ?? "icon"}
      viewBox="0 0 24 24"
      role={props.label === undefined ? undefined : "img"}
      aria-label={props.label}
      aria-hidden={props.label === undefined ? "true" : undefined}
    >
      <path d={paths[props.name]} />
    </svg>
  )
}
