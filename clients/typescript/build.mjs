// Builds the package into dist, and puts the licences beside it.
import { execFileSync } from "node:child_process";
import { copyFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
rmSync(`${here}dist`, { recursive: true, force: true });
execFileSync(process.execPath, [`${here}node_modules/typescript/bin/tsc`, "-p", here], { stdio: "inherit" });
for (const name of ["LICENSE-MIT", "LICENSE-APACHE"]) copyFileSync(`${here}../../${name}`, `${here}${name}`);
