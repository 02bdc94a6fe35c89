// Locks on files by which one process keeps another out. No Node in here.
#pragma once

namespace sledcast::os {

// Takes the file for the descriptor's holder alone, without waiting. Returns 0, EWOULDBLOCK when another
// has it, or the errno. The lock is the open file's: it goes when the last descriptor of it is closed,
// also by the kernel when the process is killed.
int lockFile(int fd) noexcept;

}  // namespace sledcast::os
