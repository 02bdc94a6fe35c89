#include "os/interfaces.h"

#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace sledcast::os {

std::int32_t interfaceIndex(const std::string& name) noexcept {
  // Some C libraries would take the beginning of a longer name for the whole.
  if (name.size() >= IF_NAMESIZE) return -ENXIO;
  errno = 0;
  const unsigned index = ::if_nametoindex(name.c_str());
  if (index != 0) return static_cast<std::int32_t>(index);
  const int error = errno == 0 ? ENXIO : errno;
  if (error == ENODEV || error == ENXIO) return -error;
  // The look-up had no socket to ask through, and glibc says ENOENT for that, whatever the reason was.
  const int fd = ::socket(AF_INET6, SOCK_DGRAM, 0);
  if (fd < 0) return -errno;
  static_cast<void>(::close(fd));
  return -error;
}

}  // namespace sledcast::os
