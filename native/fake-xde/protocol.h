// What the fake /dev/xde and its server say to each other.
//
// The server listens on a Unix stream socket. A process that uses the fake device has one connection per thread that
// talks to it, and each connection carries one exchange at a time: a request frame, then its reply frame. All numbers
// are little-endian. Every frame starts with a u32: how many bytes follow it.
//
//   open      u32 kind = 1
//             u32 the flags of open(2), as the caller gave them
//
//   command   u32 kind = 2
//             i32 cmd
//             u64 api_version
//             u64 req_len          as in the caller's struct, whether bytes follow or not
//             u64 resp_len         the caller's capacity
//             u32 faults           bit 0: the request cannot be read (bad pointer, or more than 16 MiB)
//             u32 0
//             ... req_len bytes of request, none if bit 0 of faults is set
//
//   reply     i32 errno            0 is success; a number of this platform, below 4096
//             u32 flags            bit 0, RESP_COPY_OUT: reply bytes follow. No other bit
//             u64 resp_len_actual
//             ... resp_len_actual bytes of reply, only with RESP_COPY_OUT, and then never more than resp_len
//
// A reply to open has no flags and no bytes. An open is answered before the command of any descriptor it made, but the
// commands may come over other connections, of other threads or of a forked child, which send no open of their own.
// A connection that ends says nothing about descriptors: the driver's close is not forwarded.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fake_xde {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "frames are sent as they lie in memory");

constexpr uint32_t kKindOpen = 1;
constexpr uint32_t kKindCommand = 2;
constexpr uint32_t kFaultRequest = 1;
constexpr uint32_t kRespCopyOut = 1;
constexpr uint64_t kMaxRequest = 16U << 20;
constexpr int32_t kMaxErrno = 4095;

using FrameLength = uint32_t;

struct OpenFrame {
  uint32_t kind;
  uint32_t flags;
};

struct CommandFrame {
  uint32_t kind;
  int32_t cmd;
  uint64_t api_version;
  uint64_t req_len;
  uint64_t resp_len;
  uint32_t faults;
  uint32_t reserved;
};

struct ReplyFrame {
  int32_t error;
  uint32_t flags;
  uint64_t resp_len_actual;
};

static_assert(sizeof(OpenFrame) == 8);
static_assert(sizeof(CommandFrame) == 40 && offsetof(CommandFrame, api_version) == 8);
static_assert(offsetof(CommandFrame, req_len) == 16 && offsetof(CommandFrame, resp_len) == 24);
static_assert(offsetof(CommandFrame, faults) == 32);
static_assert(sizeof(ReplyFrame) == 16 && offsetof(ReplyFrame, resp_len_actual) == 8);
static_assert(sizeof(CommandFrame) + kMaxRequest <= UINT32_MAX, "a frame's length is a u32");

}  // namespace fake_xde
