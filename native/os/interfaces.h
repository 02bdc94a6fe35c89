// The host's network interfaces by name. No Node in here.
#pragma once

#include <cstdint>
#include <string>

namespace sledcast::os {

// The index of the interface; if it cannot be told, the negative errno, which is that there is none of
// that name (ENODEV, ENXIO) or that nobody could be asked: the look-up takes a descriptor.
std::int32_t interfaceIndex(const std::string& name) noexcept;

}  // namespace sledcast::os
