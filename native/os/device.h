// The control device as the operating system gives it: a descriptor and one ioctl. No Node in here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace sledcast::os {

// Owns a file descriptor; closes it when it goes.
class Descriptor {
 public:
  Descriptor() noexcept = default;
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  // Opens read-write and close-on-exec, with no other flag. Returns 0, or the errno.
  int open(const std::string& path) noexcept;
  void close() noexcept;

  bool isOpen() const noexcept { return fd_ >= 0; }
  int get() const noexcept { return fd_; }

 private:
  int fd_ = -1;
};

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
