// Which files are fake devices, and whose.
//
// A descriptor number proves nothing: it can be closed by a path no interposed close sees, and then be given to another
// file. The inode does, so a device is looked up by what fstat says at the moment of the call.
//
// Nothing is ever removed (nobody can tell when the last descriptor goes), and nothing is locked: a child forked while
// another thread was in here finds it whole. An open costs a few dozen bytes for the life of the process.
#pragma once

#include <sys/un.h>

namespace fake_xde {

// A driver, known by where it listens. There is one object per path, so pointers can be compared.
struct Server {
  sockaddr_un address;
  const Server* next;
};

// The server of a socket path, made if it is new. Null, with errno, if the path is too long for a socket address.
const Server* server_at(const char* socket_path);

// A new descriptor that is a device of that server, or -1 with errno.
int make_device(const Server& server, bool close_on_exec);

// The server of the device behind a descriptor, or null if it is no fake device.
const Server* server_of(int descriptor);

}  // namespace fake_xde
