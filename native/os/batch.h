// Commands that run one after another, with memory of their own for all that the kernel reads and
// writes: whatever becomes of the caller meanwhile, no call outlives its buffers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "os/device.h"

namespace sledcast::os {

struct BatchCall {
  std::uint64_t apiVersion;
  std::int32_t cmd;
  std::size_t requestLength;
  std::size_t capacity;
};

class Batch {
 public:
  // `requests` has the calls' requests end to end.
  Batch(std::vector<BatchCall> calls, std::vector<std::uint8_t> requests)
      : calls_(std::move(calls)), requests_(std::move(requests)), outcomes_(calls_.size()) {}

  // Runs all of them; a failed one does not stop those behind it.
  void run(const Descriptor& device) noexcept;

  const std::vector<Outcome>& outcomes() const noexcept { return outcomes_; }
  // The replies that were copied out, end to end.
  const std::uint8_t* replies() const noexcept { return replies_.data(); }
  std::size_t repliesLength() const noexcept { return repliesLength_; }

 private:
  std::vector<BatchCall> calls_;
  std::vector<std::uint8_t> requests_;
  std::vector<Outcome> outcomes_;
  std::vector<std::uint8_t> replies_;
  std::size_t repliesLength_ = 0;
};

}  // namespace sledcast::os
