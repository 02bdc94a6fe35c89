// The fake device's two entry points, as a kernel calls a driver's. Each returns 0 or an errno number.
#pragma once

#include "registry.h"

namespace fake_xde {

// May the device be opened with these flags of open(2)? ECONNREFUSED or ENOENT: nobody listens.
int open_device(const Server& server, int flags);

// XDE_IOC_OPTE_CMD with the caller's argument, which may point anywhere.
int run_command(const Server& server, void* argument);

}  // namespace fake_xde
