#include "device.h"

#include <errno.h>
#include <fcntl.h>

#include <cstring>

#include "../opte/command.h"
#include "protocol.h"
#include "thread_state.h"
#include "user_memory.h"

namespace fake_xde {
namespace {

static_assert(kRespCopyOut == RESP_COPY_OUT, "the reply's flag is the driver's");

// The head of a reply and those of its bytes that came with it; `left` more are to be received.
struct Reply {
  ReplyFrame head;
  const unsigned char* bytes;
  size_t have;
  uint64_t left;
};

// A server that breaks the protocol is not asked to explain: whatever else is on that connection means nothing.
int protocol_broken(Connection& connection) {
  connection.drop();
  return EIO;
}

bool is_valid(const ReplyFrame& head, FrameLength length, size_t came, uint64_t capacity) {
  if (head.error < 0 || head.error > kMaxErrno || (head.flags & ~kRespCopyOut) != 0) return false;
  const bool has_bytes = (head.flags & kRespCopyOut) != 0;
  if (has_bytes && head.resp_len_actual > capacity) return false;
  return length - sizeof(head) == (has_bytes ? head.resp_len_actual : 0) && came <= length;
}

// Sends the frame of `length` bytes that lies in the buffer (its own length excluded), and receives the reply's
// beginning into the same buffer.
int exchange(Connection& connection, const Buffer& buffer, FrameLength length, uint64_t capacity, Reply& reply) {
  if (const int error = connection.send_frame(buffer.bytes, sizeof(length) + length)) return error;

  constexpr size_t kHead = sizeof(FrameLength) + sizeof(ReplyFrame);
  size_t received;
  if (const int error = connection.receive(buffer.bytes, kHead, buffer.size, received)) return error;
  FrameLength reply_length;
  memcpy(&reply_length, buffer.bytes, sizeof(reply_length));
  memcpy(&reply.head, buffer.bytes + sizeof(reply_length), sizeof(reply.head));
  if (reply_length < sizeof(reply.head) ||
      !is_valid(reply.head, reply_length, received - sizeof(reply_length), capacity)) {
    return protocol_broken(connection);
  }
  reply.bytes = buffer.bytes + kHead;
  reply.have = received - kHead;
  reply.left = reply_length - sizeof(reply.head) - reply.have;
  return 0;
}

// Copies the reply's bytes to the caller as they come, so a large reply needs no large buffer. All are received, even
// when they cannot be copied: the next exchange begins behind them. EFAULT: the caller's buffer is not writable.
int copy_reply(Connection& connection, const Buffer& buffer, Reply& reply, unsigned char* user) {
  bool writable = copy_out(user, reply.bytes, reply.have);
  for (user += reply.have; reply.left > 0;) {
    const size_t most = reply.left < buffer.size ? static_cast<size_t>(reply.left) : buffer.size;
    size_t received;
    if (const int error = connection.receive(buffer.bytes, 1, most, received)) return error;
    writable = writable && copy_out(user, buffer.bytes, received);
    user += received;
    reply.left -= received;
  }
  return writable ? 0 : EFAULT;
}

// Nobody listening is a device that is gone, once it has been open.
int once_open(int error) { return error == ECONNREFUSED || error == ENOENT ? ENXIO : error; }

// The whole of a command but the caller's struct, of which `command` is our copy.
int forward(const Server& server, OpteCmdIoctl& command) {
  bool readable = command.req_len <= kMaxRequest;
  size_t body = readable ? static_cast<size_t>(command.req_len) : 0;
  constexpr size_t kHead = sizeof(FrameLength) + sizeof(CommandFrame);
  Connection* connection = connection_to(server);
  const Buffer buffer = thread_buffer(kHead + body);
  if (connection == nullptr || buffer.bytes == nullptr) return ENOMEM;

  readable = readable && copy_in(buffer.bytes + kHead, command.req_bytes, body);
  if (!readable) body = 0;
  const CommandFrame frame{kKindCommand,
                           command.cmd,
                           command.api_version,
                           command.req_len,
                           command.resp_len,
                           readable ? 0 : kFaultRequest,
                           0};
  const auto length = static_cast<FrameLength>(sizeof(frame) + body);
  memcpy(buffer.bytes, &length, sizeof(length));
  memcpy(buffer.bytes + sizeof(length), &frame, sizeof(frame));

  Reply reply;
  if (const int error = exchange(*connection, buffer, length, command.resp_len, reply)) return once_open(error);
  const bool has_bytes = (reply.head.flags & kRespCopyOut) != 0;
  const int copied = has_bytes ? copy_reply(*connection, buffer, reply, command.resp_bytes) : 0;
  // Of a reply that never came whole the caller learns nothing; of one it has no place for, how long it is.
  if (copied != 0 && copied != EFAULT) return copied;
  command.resp_len_actual = reply.head.resp_len_actual;
  // A version that differs is EPROTO whatever became of the reply that says so (xde's IoctlEnvelope::wrap).
  if (copied != 0) return reply.head.error == EPROTO ? EPROTO : copied;
  if (has_bytes) command.flags |= RESP_COPY_OUT;
  return reply.head.error;
}

}  // namespace

int open_device(const Server& server, int flags) {
  Connection* connection = connection_to(server);
  const Buffer buffer = thread_buffer(0);
  if (connection == nullptr || buffer.bytes == nullptr) return ENOMEM;
  const OpenFrame frame{kKindOpen, static_cast<uint32_t>(flags)};
  const FrameLength length = sizeof(frame);
  memcpy(buffer.bytes, &length, sizeof(length));
  memcpy(buffer.bytes + sizeof(length), &frame, sizeof(frame));

  Reply reply;
  if (const int error = exchange(*connection, buffer, length, 0, reply)) return error;
  if (reply.left > 0 || reply.have > 0 || reply.head.flags != 0) return protocol_broken(*connection);
  if (reply.head.error != 0) return reply.head.error;
  // xde_open asks the policy first, and looks at the flags after; at the access mode it does not look.
  return (flags & (O_EXCL | O_NONBLOCK | O_NDELAY)) != 0 ? EINVAL : 0;
}

int run_command(const Server& server, void* argument) {
  OpteCmdIoctl command;
  if (!copy_in(&command, argument, sizeof(command))) return EFAULT;
  const int error = forward(server, command);
  release_large_buffer();
  // As the driver does: the struct goes back on errors too, and an error of the command outweighs that it cannot.
  const bool writable = copy_out(argument, &command, sizeof(command));
  return error != 0 || writable ? error : EFAULT;
}

}  // namespace fake_xde
