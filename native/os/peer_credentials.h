// Who connected to a Unix socket, as the kernel noted it at that time. No Node in here.
#pragma once

#include <cstdint>

namespace sledcast::os {

struct PeerCredentials {
  // Effective, which is what the kernel let in.
  std::uint32_t uid = 0;
  // Not above 0 where the system does not tell it.
  std::int32_t pid = 0;
};

// Of a connected socket. Returns 0, or the errno; then `found` is as it was.
int peerCredentials(int fd, PeerCredentials& found) noexcept;

}  // namespace sledcast::os
