// Reads and writes at addresses the caller of ioctl gave, which may be anything: where a kernel answers EFAULT, so do
// we, and do not crash.
#pragma once

#include <cstddef>

namespace fake_xde {

// False: not all of it is readable (or writable). Some of `to` may have been written all the same, as by a kernel.
bool copy_in(void* to, const void* user, size_t length);
bool copy_out(void* user, const void* from, size_t length);

}  // namespace fake_xde
