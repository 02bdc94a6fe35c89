#include "os/interfaces.h"

#include <net/if.h>

namespace sledcast::os {

std::uint32_t interfaceIndex(const std::string& name) noexcept {
  // Some C libraries would take the beginning of a longer name for the whole.
  return name.size() < IF_NAMESIZE ? ::if_nametoindex(name.c_str()) : 0;
}

}  // namespace sledcast::os
