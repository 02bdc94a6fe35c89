#include "node/kstats.h"

#include <cstddef>
#include <cstring>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "node/arguments.h"
#include "node/refusals.h"
#include "node/tell.h"

namespace sledcast::node {

namespace {

constexpr const char* NO_MEMORY = "no memory for a call of libkstat";

class ReadTask final : public Napi::AsyncWorker {
 public:
  ReadTask(const Napi::Function& done, std::shared_ptr<LibraryState<os::Kstats>> state, std::string module)
      : AsyncWorker(done, "sledcast.kstats"), state_(std::move(state)), module_(std::move(module)) {}

 private:
  void Execute() override { error_ = state_->library.read(module_, records_); }

  void OnOK() override { tell(Env(), Callback(), error_ == 0 ? toRecords() : toError()); }

  napi_value toError() const {
    napi_value error = nullptr;
    return napi_create_int32(Env(), error_, &error) == napi_ok ? error : nullptr;
  }

  napi_value toRecords() const {
    const std::size_t length = records_.size() * sizeof(os::KstatRecord);
    void* data = nullptr;
    napi_value answer = nullptr;
    if (napi_create_arraybuffer(Env(), length, &data, &answer) != napi_ok) return nullptr;
    if (length > 0) std::memcpy(data, records_.data(), length);
    return answer;
  }

  std::shared_ptr<LibraryState<os::Kstats>> state_;
  const std::string module_;
  std::vector<os::KstatRecord> records_;
  int error_ = 0;
};

}  // namespace

Napi::Function Kstats::define(Napi::Env env) {
  return DefineClass(env, "Kstats", {InstanceMethod<&Kstats::open>("open"), InstanceMethod<&Kstats::read>("read")});
}

Kstats::Kstats(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Kstats>(info) {
  try {
    std::string library = os::LIBKSTAT;
    if (!info[0].IsUndefined() && !toText(info[0], library)) {
      typeError(info.Env(), "a library's name must be a string without a NUL");
      return;
    }
    state_ = std::make_shared<LibraryState<os::Kstats>>(std::move(library));
  } catch (const std::bad_alloc&) {
    noMemory(info.Env(), NO_MEMORY);
  }
}

Napi::Value Kstats::open(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) return typeError(info.Env(), "open takes a function");
  try {
    // A worker owns itself from here on: it is gone after its callback.
    (new LibraryTask<os::Kstats>(info[0].As<Napi::Function>(), state_))->Queue();
  } catch (const std::bad_alloc&) {
    return noMemory(info.Env(), NO_MEMORY);
  }
  return info.Env().Undefined();
}

Napi::Value Kstats::read(const Napi::CallbackInfo& info) {
  try {
    std::string module;
    if (!toText(info[0], module) || !info[1].IsFunction()) {
      return typeError(info.Env(), "read takes a module's name without a NUL and a function");
    }
    if (!state_->loaded) return Napi::Boolean::New(info.Env(), false);
    (new ReadTask(info[1].As<Napi::Function>(), state_, std::move(module)))->Queue();
  } catch (const std::bad_alloc&) {
    return noMemory(info.Env(), NO_MEMORY);
  }
  return Napi::Boolean::New(info.Env(), true);
}

}  // namespace sledcast::node
