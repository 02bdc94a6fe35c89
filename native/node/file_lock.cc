#include "node/file_lock.h"

#include <cmath>
#include <cstdint>

#include "node/refusals.h"
#include "os/file_lock.h"

namespace sledcast::node {

Napi::Value lockFile(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsNumber()) return typeError(env, "a descriptor must be a number");
  const double fd = info[0].As<Napi::Number>().DoubleValue();
  if (!(fd >= 0 && fd <= INT32_MAX && std::trunc(fd) == fd)) return typeError(env, "not a descriptor");
  return Napi::Number::New(env, os::lockFile(static_cast<int>(fd)));
}

}  // namespace sledcast::node
