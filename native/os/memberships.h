// Memberships in IPv6 groups, as sockets hold them. No Node in here.
//
// In which order they are left matters: Linux puts a new group at the head of the interface's list
// and searches from there, so newest first is some fifty times cheaper than oldest first (10,000
// groups on two interfaces: 0.08 s against 3.8 s). Closing goes newest first, then. A process that
// is killed cannot choose; its descriptors are closed by number, so a socket is given a number by
// which it goes before all that are older (os/placement.h). Measured on Linux 6.18 with 64 groups a
// socket: 43 ms for the kill, where numbers the other way round took 3.5 s. All that time the
// process is not gone, and whoever starts it again waits. It is a matter of cost only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_map>

#include "os/descriptor.h"

namespace sledcast::os {

// The sockets, and the scripts that open them, join, leave and close them. `src/host/memberships.ts`
// has what is where in a script.
class Memberships {
 public:
  static constexpr std::size_t STEP_BYTES = 32;
  // Sockets are numbered by the caller, from 0 to one less than this.
  static constexpr std::uint32_t MOST_SOCKETS = 65536;

  Memberships() = default;
  ~Memberships();
  Memberships(const Memberships&) = delete;
  Memberships& operator=(const Memberships&) = delete;

  // Whether the bytes are whole steps, each of an operation and a socket that there can be.
  static bool isScript(const std::uint8_t* bytes, std::size_t length) noexcept;

  // Runs the steps of what is a script, one after another; a failed one does not stop those behind it. Writes
  // 0 or the errno of each. One at a time.
  void run(const std::uint8_t* script, std::size_t steps, std::int32_t* errors) noexcept;

  // Closes every socket, newest first.
  void close() noexcept;

 private:
  using Age = std::uint64_t;

  int runStep(const std::uint8_t* step) noexcept;
  int open(std::uint32_t socket);
  int change(std::uint32_t socket, int option, const void* request) noexcept;
  int close(std::uint32_t socket) noexcept;

  // Oldest to newest.
  std::map<Age, Descriptor> descriptors_;
  std::unordered_map<std::uint32_t, Age> ages_;
  Age nextAge_ = 0;
};

}  // namespace sledcast::os
