/**
 * Below the ports that systems give to programs that ask for any port (from 32768 on Linux, from 49152
 * elsewhere): so only tests take these.
 */
const FIRST_PORT = 10_240;
const BLOCK_SIZE = 64;
const BLOCKS = 350;

/**
 * The block belongs to this process as long as it lives: the owner of a block's first UDP port may use its
 * TCP ports.
 */
const block = reserveBlock();
let next = 0;

/**
 * A TCP port of 127.0.0.1 that nothing listens on, for servers that cannot take port 0. No other test gets
 * it, not even in another process or run, and no client's connection gets it either. So it is free until the
 * server starts, and while the server is stopped.
 *
 * @throws when something listens on all ports of the block.
 */
export function freePort(): number {
  for (let tried = 0; tried < BLOCK_SIZE; tried++) {
    const port = block + next++ % BLOCK_SIZE;
    if (isFree(port)) return port;
  }
  throw new Error(`there is no free port from ${block} to ${block + BLOCK_SIZE - 1}`);
}

function reserveBlock(): number {
  for (let i = 0; i < BLOCKS; i++) {
    const port = FIRST_PORT + (Deno.pid + i) % BLOCKS * BLOCK_SIZE;
    try {
      Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port });
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error(`all ports from ${FIRST_PORT} to ${FIRST_PORT + BLOCKS * BLOCK_SIZE - 1} are taken`);
}

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}
