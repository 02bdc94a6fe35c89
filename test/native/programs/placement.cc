// Where os/placement.h puts descriptors, for both kinds of system: which one a system is decides
// nothing here. Prints a line for each case, and what was expected where it came out otherwise.
#include "os/placement.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <cstdio>
#include <vector>

using sledcast::os::Descriptor;
using sledcast::os::placeBefore;
using sledcast::os::Teardown;

namespace {

bool failed = false;

void check(bool holds, const char* what) {
  std::printf("%s: %s\n", holds ? "ok" : "NOT", what);
  failed = failed || !holds;
}

Descriptor nullDevice() {
  Descriptor descriptor;
  static_cast<void>(descriptor.open("/dev/null"));
  return descriptor;
}

Descriptor placed(const std::vector<Descriptor>& older, Teardown teardown) {
  Descriptor descriptor = nullDevice();
  placeBefore(older.empty() ? -1 : older.back().get(), teardown, descriptor);
  return descriptor;
}

// Whether each is closed before those that are older.
bool isOrdered(const std::vector<Descriptor>& descriptors, Teardown teardown) {
  for (std::size_t i = 1; i < descriptors.size(); i++) {
    const bool above = descriptors[i].get() > descriptors[i - 1].get();
    if (above != (teardown == Teardown::descending)) return false;
  }
  return true;
}

bool isCloseOnExec(const Descriptor& descriptor) { return (::fcntl(descriptor.get(), F_GETFD) & FD_CLOEXEC) != 0; }

void inOrder(Teardown teardown, const char* what) {
  // Numbers that become free below, and others' numbers all about.
  std::vector<Descriptor> low;
  for (int i = 0; i < 20; i++) low.push_back(nullDevice());
  std::vector<Descriptor> ours;
  std::vector<Descriptor> theirs;
  for (int i = 0; i < 300; i++) {
    if (i % 15 == 0 && !low.empty()) low.pop_back();
    if (i % 7 == 0 && !ours.empty()) {
      const int near = ours.back().get() + (teardown == Teardown::descending ? 1 : -5);
      theirs.emplace_back(::fcntl(ours.back().get(), F_DUPFD_CLOEXEC, near));
    }
    ours.push_back(placed(ours, teardown));
    if (!ours.back().isOpen() || !isCloseOnExec(ours.back())) return check(false, what);
  }
  check(isOrdered(ours, teardown), what);
}

void atTheLimit(Teardown teardown, const char* what) {
  rlimit before{};
  static_cast<void>(::getrlimit(RLIMIT_NOFILE, &before));
  rlimit small = before;
  small.rlim_cur = 64;
  static_cast<void>(::setrlimit(RLIMIT_NOFILE, &small));
  // The oldest stays, and the others come and go until no better number is left.
  std::vector<Descriptor> ours;
  bool open = true;
  for (int i = 0; i < 200 && open; i++) {
    ours.push_back(placed(ours, teardown));
    if (ours.size() > 10) ours.erase(ours.begin() + 1);
    open = ours.back().isOpen();
  }
  check(open, what);
  static_cast<void>(::setrlimit(RLIMIT_NOFILE, &before));
}

}  // namespace

int main() {
  inOrder(Teardown::descending, "where the highest is closed first, a newer one is above every older one");
  inOrder(Teardown::ascending, "where the lowest is closed first, a newer one is below every older one");
  atTheLimit(Teardown::descending, "above: without a better number it keeps its own");
  atTheLimit(Teardown::ascending, "below: without a better number it keeps its own");
  return failed ? 1 : 0;
}
