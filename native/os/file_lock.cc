#include "os/file_lock.h"

#include <sys/file.h>

#include <cerrno>

namespace sledcast::os {

int lockFile(int fd) noexcept {
  // Not fcntl(2)'s locks: those are the process's, and go when it closes any descriptor of the file,
  // as it does whenever it reads who has it.
  int result = 0;
  do {
    result = ::flock(fd, LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

}  // namespace sledcast::os
