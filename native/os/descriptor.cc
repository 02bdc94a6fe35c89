#include "os/descriptor.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace sledcast::os {

Descriptor::~Descriptor() { close(); }

Descriptor::Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

int Descriptor::open(const std::string& path) noexcept {
  close();
  // xde answers EINVAL to O_NONBLOCK, O_NDELAY and O_EXCL.
  do {
    fd_ = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  } while (fd_ < 0 && errno == EINTR);
  return fd_ < 0 ? errno : 0;
}

int Descriptor::openSocket(int family, int type, int protocol) noexcept {
  close();
#if defined(SOCK_CLOEXEC)
  fd_ = ::socket(family, type | SOCK_CLOEXEC, protocol);
#else
  // macOS has it in two steps only: a program started between them inherits the socket.
  fd_ = ::socket(family, type, protocol);
  if (fd_ >= 0) static_cast<void>(::fcntl(fd_, F_SETFD, FD_CLOEXEC));
#endif
  return fd_ < 0 ? errno : 0;
}

void Descriptor::close() noexcept {
  // Not repeated and not asked how it went: the descriptor is gone even after EINTR, and its number
  // may by then be somebody else's.
  if (fd_ >= 0) static_cast<void>(::close(std::exchange(fd_, -1)));
}

}  // namespace sledcast::os
