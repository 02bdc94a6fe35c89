#include "os/batch.h"

#include <cerrno>
#include <new>
#include <stdexcept>

namespace sledcast::os {

void Batch::run(const Descriptor& device) noexcept {
  const std::uint8_t* request = requests_.data();
  for (std::size_t i = 0; i < calls_.size(); i++) {
    const BatchCall& call = calls_[i];
    Outcome& outcome = outcomes_[i];
    try {
      // Each reply is written behind the last one's end, so a batch needs the room of what was
      // answered and of one capacity more, not of all capacities, and nothing is copied.
      if (replies_.size() < repliesLength_ + call.capacity) replies_.resize(repliesLength_ + call.capacity);
      outcome = runCommand(device, Command{call.apiVersion, call.cmd, request, call.requestLength,
                                           replies_.data() + repliesLength_, call.capacity});
      if (outcome.copiedOut) repliesLength_ += static_cast<std::size_t>(outcome.actual);
    } catch (const std::bad_alloc&) {
      outcome.error = ENOMEM;
    } catch (const std::length_error&) {
      outcome.error = ENOMEM;
    }
    request += call.requestLength;
  }
}

}  // namespace sledcast::os
