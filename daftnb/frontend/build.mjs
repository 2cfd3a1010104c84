// Bundles the views, the preview, the loader and the mounter (an ES module each, style sheets inside) into ../static, and
// what a recording's page has: the views as a script, and their style sheets as they are in it. --tests bundles the tests.

import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { build, transform } from "esbuild";

async function minified(path) {
  const { code } = await transform(readFileSync(path, "utf8"), { loader: "css", minify: true });
  return code.trim();
}

/** Style sheets as minified text. */
const styles = {
  name: "styles",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => ({ contents: await minified(path), loader: "text" }));
  },
};

const common = {
  bundle: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  plugins: [styles],
  legalComments: "none",
  logLevel: "warning",
};

if (process.argv.includes("--tests")) {
  const tests = readdirSync("test").filter((name) => /\.test\.tsx?$/.test(name));
  await build({
    ...common,
    entryPoints: tests.map((name) => `test/${name}`),
    outdir: "build/test",
    outExtension: { ".js": ".mjs" },
    platform: "node",
    external: ["node:*"],
  });
} else {
  await build({ ...common, entryPoints: ["src/index.tsx"], outfile: "../static/daftnb.js", minify: true });
  await build({ ...common, entryPoints: ["src/preview/index.tsx"], outfile: "../static/preview.js", minify: true });
  await build({ ...common, entryPoints: ["src/loader.ts"], outfile: "../static/loader.js", minify: true });
  await build({ ...common, entryPoints: ["src/mount.ts"], outfile: "../static/mount.js", minify: true });
  await build({
    ...common,
    entryPoints: ["src/runfile.ts"],
    outfile: "../static/runfile.js",
    minify: true,
    format: "iife",
    charset: "ascii", // it is written into a page, of which a digest is made
  });
  // As `mountShadow` is given them by `index.tsx`: a page's policy allows a style sheet by its digest.
  const sheets = await Promise.all(["base", "style", "plan"].map((name) => minified(`src/${name}.css`)));
  writeFileSync("../static/runfile.css", sheets.join(""));
  for (const [name, most] of [
    ["daftnb.js", 200_000],
    ["runfile.js", 205_000],
    ["runfile.css", 40_000],
    ["preview.js", 150_000],
    ["loader.js", 3_000],
    ["mount.js", 4_000],
  ]) {
    const { size } = statSync(`../static/${name}`);
    if (size > most) throw new Error(`${name} is ${size} bytes; at most ${most} are allowed`);
    console.log(`${name}: ${size} bytes`);
  }
}
