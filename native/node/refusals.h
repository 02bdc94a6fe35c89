// What is thrown at who calls the addon wrongly, as JavaScript's exceptions: no C++ exception crosses
// into Node.
#pragma once

#include <napi.h>

namespace sledcast::node {

Napi::Value typeError(Napi::Env env, const char* message);
// What a `std::bad_alloc` becomes.
Napi::Value noMemory(Napi::Env env, const char* message);

}  // namespace sledcast::node
