#include "node/scripts.h"

#include <cstddef>
#include <cstring>
#include <utility>

#include "node/tell.h"

namespace sledcast::node {

namespace {

napi_value toAnswer(napi_env env, const std::vector<std::int32_t>& errors) {
  const std::size_t length = errors.size() * sizeof(std::int32_t);
  void* data = nullptr;
  napi_value answer = nullptr;
  if (napi_create_arraybuffer(env, length, &data, &answer) != napi_ok) return nullptr;
  if (length > 0) std::memcpy(data, errors.data(), length);
  return answer;
}

}  // namespace

// Here, where a task is a whole type.
ScriptQueue::~ScriptQueue() = default;

void ScriptQueue::add(const Napi::Function& done, const std::shared_ptr<ScriptQueue>& self,
                      std::vector<std::uint8_t> script) {
  add(std::make_unique<ScriptTask>(done, self, ScriptTask::Kind::run, std::move(script)));
}

void ScriptQueue::addClose(const Napi::Function& done, const std::shared_ptr<ScriptQueue>& self) {
  add(std::make_unique<ScriptTask>(done, self, ScriptTask::Kind::close, std::vector<std::uint8_t>()));
}

void ScriptQueue::add(std::unique_ptr<ScriptTask> task) {
  waiting_.push_back(std::move(task));
  startNext();
}

void ScriptQueue::startNext() {
  if (busy_ || waiting_.empty()) return;
  busy_ = true;
  // A worker owns itself from here on: it is gone after its callback.
  ScriptTask* task = waiting_.front().release();
  waiting_.pop_front();
  task->Queue();
}

// Each task holds the queue, and the queue holds them: what will never run has to be let go of.
void ScriptQueue::abandon() { waiting_.clear(); }

ScriptTask::ScriptTask(const Napi::Function& done, std::shared_ptr<ScriptQueue> queue, Kind kind,
                       std::vector<std::uint8_t> script)
    : AsyncWorker(done, "sledcast.memberships"),
      queue_(std::move(queue)),
      kind_(kind),
      script_(std::move(script)),
      errors_(script_.size() / os::Memberships::STEP_BYTES) {}

void ScriptTask::Execute() {
  if (kind_ == Kind::close) {
    queue_->memberships_.close();
  } else {
    queue_->memberships_.run(script_.data(), errors_.size(), errors_.data());
  }
}

void ScriptTask::OnOK() {
  queue_->busy_ = false;
  // An answer that cannot be made comes as none at all: the steps have run, only what came of them is lost.
  const napi_value answer = kind_ == Kind::close ? nullptr : toAnswer(Env(), errors_);
  const bool heard = tell(Env(), Callback(), answer);
  // Those behind are not to pay for what the callback threw.
  const PutAside exception(Env());
  if (heard) {
    queue_->startNext();
  } else {
    queue_->abandon();
  }
}

}  // namespace sledcast::node
