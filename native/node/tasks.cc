#include "node/tasks.h"

#include <cstdint>
#include <cstring>
#include <utility>

#include "node/tell.h"

namespace sledcast::node {

namespace {

constexpr std::size_t ANSWER_NUMBERS = 3;

napi_value toAnswer(napi_env env, const os::Batch& batch) {
  const std::size_t numbers = batch.outcomes().size() * ANSWER_NUMBERS * sizeof(double);
  void* data = nullptr;
  napi_value answer = nullptr;
  if (napi_create_arraybuffer(env, numbers + batch.repliesLength(), &data, &answer) != napi_ok) return nullptr;
  auto* number = static_cast<double*>(data);
  for (const os::Outcome& outcome : batch.outcomes()) {
    *number++ = outcome.error;
    *number++ = outcome.copiedOut ? 1 : 0;
    *number++ = static_cast<double>(outcome.actual);
  }
  if (batch.repliesLength() > 0) {
    std::memcpy(static_cast<std::uint8_t*>(data) + numbers, batch.replies(), batch.repliesLength());
  }
  return answer;
}

}  // namespace

void DeviceState::closeWhenIdle(Napi::Env env) {
  if (phase != Phase::closing || underWay > 0) return;
  phase = Phase::closed;
  // Here and not in the pool: closing a control device waits for nothing.
  descriptor.close();
  // Moved out, so that what the callback holds on to can be collected with it.
  const Napi::FunctionReference done = std::move(closeDone);
  tell(env, done, nullptr);
}

OpenTask::OpenTask(const Napi::Function& done, std::shared_ptr<DeviceState> state)
    : AsyncWorker(done, "sledcast.open"), state_(std::move(state)) {
  state_->phase = Phase::opening;
}

void OpenTask::Execute() { error_ = opened_.open(state_->path); }

void OpenTask::OnOK() {
  state_->phase = error_ == 0 ? Phase::open : Phase::closed;
  state_->descriptor = std::move(opened_);
  napi_value error = nullptr;
  if (napi_create_int32(Env(), error_, &error) == napi_ok) tell(Env(), Callback(), error);
}

RunTask::RunTask(const Napi::Function& done, std::shared_ptr<DeviceState> state, os::Batch batch)
    : AsyncWorker(done, "sledcast.run"), state_(std::move(state)), batch_(std::move(batch)) {}

void RunTask::Execute() { batch_.run(state_->descriptor); }

void RunTask::OnOK() {
  state_->underWay--;
  // An answer that cannot be made comes as none at all: the commands have run, only what they said is lost.
  tell(Env(), Callback(), toAnswer(Env(), batch_));
  // Whoever waits for the close is not to pay for what the callback threw.
  const PutAside exception(Env());
  state_->closeWhenIdle(Env());
}

}  // namespace sledcast::node
