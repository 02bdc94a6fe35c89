// How JavaScript hears of what ended in another thread.
#pragma once

#include <napi.h>

namespace sledcast::node {

// Calls `done` with the argument, or without one where it is null. An environment that goes away
// hears nothing, and false is returned; with true an exception of the callback's may be pending.
bool tell(napi_env env, napi_value done, napi_value argument);
bool tell(napi_env env, const Napi::FunctionReference& done, napi_value argument);

// Takes a pending exception off while it lives, and throws it again when it goes: nothing can be
// called while one is pending, and one callback's exception is not to cost another its call.
class PutAside {
 public:
  explicit PutAside(napi_env env);
  ~PutAside();
  PutAside(const PutAside&) = delete;
  PutAside& operator=(const PutAside&) = delete;

 private:
  napi_env env_;
  napi_value exception_ = nullptr;
};

}  // namespace sledcast::node
