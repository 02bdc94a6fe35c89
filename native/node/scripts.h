// Scripts of memberships in the thread pool, one at a time.
#pragma once

#include <napi.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "os/memberships.h"

namespace sledcast::node {

class ScriptTask;

// What is to run on one `os::Memberships`, in the order it came. Only the first is handed to the
// pool, and the next when that one is done: a thread of the pool never waits for another, and others
// get their turn between. All but the sockets' use is on the environment's own thread, hence no lock.
// It belongs to the JavaScript object and to every task, so a collected object does not close the
// sockets under a script.
class ScriptQueue {
 public:
  ScriptQueue() = default;
  ~ScriptQueue();
  ScriptQueue(const ScriptQueue&) = delete;
  ScriptQueue& operator=(const ScriptQueue&) = delete;

  // Runs the script, then `done(errors)`.
  void add(const Napi::Function& done, const std::shared_ptr<ScriptQueue>& self, std::vector<std::uint8_t> script);
  // Closes all sockets, then `done()`.
  void addClose(const Napi::Function& done, const std::shared_ptr<ScriptQueue>& self);

 private:
  friend class ScriptTask;

  void add(std::unique_ptr<ScriptTask> task);
  void startNext();
  void abandon();

  os::Memberships memberships_;
  // Those behind the one that is in the pool.
  std::deque<std::unique_ptr<ScriptTask>> waiting_;
  bool busy_ = false;
};

class ScriptTask final : public Napi::AsyncWorker {
 public:
  enum class Kind { run, close };
  ScriptTask(const Napi::Function& done, std::shared_ptr<ScriptQueue> queue, Kind kind,
             std::vector<std::uint8_t> script);

 private:
  void Execute() override;
  void OnOK() override;

  std::shared_ptr<ScriptQueue> queue_;
  const Kind kind_;
  std::vector<std::uint8_t> script_;
  std::vector<std::int32_t> errors_;
};

}  // namespace sledcast::node
