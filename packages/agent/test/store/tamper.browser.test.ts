// On the functions that a browser has.
import "./tamper.test.ts"
