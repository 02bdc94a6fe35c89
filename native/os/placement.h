// Which number a descriptor gets, where that decides in which order a dying process closes it.
#pragma once

#include "os/descriptor.h"

namespace sledcast::os {

// How a system closes what a process that ends has left open:
//  - ascending: illumos, `closeall()` (usr/src/uts/common/os/fio.c) walks the list from 0;
//  - descending: macOS, whose teardown starts at the last one; and Linux, in effect: it walks up, but
//    a close is put off to task work, which is done last in, first out (`__fput` by `task_work_add`).
enum class Teardown { ascending, descending };

#if defined(__sun)
constexpr Teardown TEARDOWN = Teardown::ascending;
#else
constexpr Teardown TEARDOWN = Teardown::descending;
#endif

// Gives the descriptor a number by which it is closed before `newest`; -1 for none yet. Where there
// is no such number it keeps the one it has, and that is no failure.
void placeBefore(int newest, Teardown teardown, Descriptor& descriptor) noexcept;

}  // namespace sledcast::os
