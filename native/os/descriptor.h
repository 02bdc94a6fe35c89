// A file descriptor with an owner.
#pragma once

#include <string>

namespace sledcast::os {

// Owns a file descriptor; closes it when it goes.
class Descriptor {
 public:
  Descriptor() noexcept = default;
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  // Opens read-write and close-on-exec, with no other flag. Returns 0, or the errno.
  int open(const std::string& path) noexcept;
  // Opens a socket, close-on-exec. Returns 0, or the errno.
  int openSocket(int family, int type, int protocol) noexcept;
  void close() noexcept;

  bool isOpen() const noexcept { return fd_ >= 0; }
  int get() const noexcept { return fd_; }

 private:
  int fd_ = -1;
};

}  // namespace sledcast::os
