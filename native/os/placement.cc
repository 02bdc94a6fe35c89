#include "os/placement.h"

#include <fcntl.h>
#include <sys/resource.h>

#include <utility>

namespace sledcast::os {

namespace {

// Where descriptors that go downward begin. Kernels keep a table as long as the highest number, and
// a few thousand sockets hold the memberships of all groups that there can be.
constexpr int HIGHEST = 4096;

int highestNumber() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > HIGHEST) return HIGHEST - 1;
  return static_cast<int>(limit.rlim_cur) - 1;
}

// The lowest free number from `least` on; not open where there is none, as at the limit.
Descriptor copyFrom(int least, const Descriptor& descriptor) noexcept {
  return Descriptor(::fcntl(descriptor.get(), F_DUPFD_CLOEXEC, least));
}

void placeAbove(int newest, Descriptor& descriptor) noexcept {
  if (descriptor.get() > newest) return;
  Descriptor copy = copyFrom(newest + 1, descriptor);
  if (copy.isOpen()) descriptor = std::move(copy);
}

void placeFirst(Descriptor& descriptor) noexcept {
  const int highest = highestNumber();
  if (descriptor.get() >= highest) return;
  Descriptor copy = copyFrom(highest, descriptor);
  if (copy.isOpen()) descriptor = std::move(copy);
}

void placeBelow(int newest, Descriptor& descriptor) noexcept {
  // All numbers below are taken: it begins anew at the top, as those that go upward do at the bottom.
  if (descriptor.get() > newest) return placeFirst(descriptor);
  // A new descriptor has the lowest number, below which there is no room for the next: so it goes
  // right below the newest, or where others have those numbers as little further down as is quickly found.
  for (int step = 1; newest - step > descriptor.get(); step *= 2) {
    Descriptor copy = copyFrom(newest - step, descriptor);
    if (!copy.isOpen()) return;
    if (copy.get() < newest) {
      descriptor = std::move(copy);
      return;
    }
  }
}

}  // namespace

void placeBefore(int newest, Teardown teardown, Descriptor& descriptor) noexcept {
  if (teardown == Teardown::descending) {
    placeAbove(newest, descriptor);
  } else if (newest < 0) {
    placeFirst(descriptor);
  } else {
    placeBelow(newest, descriptor);
  }
}

}  // namespace sledcast::os
