#include "os/link_watch.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#if defined(__sun) || defined(__APPLE__)
#include <net/if.h>
#include <net/route.h>
#else
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#endif

namespace sledcast::os {

namespace {

// More than any message's head, of which only the type is read; the rest of a message is dropped.
constexpr std::size_t HEAD = 64;
// A storm of messages is no reason to tell of it only when it is over.
constexpr int MOST_READS = 1024;

int openPipe(Descriptor& reader, Descriptor& writer) noexcept {
  int ends[2] = {-1, -1};
#if defined(__APPLE__)
  // There is no pipe2(2): a program started between the two steps inherits the ends.
  if (::pipe(ends) != 0) return errno;
  for (const int end : ends) static_cast<void>(::fcntl(end, F_SETFD, FD_CLOEXEC));
#else
  if (::pipe2(ends, O_CLOEXEC) != 0) return errno;
#endif
  reader = Descriptor(ends[0]);
  writer = Descriptor(ends[1]);
  return 0;
}

#if defined(__sun) || defined(__APPLE__)

int openRoute(Descriptor& route) noexcept {
#if defined(__sun)
  // The protocol limits it to IPv6's messages; without, each change comes once for each family.
  return route.openSocket(PF_ROUTE, SOCK_RAW, AF_INET6);
#else
  return route.openSocket(PF_ROUTE, SOCK_RAW, 0);
#endif
}

// Routes come and go without an interface having changed. Every message begins with its length (two
// bytes), the version and the type.
bool isRelevant(const std::uint8_t* head, std::size_t length) noexcept {
  if (length < 4) return false;
  switch (head[3]) {
    case RTM_IFINFO:
    case RTM_NEWADDR:
    case RTM_DELADDR:
#if defined(RTM_CHGADDR)
    case RTM_CHGADDR:
#endif
#if defined(RTM_FREEADDR)
    case RTM_FREEADDR:
#endif
#if defined(RTM_IFANNOUNCE)
    case RTM_IFANNOUNCE:
#endif
      return true;
    default:
      return false;
  }
}

#else

int openRoute(Descriptor& route) noexcept {
  const int error = route.openSocket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  if (error != 0) return error;
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  // Links: coming, going, renamed, up, down, MTU. IPv6's own: addresses, and IPv6 itself switched on or off.
  address.nl_groups = RTMGRP_LINK | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_IFINFO;
  return ::bind(route.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ? 0 : errno;
}

// Only what was asked for comes.
bool isRelevant(const std::uint8_t*, std::size_t) noexcept { return true; }

#endif

// Reads all that is there. Returns 0, or the errno with which it broke.
int drain(const Descriptor& route, bool& relevant) noexcept {
  std::uint8_t head[HEAD];
  for (int i = 0; i < MOST_READS; i++) {
    const auto length = ::recv(route.get(), head, sizeof(head), MSG_DONTWAIT);
    if (length > 0) {
      relevant = relevant || isRelevant(head, static_cast<std::size_t>(length));
    } else if (length == 0) {
      // The other side is the kernel and has no end; to read on would be to spin.
      return EIO;
    } else if (errno == ENOBUFS) {
      // Messages were lost, and nobody knows which.
      relevant = true;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return 0;
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

}  // namespace

int LinkWatch::open() noexcept {
  const int error = openPipe(stopReader_, stopWriter_);
  return error == 0 ? openRoute(route_) : error;
}

LinkWatch::Woken LinkWatch::wait() noexcept {
  for (;;) {
    pollfd polled[2] = {{stopReader_.get(), POLLIN, 0}, {route_.get(), POLLIN, 0}};
    if (::poll(polled, 2, -1) < 0) {
      // A signal's handler may run in this thread as in any other.
      if (errno == EINTR) continue;
      error_ = errno;
      return Woken::failed;
    }
    if (polled[0].revents != 0) return Woken::stopped;
    if (polled[1].revents == 0) continue;
    bool relevant = false;
    error_ = drain(route_, relevant);
    if (error_ != 0) return Woken::failed;
    if (relevant) return Woken::changed;
  }
}

void LinkWatch::stop() noexcept {
  const char byte = 0;
  // There is room for it: nothing else is ever written.
  while (::write(stopWriter_.get(), &byte, 1) < 0 && errno == EINTR) {
  }
}

void LinkWatch::close() noexcept {
  route_.close();
  stopReader_.close();
  stopWriter_.close();
}

}  // namespace sledcast::os
