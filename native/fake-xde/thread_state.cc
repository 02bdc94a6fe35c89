#include "thread_state.h"

#include <cstdlib>
#include <new>

namespace fake_xde {
namespace {

constexpr size_t kUsualBuffer = 64U << 10;

struct ThreadState {
  Connection* connections = nullptr;
  unsigned char* buffer = nullptr;
  size_t capacity = 0;

  ThreadState() = default;
  ThreadState(const ThreadState&) = delete;
  ThreadState& operator=(const ThreadState&) = delete;
  // Leaves an empty state: another thread-local's destructor may still call ioctl after this.
  ~ThreadState() {
    while (Connection* first = connections) {
      connections = first->next;
      delete first;
    }
    release_buffer();
  }
  void release_buffer() {
    free(buffer);
    buffer = nullptr;
    capacity = 0;
  }
};

thread_local ThreadState thread_state;

}  // namespace

Connection* connection_to(const Server& server) {
  ThreadState& state = thread_state;
  for (Connection* known = state.connections; known != nullptr; known = known->next) {
    if (&known->server() == &server) return known;
  }
  auto* made = new (std::nothrow) Connection(server);
  if (made == nullptr) return nullptr;
  made->next = state.connections;
  state.connections = made;
  return made;
}

Buffer thread_buffer(size_t length) {
  ThreadState& state = thread_state;
  if (length > state.capacity || state.buffer == nullptr) {
    const size_t capacity = length > kUsualBuffer ? length : kUsualBuffer;
    state.release_buffer();
    state.buffer = static_cast<unsigned char*>(malloc(capacity));
    if (state.buffer != nullptr) state.capacity = capacity;
  }
  return {state.buffer, state.capacity};
}

void release_large_buffer() {
  if (thread_state.capacity > kUsualBuffer) thread_state.release_buffer();
}

}  // namespace fake_xde
