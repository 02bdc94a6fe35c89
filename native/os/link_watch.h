// Hears from the kernel that interfaces changed. No Node in here.
#pragma once

#include "os/descriptor.h"

namespace sledcast::os {

// What the kernel says is taken as a hint to look, and not read further: looking has to be right by
// itself anyway, since messages get lost when nobody reads in time.
class LinkWatch {
 public:
  enum class Woken { changed, stopped, failed };

  // From then on no change is missed. Needs no privilege. Returns 0, or the errno.
  int open() noexcept;

  // Blocks until something changed, or `stop` was called (then and ever after), or it cannot go on.
  Woken wait() noexcept;
  // Why `wait` failed.
  int error() const noexcept { return error_; }

  // Ends `wait`, from any thread.
  void stop() noexcept;
  // When nobody waits any more.
  void close() noexcept;

 private:
  Descriptor route_;
  // A byte in here, which nobody takes out again, is the stop.
  Descriptor stopReader_;
  Descriptor stopWriter_;
  int error_ = 0;
};

}  // namespace sledcast::os
