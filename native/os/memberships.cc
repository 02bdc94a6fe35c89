#include "os/memberships.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <iterator>
#include <new>
#include <utility>

#include "os/placement.h"

namespace sledcast::os {

namespace {

enum Operation : std::uint32_t { OPEN, JOIN, LEAVE, CLOSE, OPERATIONS };

struct Step {
  std::uint32_t operation;
  std::uint32_t socket;
  ipv6_mreq request;
  std::uint32_t unused;
};
static_assert(sizeof(ipv6_mreq) == 20);
static_assert(sizeof(Step) == Memberships::STEP_BYTES);
static_assert(offsetof(Step, request) == 8);

// Not read where it is: the bytes come without an alignment.
Step stepAt(const std::uint8_t* bytes) noexcept {
  Step step;
  std::memcpy(&step, bytes, sizeof(step));
  return step;
}

}  // namespace

Memberships::~Memberships() { close(); }

bool Memberships::isScript(const std::uint8_t* bytes, std::size_t length) noexcept {
  if (length % STEP_BYTES != 0) return false;
  for (std::size_t at = 0; at < length; at += STEP_BYTES) {
    const Step step = stepAt(bytes + at);
    if (step.operation >= OPERATIONS || step.socket >= MOST_SOCKETS) return false;
  }
  return true;
}

void Memberships::run(const std::uint8_t* script, std::size_t steps, std::int32_t* errors) noexcept {
  for (std::size_t i = 0; i < steps; i++) errors[i] = runStep(script + i * STEP_BYTES);
}

int Memberships::runStep(const std::uint8_t* bytes) noexcept {
  const Step step = stepAt(bytes);
  switch (step.operation) {
    case OPEN:
      try {
        return open(step.socket);
      } catch (const std::bad_alloc&) {
        return ENOMEM;
      }
    case JOIN:
      return change(step.socket, IPV6_JOIN_GROUP, &step.request);
    case LEAVE:
      return change(step.socket, IPV6_LEAVE_GROUP, &step.request);
    case CLOSE:
      return close(step.socket);
    default:
      return EINVAL;
  }
}

int Memberships::open(std::uint32_t socket) {
  const auto [age, fresh] = ages_.try_emplace(socket, nextAge_);
  if (!fresh) return EBUSY;
  const int newest = descriptors_.empty() ? -1 : descriptors_.rbegin()->second.get();
  Descriptor descriptor;
  int error = descriptor.openSocket(AF_INET6, SOCK_DGRAM, 0);
  if (error == 0) {
    placeBefore(newest, TEARDOWN, descriptor);
    try {
      descriptors_.emplace_hint(descriptors_.end(), nextAge_, std::move(descriptor));
      nextAge_++;
    } catch (const std::bad_alloc&) {
      error = ENOMEM;
    }
  }
  if (error != 0) ages_.erase(age);
  return error;
}

int Memberships::change(std::uint32_t socket, int option, const void* request) noexcept {
  const auto age = ages_.find(socket);
  if (age == ages_.end()) return EBADF;
  const int fd = descriptors_.find(age->second)->second.get();
  return ::setsockopt(fd, IPPROTO_IPV6, option, request, sizeof(ipv6_mreq)) == 0 ? 0 : errno;
}

int Memberships::close(std::uint32_t socket) noexcept {
  const auto age = ages_.find(socket);
  if (age == ages_.end()) return EBADF;
  descriptors_.erase(age->second);
  ages_.erase(age);
  return 0;
}

void Memberships::close() noexcept {
  while (!descriptors_.empty()) descriptors_.erase(std::prev(descriptors_.end()));
  ages_.clear();
}

}  // namespace sledcast::os
