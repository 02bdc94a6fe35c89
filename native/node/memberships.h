// The `Memberships` class that JavaScript sees; `src/host/napi-network.ts` has its types.
#pragma once

#include <napi.h>

#include <memory>

#include "node/scripts.h"

namespace sledcast::node {

class Memberships final : public Napi::ObjectWrap<Memberships> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit Memberships(const Napi::CallbackInfo& info);

 private:
  // run(script: ArrayBuffer, done: (errors?: ArrayBuffer) => void): boolean; false: it is closed.
  Napi::Value run(const Napi::CallbackInfo& info);
  // close(done: () => void): boolean; false: it is closed.
  Napi::Value close(const Napi::CallbackInfo& info);

  std::shared_ptr<ScriptQueue> queue_;
  bool closed_ = false;
};

}  // namespace sledcast::node
