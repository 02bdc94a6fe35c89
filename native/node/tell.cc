#include "node/tell.h"

#include <cstddef>

namespace sledcast::node {

// Plain Node-API, with every status looked at or let go on purpose: a task can end while its
// environment goes away (a terminated worker), when nothing can be made or called any more, and
// then silence is right. It is also why callbacks are used and no deferred promise: a reference
// can be given back at that time, a deferred cannot.
bool tell(napi_env env, napi_value done, napi_value argument) {
  napi_value receiver = nullptr;
  if (done == nullptr || napi_get_undefined(env, &receiver) != napi_ok) return false;
  const std::size_t count = argument == nullptr ? 0 : 1;
  if (napi_call_function(env, receiver, done, count, &argument, nullptr) == napi_ok) return true;
  // The status alone does not tell a callback that threw from one that could not be called.
  bool pending = false;
  return napi_is_exception_pending(env, &pending) == napi_ok && pending;
}

bool tell(napi_env env, const Napi::FunctionReference& done, napi_value argument) {
  napi_value callback = nullptr;
  if (napi_get_reference_value(env, done, &callback) != napi_ok) return false;
  return tell(env, callback, argument);
}

PutAside::PutAside(napi_env env) : env_(env) {
  bool pending = false;
  if (napi_is_exception_pending(env, &pending) == napi_ok && pending) {
    static_cast<void>(napi_get_and_clear_last_exception(env, &exception_));
  }
}

PutAside::~PutAside() {
  if (exception_ != nullptr) static_cast<void>(napi_throw(env_, exception_));
}

}  // namespace sledcast::node
