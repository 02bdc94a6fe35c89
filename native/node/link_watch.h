// The `LinkWatch` class that JavaScript sees; `src/host/napi-network.ts` has its types.
#pragma once

#include <napi.h>

#include <atomic>
#include <memory>
#include <thread>

#include "os/link_watch.h"

namespace sledcast::node {

class LinkWatch final : public Napi::ObjectWrap<LinkWatch> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit LinkWatch(const Napi::CallbackInfo& info);
  ~LinkWatch() override;

 private:
  // start(event: (errno: number) => void): number; 0 or an errno. The event is called with 0 when something
  // changed, and with the errno, for the last time, when the watch broke. A watch is started once.
  Napi::Value start(const Napi::CallbackInfo& info);
  // close(): void. No event comes after it.
  Napi::Value close(const Napi::CallbackInfo& info);

  int open(Napi::Env env, const Napi::Function& event);
  // What the thread does.
  void watch() noexcept;
  // Ends the thread and lets go of all that it used; again it is nothing.
  void stop() noexcept;

  static void atTeardown(void* self);
  static void onEvent(napi_env env, napi_value event, void* self, void* data);

  napi_env env_;
  os::LinkWatch watch_;
  std::thread thread_;
  napi_threadsafe_function event_ = nullptr;
  std::atomic<int> error_{0};
  bool started_ = false;
  // Whether that was told.
  bool broke_ = false;
};

}  // namespace sledcast::node
