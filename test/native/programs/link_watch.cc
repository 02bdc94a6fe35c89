// os/link_watch.h under more messages than its socket holds. For a network namespace of its own.
#include "os/link_watch.h"

#include <cstdio>
#include <cstdlib>
#include <thread>

using sledcast::os::LinkWatch;

namespace {

bool failed = false;

void check(bool holds, const char* what) {
  std::printf("%s: %s\n", holds ? "ok" : "NOT", what);
  failed = failed || !holds;
}

void shell(const char* command) {
  if (std::system(command) != 0) std::exit(2);
}

}  // namespace

int main() {
  LinkWatch watch;
  check(watch.open() == 0, "it opens");
  shell("ip link add wa type veth peer name wb");
  check(watch.wait() == LinkWatch::Woken::changed, "what came before the wait is told");

  shell("for n in $(seq 2000); do echo link set wa mtu $((1300 + n % 100)); done | ip -batch -");
  check(watch.wait() == LinkWatch::Woken::changed, "lost messages are a change");

  shell("ip link set wa mtu 1400");
  check(watch.wait() == LinkWatch::Woken::changed, "it goes on behind an overrun");

  std::thread waiting([&watch] { check(watch.wait() == LinkWatch::Woken::stopped, "a stop ends the wait"); });
  watch.stop();
  waiting.join();
  shell("ip link set wa mtu 1401");
  check(watch.wait() == LinkWatch::Woken::stopped, "and every later one");
  return failed ? 1 : 0;
}
