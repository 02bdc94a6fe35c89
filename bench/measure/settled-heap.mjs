// Loaded into a server (`--import`, with `--expose-gc`): answers each message with what the heap and
// its buffers hold once all garbage is collected. Bytes.
process.on("message", () => {
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  process.send(heapUsed + external);
});
// It does not keep the server from ending.
process.channel.unref();
