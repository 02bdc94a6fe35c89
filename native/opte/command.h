// The argument of xde's one ioctl, as the kernel reads it (opte-api `OpteCmdIoctl`, API 38 to 41).
#pragma once

#include <cstddef>
#include <cstdint>

struct OpteCmdIoctl {
  std::uint64_t api_version;
  std::int32_t cmd;
  // Named, so that no byte of the struct is ever left to chance.
  std::int32_t padding;
  std::uint64_t flags;
  std::uint64_t reserved1;
  const std::uint8_t* req_bytes;
  std::uint64_t req_len;
  std::uint8_t* resp_bytes;
  std::uint64_t resp_len;
  std::uint64_t resp_len_actual;
};

// The kernel copies the struct without looking: a field out of place is a pointer it believes.
static_assert(sizeof(void*) == 8, "xde is 64-bit only");
static_assert(sizeof(OpteCmdIoctl) == 72);
static_assert(alignof(OpteCmdIoctl) == 8);
#define SLEDCAST_FIELD(name, offset, size)             \
  static_assert(offsetof(OpteCmdIoctl, name) == (offset)); \
  static_assert(sizeof(OpteCmdIoctl::name) == (size))
SLEDCAST_FIELD(api_version, 0, 8);
SLEDCAST_FIELD(cmd, 8, 4);
SLEDCAST_FIELD(padding, 12, 4);
SLEDCAST_FIELD(flags, 16, 8);
SLEDCAST_FIELD(reserved1, 24, 8);
SLEDCAST_FIELD(req_bytes, 32, 8);
SLEDCAST_FIELD(req_len, 40, 8);
SLEDCAST_FIELD(resp_bytes, 48, 8);
SLEDCAST_FIELD(resp_len, 56, 8);
SLEDCAST_FIELD(resp_len_actual, 64, 8);
#undef SLEDCAST_FIELD

// Set in `flags` by the kernel when it wrote `resp_bytes`, on success and on a command's error.
constexpr std::uint64_t RESP_COPY_OUT = 1;

// What ioctl(2) takes its request as: POSIX, illumos and musl say int, glibc and macOS unsigned long.
// The number does not fit an int, so there it is its two's complement (-562596095).
#if defined(__sun) || (defined(__linux__) && !defined(__GLIBC__))
using IoctlRequest = int;
#else
using IoctlRequest = unsigned long;
#endif
constexpr IoctlRequest XDE_IOC_OPTE_CMD = static_cast<IoctlRequest>(0xde777701U);
