// The host's network interfaces by name. No Node in here.
#pragma once

#include <cstdint>
#include <string>

namespace sledcast::os {

// 0 where there is none of that name.
std::uint32_t interfaceIndex(const std::string& name) noexcept;

}  // namespace sledcast::os
