/** Entered as the program itself is: what it does is loaded by `import()`. */
await import("./cli/program.ts");
