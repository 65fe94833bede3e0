import { join } from "node:path";
import { MACHINE_CLOCK } from "./wrong_clock.ts";

/** An authority and its certificates, as PEM files in one directory, made by `openssl`. */
export class Authority {
  private constructor(private readonly directory: string, readonly caFile: string) {}

  static async create(directory: string, name: string, days = 3650): Promise<Authority> {
    const authority = new Authority(directory, join(directory, `${name}.pem`));
    await openssl(directory, [
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", `${days}`, "-subj", `/CN=${name}`],
      ...["-keyout", `${name}.key`, "-out", `${name}.pem`],
    ]);
    return authority;
  }

  /** @param names Names in the form of `openssl`: `DNS:db.example`, `IP:127.0.0.1`. */
  async sign(
    commonName: string,
    names: readonly string[],
    days = 3650,
  ): Promise<{ certFile: string; keyFile: string }> {
    const { directory } = this;
    const ca = this.caFile.replace(/\.pem$/, "");
    await Deno.writeTextFile(
      join(directory, `${commonName}.ext`),
      `basicConstraints=CA:FALSE\n${names.length > 0 ? `subjectAltName=${names.join(",")}\n` : ""}`,
    );
    await openssl(directory, [
      ...["req", "-newkey", "rsa:2048", "-nodes", "-subj", `/CN=${commonName}`],
      ...["-keyout", `${commonName}.key`, "-out", `${commonName}.csr`],
    ]);
    await openssl(directory, [
      ...[
        "x509",
        "-req",
        "-days",
        `${days}`,
        "-in",
        `${commonName}.csr`,
        "-CA",
        `${ca}.pem`,
        "-CAkey",
        `${ca}.key`,
      ],
      ...["-CAcreateserial", "-extfile", `${commonName}.ext`, "-out", `${commonName}.pem`],
    ]);
    return { certFile: join(directory, `${commonName}.pem`), keyFile: join(directory, `${commonName}.key`) };
  }
}

async function openssl(cwd: string, args: readonly string[]): Promise<void> {
  // A certificate begins now. Some servers have the machine's clock even where the tests have another.
  const command = new Deno.Command("openssl", { args: [...args], cwd, env: MACHINE_CLOCK });
  const { success, stderr } = await command.output();
  if (!success) throw new Error(`openssl failed:\n${new TextDecoder().decode(stderr)}`);
}
