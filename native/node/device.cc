#include "node/device.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "node/refusals.h"

namespace sledcast::node {

namespace {

constexpr const char* NO_MEMORY = "no memory for a call of the device";
// Numbers that lead each call of a batch: API version, command, request's length, capacity.
constexpr std::size_t CALL_NUMBERS = 4;
// Beyond any reply a driver has; a slip of units must not take the host's memory.
constexpr double MAX_CAPACITY = 256.0 * 1024 * 1024;
constexpr double MAX_SAFE_INTEGER = 9007199254740991.0;

bool isWhole(double value, double least, double most) {
  return value >= least && value <= most && std::trunc(value) == value;
}

// Nothing where the bytes are not a batch. All of it is copied: the caller may reuse its memory.
std::optional<os::Batch> toBatch(const std::uint8_t* data, std::size_t length, std::size_t count) {
  if (count > length / (CALL_NUMBERS * sizeof(double))) return std::nullopt;
  const std::uint8_t* requests = data + count * CALL_NUMBERS * sizeof(double);
  const std::size_t requestsLength = length - count * CALL_NUMBERS * sizeof(double);
  std::vector<os::BatchCall> calls;
  calls.reserve(count);
  std::size_t left = requestsLength;
  for (std::size_t i = 0; i < count; i++) {
    double numbers[CALL_NUMBERS];
    std::memcpy(numbers, data + i * sizeof(numbers), sizeof(numbers));
    if (!isWhole(numbers[0], 0, MAX_SAFE_INTEGER) || !isWhole(numbers[1], INT32_MIN, INT32_MAX) ||
        !isWhole(numbers[2], 0, static_cast<double>(left)) || !isWhole(numbers[3], 0, MAX_CAPACITY)) {
      return std::nullopt;
    }
    const auto requestLength = static_cast<std::size_t>(numbers[2]);
    calls.push_back({static_cast<std::uint64_t>(numbers[0]), static_cast<std::int32_t>(numbers[1]), requestLength,
                     static_cast<std::size_t>(numbers[3])});
    left -= requestLength;
  }
  return os::Batch(std::move(calls), std::vector<std::uint8_t>(requests, requests + requestsLength));
}

}  // namespace

Napi::Function Device::define(Napi::Env env) {
  return DefineClass(env, "Device",
                     {InstanceMethod<&Device::open>("open"), InstanceMethod<&Device::run>("run"),
                      InstanceMethod<&Device::close>("close")});
}

Device::Device(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Device>(info) {
  if (!info[0].IsString()) {
    typeError(info.Env(), "the device's path must be a string");
    return;
  }
  try {
    std::string path = info[0].As<Napi::String>().Utf8Value();
    // The system would take the part before it for the whole path.
    if (path.find('\0') != std::string::npos) {
      typeError(info.Env(), "the device's path must not contain a NUL");
      return;
    }
    state_ = std::make_shared<DeviceState>(std::move(path));
  } catch (const std::bad_alloc&) {
    noMemory(info.Env(), NO_MEMORY);
  }
}

Napi::Value Device::open(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) return typeError(info.Env(), "open takes a function");
  if (state_->phase != Phase::fresh) return Napi::Boolean::New(info.Env(), false);
  try {
    // A worker owns itself from here on: it is gone after its callback.
    (new OpenTask(info[0].As<Napi::Function>(), state_))->Queue();
  } catch (const std::bad_alloc&) {
    return noMemory(info.Env(), NO_MEMORY);
  }
  return Napi::Boolean::New(info.Env(), true);
}

Napi::Value Device::run(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsArrayBuffer() || !info[1].IsNumber() || !info[2].IsFunction()) {
    return typeError(env, "run takes an ArrayBuffer, a number and a function");
  }
  if (state_->phase != Phase::open) return Napi::Boolean::New(env, false);

  auto bytes = info[0].As<Napi::ArrayBuffer>();
  const double count = info[1].As<Napi::Number>().DoubleValue();
  if (!isWhole(count, 0, static_cast<double>(bytes.ByteLength()))) return typeError(env, "not a count of calls");
  try {
    std::optional<os::Batch> batch =
        toBatch(static_cast<const std::uint8_t*>(bytes.Data()), bytes.ByteLength(), static_cast<std::size_t>(count));
    if (!batch.has_value()) return typeError(env, "not a batch of calls");
    (new RunTask(info[2].As<Napi::Function>(), state_, std::move(*batch)))->Queue();
    // Its end is told on this thread, so it cannot have been counted off yet.
    state_->underWay++;
  } catch (const std::bad_alloc&) {
    return noMemory(env, NO_MEMORY);
  }
  return Napi::Boolean::New(env, true);
}

Napi::Value Device::close(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) return typeError(info.Env(), "close takes a function");
  if (state_->phase != Phase::open) return Napi::Boolean::New(info.Env(), false);
  state_->phase = Phase::closing;
  state_->closeDone = Napi::Persistent(info[0].As<Napi::Function>());
  state_->closeWhenIdle(info.Env());
  return Napi::Boolean::New(info.Env(), true);
}

}  // namespace sledcast::node
