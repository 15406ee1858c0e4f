/** A script that Vite builds as a worker; the import is its address. */
declare module "*?worker&url" {
  const url: string
  export default url
}

declare module "*.css"
