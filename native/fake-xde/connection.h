// A connection to a server: made when the first frame needs it, made again when the server was. Used by one thread.
#pragma once

#include <sys/types.h>

#include <cstddef>

#include "registry.h"

namespace fake_xde {

// All functions return 0 or an errno number, and none of them raises a signal.
class Connection {
 public:
  explicit Connection(const Server& server) : server_(server) {}
  ~Connection() { drop(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Delivers one whole frame, over a new connection if there is none or the server has closed it since the last
  // exchange. ECONNREFUSED and ENOENT: nobody listens. ENXIO: the server went away, and may have read the frame.
  int send_frame(const void* frame, size_t length);

  // Receives until there are at least `least` bytes in the buffer; `received` says how many came. ENXIO: the server
  // went away.
  int receive(void* buffer, size_t least, size_t most, size_t& received);

  // Ends it. The next frame makes a new one.
  void drop();

  const Server& server() const { return server_; }

  Connection* next = nullptr;

 private:
  int connect_to_server();
  bool is_ours() const;
  bool is_usable() const;

  const Server& server_;
  int socket_ = -1;
  // What tells our socket from another file under its number, and from our parent's.
  dev_t dev_ = 0;
  ino_t ino_ = 0;
  pid_t process_ = 0;
};

}  // namespace fake_xde
