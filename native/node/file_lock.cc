#include "node/file_lock.h"

#include "node/arguments.h"
#include "node/refusals.h"
#include "os/file_lock.h"

namespace sledcast::node {

Napi::Value lockFile(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  int fd = 0;
  if (!toDescriptor(info[0], fd)) return typeError(env, "not a descriptor");
  return Napi::Number::New(env, os::lockFile(fd));
}

}  // namespace sledcast::node
