// What libkstat's structs look like in a process of 64 bits (LP64), as illumos' sys/kstat.h and kstat.h have
// them: those headers are not on every host that builds us. Only what is used is named.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sledcast::os {

// Names are our own where the system's are macros.
// KSTAT_STRLEN. The kernel ends names within it, and nothing here depends on that.
constexpr std::size_t KSTAT_NAME_BYTES = 31;
// KSTAT_TYPE_NAMED.
constexpr std::uint8_t KSTAT_NAMED = 1;
// KSTAT_DATA_*: those of whole numbers.
constexpr std::uint8_t KSTAT_INT32 = 1;
constexpr std::uint8_t KSTAT_UINT32 = 2;
constexpr std::uint8_t KSTAT_INT64 = 3;
constexpr std::uint8_t KSTAT_UINT64 = 4;

// kid_t: a kstat's number, and the chain's.
using KstatId = std::int32_t;

// kstat_named_t.
struct KstatNamed {
  char name[KSTAT_NAME_BYTES];
  std::uint8_t dataType;
  union {
    char c[16];
    std::int32_t i32;
    std::uint32_t ui32;
    std::int64_t i64;
    std::uint64_t ui64;
    struct {
      char* pointer;
      std::uint32_t length;
    } string;
  } value;
};
static_assert(sizeof(void*) == 8 && sizeof(std::size_t) == 8, "these are the layouts of 64 bits");
static_assert(sizeof(KstatNamed) == 48 && alignof(KstatNamed) == 8);
static_assert(offsetof(KstatNamed, name) == 0);
static_assert(offsetof(KstatNamed, dataType) == 31);
static_assert(offsetof(KstatNamed, value) == 32);
static_assert(offsetof(KstatNamed, value.string.pointer) == 32);
static_assert(offsetof(KstatNamed, value.string.length) == 40);
static_assert(sizeof(KstatNamed::value) == 16);

// kstat_t.
struct Kstat {
  std::int64_t creationTime;
  Kstat* next;
  KstatId id;
  char module[KSTAT_NAME_BYTES];
  std::uint8_t reserved;
  std::int32_t instance;
  char name[KSTAT_NAME_BYTES];
  std::uint8_t type;
  char kstatClass[KSTAT_NAME_BYTES];
  std::uint8_t flags;
  void* data;
  std::uint32_t records;
  std::size_t dataSize;
  std::int64_t snapshotTime;
  // The kernel's own: the update and snapshot functions, what they work on, and the lock.
  void* kernels[4];
};
static_assert(sizeof(Kstat) == 184 && alignof(Kstat) == 8);
static_assert(offsetof(Kstat, creationTime) == 0);
static_assert(offsetof(Kstat, next) == 8);
static_assert(offsetof(Kstat, id) == 16);
static_assert(offsetof(Kstat, module) == 20);
static_assert(offsetof(Kstat, instance) == 52);
static_assert(offsetof(Kstat, name) == 56);
static_assert(offsetof(Kstat, type) == 87);
static_assert(offsetof(Kstat, kstatClass) == 88);
static_assert(offsetof(Kstat, flags) == 119);
static_assert(offsetof(Kstat, data) == 120);
static_assert(offsetof(Kstat, records) == 128);
static_assert(offsetof(Kstat, dataSize) == 136);
static_assert(offsetof(Kstat, snapshotTime) == 144);

// kstat_ctl_t: a handle.
struct KstatControl {
  KstatId chainId;
  Kstat* chain;
  std::int32_t descriptor;
};
static_assert(sizeof(KstatControl) == 24);
static_assert(offsetof(KstatControl, chainId) == 0);
static_assert(offsetof(KstatControl, chain) == 8);
static_assert(offsetof(KstatControl, descriptor) == 16);

}  // namespace sledcast::os
