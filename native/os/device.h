// The control device as the operating system gives it: a descriptor and one ioctl. No Node in here.
#pragma once

#include <cstddef>
#include <cstdint>

#include "os/descriptor.h"

namespace sledcast::os {

// One command. What it points to belongs to the caller and must outlast the call.
struct Command {
  std::uint64_t apiVersion;
  std::int32_t cmd;
  const std::uint8_t* request;
  std::size_t requestLength;
  std::uint8_t* reply;
  std::size_t capacity;
};

struct Outcome {
  // 0, or the platform's errno.
  int error = 0;
  // Whether the first `actual` bytes of the reply are the driver's; never more than the capacity then.
  bool copiedOut = false;
  // Bytes the reply has; more than the capacity when it did not fit.
  std::uint64_t actual = 0;
};

Outcome runCommand(const Descriptor& device, const Command& command) noexcept;

}  // namespace sledcast::os
