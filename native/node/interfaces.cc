#include "node/interfaces.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "node/refusals.h"
#include "node/tell.h"
#include "os/interfaces.h"

namespace sledcast::node {

namespace {

class IndexTask final : public Napi::AsyncWorker {
 public:
  IndexTask(const Napi::Function& done, std::vector<std::string> names)
      : AsyncWorker(done, "sledcast.interfaces"), names_(std::move(names)), indexes_(names_.size()) {}

 private:
  void Execute() override {
    for (std::size_t i = 0; i < names_.size(); i++) indexes_[i] = os::interfaceIndex(names_[i]);
  }

  void OnOK() override {
    const std::size_t length = indexes_.size() * sizeof(std::int32_t);
    void* data = nullptr;
    napi_value answer = nullptr;
    if (napi_create_arraybuffer(Env(), length, &data, &answer) == napi_ok && length > 0) {
      std::memcpy(data, indexes_.data(), length);
    }
    tell(Env(), Callback(), answer);
  }

  std::vector<std::string> names_;
  std::vector<std::int32_t> indexes_;
};

}  // namespace

Napi::Value interfaceIndexes(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsArray() || !info[1].IsFunction()) {
    return typeError(env, "interfaceIndexes takes an array and a function");
  }
  const auto array = info[0].As<Napi::Array>();
  try {
    std::vector<std::string> names;
    for (std::uint32_t i = 0; i < array.Length(); i++) {
      // A getter of the array's may have thrown.
      const Napi::Value value = array.Get(i);
      if (env.IsExceptionPending()) return env.Undefined();
      if (!value.IsString()) return typeError(env, "an interface's name must be a string");
      names.push_back(value.As<Napi::String>().Utf8Value());
      // The system would take the part before it for the whole name.
      if (names.back().find('\0') != std::string::npos) {
        return typeError(env, "an interface's name must not contain a NUL");
      }
    }
    // A worker owns itself from here on: it is gone after its callback.
    (new IndexTask(info[1].As<Napi::Function>(), std::move(names)))->Queue();
  } catch (const std::bad_alloc&) {
    return noMemory(env, "no memory for the interfaces' names");
  }
  return env.Undefined();
}

}  // namespace sledcast::node
