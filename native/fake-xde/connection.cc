#include "connection.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fake_xde {

// Somebody may have closed the socket behind our back (a closefrom() does) and its number may be another file now, so
// even closing is done only to what fstat knows again.
bool Connection::is_ours() const {
  struct stat status;
  return socket_ >= 0 && fstat(socket_, &status) == 0 && status.st_dev == dev_ && status.st_ino == ino_;
}

// Right before a frame is sent nothing can be waiting: bytes would be an answer nobody asked for, an end of file a
// server that has gone since.
bool Connection::is_usable() const {
  // After a fork the socket is the parent's: two processes' frames must not mix on it.
  if (process_ != getpid() || !is_ours()) return false;
  char byte;
  return recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EINTR);
}

void Connection::drop() {
  if (is_ours()) close(socket_);
  socket_ = -1;
}

int Connection::connect_to_server() {
  drop();
  socket_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return errno;
  struct stat status;
  if (fstat(socket_, &status) != 0) return errno;
  dev_ = status.st_dev;
  ino_ = status.st_ino;
  process_ = getpid();
  while (connect(socket_, reinterpret_cast<const sockaddr*>(&server_.address), sizeof(server_.address)) != 0) {
    if (errno == EINTR) continue;
    // A server that stops while we wait in its queue does not listen any more.
    const int error = errno == ECONNRESET ? ECONNREFUSED : errno;
    drop();
    return error;
  }
  return 0;
}

int Connection::send_frame(const void* frame, size_t length) {
  bool fresh = false;
  if (!is_usable()) {
    if (const int error = connect_to_server()) return error;
    fresh = true;
  }
  const auto* bytes = static_cast<const char*>(frame);
  size_t sent = 0;
  while (sent < length) {
    const ssize_t n = send(socket_, bytes + sent, length - sent, MSG_NOSIGNAL);
    if (n >= 0) {
      sent += static_cast<size_t>(n);
    } else if (errno != EINTR) {
      // Nothing of the frame was taken, so the server cannot have run it: a second try, once, is no second command.
      if (sent > 0 || fresh) {
        drop();
        return ENXIO;
      }
      if (const int error = connect_to_server()) return error;
      fresh = true;
    }
  }
  return 0;
}

int Connection::receive(void* buffer, size_t least, size_t most, size_t& received) {
  received = 0;
  while (received < least) {
    const ssize_t n = recv(socket_, static_cast<char*>(buffer) + received, most - received, 0);
    if (n > 0) {
      received += static_cast<size_t>(n);
    } else if (n == 0 || errno != EINTR) {
      drop();
      return ENXIO;
    }
  }
  return 0;
}

}  // namespace fake_xde
