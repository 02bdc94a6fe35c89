#include "node/link_watch.h"

#include <cerrno>
#include <system_error>

#include "node/refusals.h"
#include "node/tell.h"

namespace sledcast::node {

Napi::Function LinkWatch::define(Napi::Env env) {
  return DefineClass(env, "LinkWatch",
                     {InstanceMethod<&LinkWatch::start>("start"), InstanceMethod<&LinkWatch::close>("close")});
}

LinkWatch::LinkWatch(const Napi::CallbackInfo& info) : Napi::ObjectWrap<LinkWatch>(info), env_(info.Env()) {}

LinkWatch::~LinkWatch() { stop(); }

Napi::Value LinkWatch::start(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) return typeError(info.Env(), "start takes a function");
  if (started_) return typeError(info.Env(), "a watch is started once");
  started_ = true;
  return Napi::Number::New(info.Env(), open(info.Env(), info[0].As<Napi::Function>()));
}

int LinkWatch::open(Napi::Env env, const Napi::Function& event) {
  const int error = watch_.open();
  if (error != 0) {
    watch_.close();
    return error;
  }

  // Room for one call: while it waits for its turn, what changes further is told with it. The context
  // is this object, which is used only while the environment and the thread-safe function are there.
  const Napi::String name = Napi::String::New(env, "sledcast.links");
  if (napi_create_threadsafe_function(env, event, nullptr, name, 1, 1, nullptr, nullptr, this, onEvent, &event_) !=
      napi_ok) {
    event_ = nullptr;
    stop();
    return ENOMEM;
  }
  static_cast<void>(napi_unref_threadsafe_function(env, event_));
  // Hooks run newest first: this one before the thread-safe function's own, so the thread is over by then.
  if (napi_add_env_cleanup_hook(env, atTeardown, this) != napi_ok) {
    stop();
    return ENOMEM;
  }
  try {
    thread_ = std::thread(&LinkWatch::watch, this);
  } catch (const std::system_error& failure) {
    stop();
    return failure.code().value();
  }
  // Until it is closed it is wanted, whether or not JavaScript still holds it.
  Ref();
  return 0;
}

Napi::Value LinkWatch::close(const Napi::CallbackInfo& info) {
  if (thread_.joinable()) {
    stop();
    Unref();
  }
  return info.Env().Undefined();
}

void LinkWatch::watch() noexcept {
  for (;;) {
    switch (watch_.wait()) {
      case os::LinkWatch::Woken::changed:
        // A full queue already has the call.
        static_cast<void>(napi_call_threadsafe_function(event_, nullptr, napi_tsfn_nonblocking));
        break;
      case os::LinkWatch::Woken::failed:
        // Set first: a call that is queued already will tell of it.
        error_ = watch_.error();
        static_cast<void>(napi_call_threadsafe_function(event_, nullptr, napi_tsfn_nonblocking));
        return;
      case os::LinkWatch::Woken::stopped:
        return;
    }
  }
}

void LinkWatch::onEvent(napi_env env, napi_value event, void* self, void*) {
  // Without an environment it is only asked to free what was queued, and nothing was.
  if (env == nullptr || event == nullptr) return;
  auto& watch = *static_cast<LinkWatch*>(self);
  if (watch.broke_) return;
  const int error = watch.error_;
  watch.broke_ = error != 0;
  napi_value argument = nullptr;
  if (napi_create_int32(env, error, &argument) == napi_ok) tell(env, event, argument);
}

void LinkWatch::stop() noexcept {
  if (thread_.joinable()) {
    watch_.stop();
    thread_.join();
  }
  watch_.close();
  if (event_ == nullptr) return;
  static_cast<void>(napi_remove_env_cleanup_hook(env_, atTeardown, this));
  // Aborted, so that what is queued is not called.
  static_cast<void>(napi_release_threadsafe_function(event_, napi_tsfn_abort));
  event_ = nullptr;
}

void LinkWatch::atTeardown(void* self) { static_cast<LinkWatch*>(self)->stop(); }

}  // namespace sledcast::node
