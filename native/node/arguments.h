// What JavaScript passes, as C++ has it.
#pragma once

#include <napi.h>

#include <string>

namespace sledcast::node {

// Whether the value is a string that C can have: the system would take the part before a NUL for all of it.
// The text may want memory, and throws where there is none.
bool toText(const Napi::Value& value, std::string& text);

// Whether the value is a number that a descriptor can have.
bool toDescriptor(const Napi::Value& value, int& fd);

}  // namespace sledcast::node
