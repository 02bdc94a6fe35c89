#include "node/memberships.h"

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

#include "node/refusals.h"

namespace sledcast::node {

namespace {

constexpr const char* NO_MEMORY = "no memory for a script of memberships";

}  // namespace

Napi::Function Memberships::define(Napi::Env env) {
  return DefineClass(env, "Memberships",
                     {InstanceMethod<&Memberships::run>("run"), InstanceMethod<&Memberships::close>("close")});
}

Memberships::Memberships(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Memberships>(info) {
  try {
    queue_ = std::make_shared<ScriptQueue>();
  } catch (const std::bad_alloc&) {
    noMemory(info.Env(), NO_MEMORY);
  }
}

Napi::Value Memberships::run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsArrayBuffer() || !info[1].IsFunction()) return typeError(env, "run takes an ArrayBuffer and a function");
  auto script = info[0].As<Napi::ArrayBuffer>();
  const auto* bytes = static_cast<const std::uint8_t*>(script.Data());
  const std::size_t length = script.ByteLength();
  if (!os::Memberships::isScript(bytes, length)) return typeError(env, "not a script of memberships");
  if (closed_) return Napi::Boolean::New(env, false);
  try {
    // Copied: the caller may reuse its memory.
    queue_->add(info[1].As<Napi::Function>(), queue_, std::vector<std::uint8_t>(bytes, bytes + length));
  } catch (const std::bad_alloc&) {
    return noMemory(env, NO_MEMORY);
  }
  return Napi::Boolean::New(env, true);
}

Napi::Value Memberships::close(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsFunction()) return typeError(env, "close takes a function");
  if (closed_) return Napi::Boolean::New(env, false);
  try {
    queue_->addClose(info[0].As<Napi::Function>(), queue_);
  } catch (const std::bad_alloc&) {
    return noMemory(env, NO_MEMORY);
  }
  closed_ = true;
  return Napi::Boolean::New(env, true);
}

}  // namespace sledcast::node
