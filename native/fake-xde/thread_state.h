// What each thread keeps between commands: its connections, and one buffer. Both go when the thread ends.
#pragma once

#include <cstddef>

#include "connection.h"

namespace fake_xde {

// The calling thread's connection to that server. Null if there is no memory for one.
Connection* connection_to(const Server& server);

struct Buffer {
  unsigned char* bytes;
  size_t size;
};

// The calling thread's buffer, of `length` bytes or more; what is in it lasts until the next call. Null bytes if there is
// no memory. A command that needed a large one gives it back with release_large_buffer().
Buffer thread_buffer(size_t length);
void release_large_buffer();

}  // namespace fake_xde
