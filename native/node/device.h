// The `Device` class that JavaScript sees; `src/host/addon.ts` has its types.
#pragma once

#include <napi.h>

#include <memory>

#include "node/tasks.h"

namespace sledcast::node {

class Device final : public Napi::ObjectWrap<Device> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit Device(const Napi::CallbackInfo& info);

 private:
  // open(done: (errno: number) => void): boolean; false: it was opened before.
  Napi::Value open(const Napi::CallbackInfo& info);
  // run(batch: ArrayBuffer, count: number, done: (answer?: ArrayBuffer) => void): boolean; false: it is not open.
  Napi::Value run(const Napi::CallbackInfo& info);
  // close(done: () => void): boolean; false: it is not open. `done` may be called before this returns.
  Napi::Value close(const Napi::CallbackInfo& info);

  std::shared_ptr<DeviceState> state_;
};

}  // namespace sledcast::node
