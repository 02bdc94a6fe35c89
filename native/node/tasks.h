// What runs in the thread pool, and how JavaScript hears of it.
#pragma once

#include <napi.h>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "os/batch.h"
#include "os/device.h"

namespace sledcast::node {

// A device is opened once; one that failed to open, or was closed, stays closed.
enum class Phase { fresh, opening, open, closing, closed };

// An open device's state. It belongs to the JavaScript object and to every task under way, so a
// collected object does not close the descriptor under a call. All but the descriptor's use is on
// the environment's own thread, hence no lock.
struct DeviceState {
  explicit DeviceState(std::string devicePath) : path(std::move(devicePath)) {}

  const std::string path;
  os::Descriptor descriptor;
  Phase phase = Phase::fresh;
  std::size_t underWay = 0;
  // Who waits for the close.
  Napi::FunctionReference closeDone;

  void closeWhenIdle(Napi::Env env);
};

// Opens `state.path`, then `done(errno)`.
class OpenTask final : public Napi::AsyncWorker {
 public:
  OpenTask(const Napi::Function& done, std::shared_ptr<DeviceState> state);

 private:
  void Execute() override;
  void OnOK() override;

  std::shared_ptr<DeviceState> state_;
  os::Descriptor opened_;
  int error_ = 0;
};

// Runs a batch, then `done(answer)`: see `src/host/batch.ts` for what is where in it.
class RunTask final : public Napi::AsyncWorker {
 public:
  RunTask(const Napi::Function& done, std::shared_ptr<DeviceState> state, os::Batch batch);

 private:
  void Execute() override;
  void OnOK() override;

  std::shared_ptr<DeviceState> state_;
  os::Batch batch_;
};

}  // namespace sledcast::node
