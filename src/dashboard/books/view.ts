import type { View } from "../view.ts";
import { Books } from "./books.ts";

export const BOOKS: View = { path: "books", title: "Books", component: Books };
